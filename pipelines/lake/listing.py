"""The versions of a lake as lists show them, with those that cannot be read."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipelines.lake import damage, kept, layout, marks
from pipelines.lake.described import Damaged, OtherLayout, manifest_of
from pipelines.lake.layout import current_id, version_ids
from pipelines.lake.manifest import Dataset, Manifest

State = Literal["current", "kept", "withdrawn", "damaged", "other layout"]
ProblemKind = Literal["damaged", "other layout"]


@dataclass(frozen=True)
class Listed:
    """A version, with its manifest where this release can read it."""

    version: str
    manifest: Manifest | None
    before: Manifest | None
    """The manifest of the newest older version that can be read."""
    problem: ProblemKind | None
    is_current: bool
    is_withdrawn: bool

    @property
    def state(self) -> State:
        """The state in a word or two; a problem comes before all else."""
        if self.problem:
            return self.problem
        return "current" if self.is_current else "withdrawn" if self.is_withdrawn else "kept"

    def changes(self) -> Iterator[str]:
        """Return what is new since the version before, a text for each dataset."""
        return changes(self.manifest, self.before) if self.manifest else iter(())


def listed(root: Path) -> list[Listed]:
    """Return all versions, oldest first, also those whose folders are gone, but not in order."""
    current = current_id(root)
    found: list[Listed] = []
    before: Manifest | None = None
    ids = {*version_ids(root), *kept.missing(root), *([current] if current else [])}
    for version in sorted(ids):
        manifest, problem = _read(root, version)
        is_withdrawn = marks.is_withdrawn(root, version)
        found.append(Listed(version, manifest, before, problem, version == current, is_withdrawn))
        before = manifest or before
    return found


def _read(root: Path, version: str) -> tuple[Manifest | None, ProblemKind | None]:
    """Return the manifest of a version if it can be read, and its problem if it has one."""
    try:
        manifest = manifest_of(root, version)
    except Damaged:
        return None, "damaged"
    except OtherLayout:
        return None, "other layout"
    return manifest, "damaged" if problems(root, version, manifest) else None


def problems(root: Path, version: str, manifest: Manifest) -> str:
    """Return the damage that was found before, or that the sizes of the files show; else ''."""
    by_size = damage.by_size(layout.version(root, version), manifest)
    return marks.known_damage(root, version) or "; ".join(by_size)


def changes(manifest: Manifest, before: Manifest | None) -> Iterator[str]:
    """Return the rows and files that are new since the version before, a text for each dataset."""
    if before is None:
        yield "first"
        return
    for name, dataset in manifest.datasets.items():
        was = before.datasets.get(name)
        new, old = _hashes(dataset), _hashes(was)
        differ = sum(old.get(path) != new.get(path) for path in old.keys() | new.keys())
        more = dataset.rows - (was.rows if was else 0)
        if differ:
            rows = f"{more:+,} {'row' if abs(more) == 1 else 'rows'}" if more else "other values"
            yield f"{name} {rows} in {differ} {'file' if differ == 1 else 'files'}"


def _hashes(dataset: Dataset | None) -> dict[str, str]:
    return {file.path: file.sha256 for file in dataset.files} if dataset else {}
