"""The list of the kept versions, so that one that was deleted by another hand is missed."""

import logging
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from pipelines.lake import layout

logger = logging.getLogger(__name__)


def note(root: Path, versions: Iterable[str]) -> None:
    """Write down the versions that are kept, in place of those before; `pointing` is held."""
    path = layout.kept(root)
    fresh = path.with_name(f"{path.name}.partial")
    try:
        fresh.write_text("".join(f"{version}\n" for version in versions))
        fresh.replace(path)
    except OSError as error:
        logger.warning("which versions are kept cannot be written down: %s", error)


def missing(root: Path) -> list[str]:
    """Return the versions that are kept, but whose folders are gone, oldest first.

    The list is read once more after the folders, for versions may be deleted in order meanwhile.
    """
    gone = {v for v in _noted(root) if not layout.version(root, v).exists()}
    return sorted(gone & _noted(root)) if gone else []


def _noted(root: Path) -> set[str]:
    with suppress(FileNotFoundError, NotADirectoryError):
        lines = layout.kept(root).read_text(errors="replace").splitlines()
        return {line for line in lines if layout.VERSION_ID.fullmatch(line)}
    return set()
