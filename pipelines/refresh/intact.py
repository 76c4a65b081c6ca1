"""A version compared with its own manifest: the files, and the saved state of the database."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipelines import lake, source
from pipelines.errors import LakeError
from pipelines.lake import Lake, damage, layout
from pipelines.terminal_table import Column, Table

logger = logging.getLogger(__name__)


@dataclass
class Comparison:
    """Tables to show, and each difference in a few words."""

    tables: list[Table] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def intact(version: Lake | None) -> Lake | None:
    """Return a version if its files have the bytes that were written; else log the damage."""
    if version is None:
        return None
    changed = damage.by_hash(version.path, version.manifest, damage.hashed)
    if not (problems := [*_state(version.path / layout.STATE), *changed]):
        return version
    give_up(f"version {version.version} is damaged: {'; '.join(problems)}")
    return None


def give_up(why: object) -> None:
    """Log that nothing can be taken from the current version, and the reason."""
    logger.warning("%s: everything is read again, and is not compared with that version", why)


def verify_files(version: Lake) -> Comparison:
    """Compare every file of a version with the manifest: bytes, hash, columns and types, rows."""
    found = lake.verified(version)
    rows = [
        (one.dataset, f"{one.files}", f"{one.rows:,}", "; ".join(one.problems) or "as made")
        for one in found
    ]
    title = f"files of version {version.version}"
    problems = [problem for one in found for problem in one.problems]
    return Comparison(
        [Table(title, ("dataset", "files", "rows", Column("result", wraps=True)), rows)],
        [*_state(version.path / layout.STATE), *problems],
    )


def _state(path: Path) -> Iterator[str]:
    try:
        source.check_state(path)
    except LakeError as error:
        yield str(error)
