"""The disk of the lake in the figures that people get, against what a refresh needs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pipelines import lake as lakes
from pipelines.lake import Manifest, layout
from pipelines.runtime import MB


@dataclass(frozen=True)
class FolderRoom:
    """The room on the disk of a folder, in MB: the lake's, or the one that a refresh works in."""

    name: Literal["lake", "work"]
    free_mb: float
    total_mb: float


@dataclass(frozen=True)
class DiskUsage:
    """The room of the folders against the need of the next refresh, in MB.

    What a refresh that runs, or was killed, has written counts as free: it is given back. The need
    is null where the database is not there. No folder is listed where the system does not tell.
    """

    folders: tuple[FolderRoom, ...]
    copy_mb: float | None
    files_mb: float | None
    needed_mb: float | None
    enough: bool | None


UNKNOWN_DISK: Final = DiskUsage((), None, None, None, None)
"""That of a disk that does not answer."""


def disk_usage(root: Path, database: Path, current: Manifest | None) -> DiskUsage:
    """The room on the disks of a lake; the need follows from its database and current version."""
    needed, folders = lakes.need_of(database, current), _folders(root)
    free = folders[-1].free_mb if folders else None
    return DiskUsage(
        folders=folders,
        copy_mb=_mb(needed.copy) if needed else None,
        files_mb=_mb(needed.files) if needed else None,
        needed_mb=_mb(needed.bytes) if needed else None,
        enough=None if needed is None or free is None else free >= _mb(needed.bytes),
    )


def _folders(root: Path) -> tuple[FolderRoom, ...]:
    try:
        lake, work = lakes.room_of(root), lakes.room_of(layout.versions(root))
        free = work.free + lakes.returned(root)
    except OSError:
        return ()
    return (
        FolderRoom("lake", _mb(lake.free), _mb(lake.total)),
        FolderRoom("work", _mb(free), _mb(work.total)),
    )


def _mb(size: int) -> float:
    return round(size / MB, 1)
