"""The room on the disk of the lake, and how much of it a refresh needs."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipelines.errors import DiskFull
from pipelines.lake import layout
from pipelines.lake.manifest import Manifest
from pipelines.place import Place
from pipelines.runtime import MB

PARQUET_SHARE: Final = 0.25
"""The size of a first version against that of its database: the demo market takes 0.18."""


@dataclass(frozen=True)
class Need:
    """The bytes that a refresh needs: for the copy of the database, and for the new files."""

    copy: int
    files: int

    @property
    def bytes(self) -> int:
        """All of them."""
        return self.copy + self.files

    def told(self) -> str:
        """Return the figures as a clause."""
        return (
            f"a refresh needs {self.bytes / MB:,.1f} MB, {self.copy / MB:,.1f} MB for its copy of "
            f"the database and {self.files / MB:,.1f} MB for the new version"
        )


@dataclass(frozen=True)
class Room:
    """The bytes of the disk that a folder is on: those that are free for this user, and all."""

    free: int
    total: int


def need_of(database: Place, current: Manifest | None) -> Need | None:
    """Return what a refresh needs: as much as the current version, or a share of the database.

    A database in PostgreSQL is not copied. None where the database is not there, or its size is
    not known.
    """
    if not isinstance(database, Path):
        return Need(0, current.bytes) if current else None
    try:
        copy = sum(path.stat().st_size for path in _parts(database))
    except OSError:
        return None
    return Need(copy, current.bytes if current else round(PARQUET_SHARE * copy))


def _parts(database: Path) -> Iterator[Path]:
    yield database
    wal = database.with_name(f"{database.name}-wal")
    if wal.exists():
        yield wal


def room_of(folder: Path) -> Room:
    """Return the room of a folder, or of where it is going to be made."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    usage = shutil.disk_usage(folder)
    return Room(usage.free, usage.total)


def returned(root: Path) -> int:
    """Return the bytes of versions in the making, and of remains, that a refresh gives back."""
    files = (path for folder in layout.leftovers(root) for path in folder.rglob("*"))
    return sum(_own_bytes(path) for path in files)


def _own_bytes(path: Path) -> int:
    """Return the size of a file that no version shares; 0 for one that is gone meanwhile."""
    try:
        stat = path.lstat()
    except OSError:
        return 0
    return stat.st_size if stat.st_nlink == 1 else 0


def check_room(root: Path, database: Place, current: Manifest | None) -> None:
    """Raise `DiskFull` if a refresh does not fit on the disk of the lake."""
    needed, folder = need_of(database, current), layout.versions(root)
    room = room_of(folder)
    if needed and room.free < needed.bytes:
        raise DiskFull(
            f"the disk of {folder} is too full: {needed.told()}, but {room.free / MB:,.1f} MB are "
            "free; make room there, or delete old versions with python -m pipelines.versions prune"
        )
