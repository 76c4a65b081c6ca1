"""The fingerprint of a database file, which shows without a query whether it was written to."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

DEMO_MARK: Final = int.from_bytes(b"DEMO")
"""The `application_id` of a demo market."""


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """Facts about a SQLite database file; each write changes at least one of them but its size.

    `header` holds its two counters of changes. The facts about the write-ahead log are null while
    it is empty. Of a PostgreSQL database `header` is a hash of all rows; it has no other facts but
    its size, in which room for later rows counts.
    """

    path: str
    bytes: int = field(compare=False)
    times: tuple[int, int]  # of the last change of the content and of the inode, in ns
    inode: int
    header: str
    wal: tuple[int, int] | None  # size, and time of the last change in ns
    wal_header: str | None
    shm_header: str | None


def fingerprint(path: Path) -> Fingerprint:
    """Return the fingerprint of a database.

    This process must have no open connection to it: closing the file would drop its locks.
    """
    path = path.resolve()
    stat, header = path.stat(), _head(path, 96) or b""
    wal = path.with_name(path.name + "-wal")
    written = _size_and_time(wal)
    return Fingerprint(
        path=path_text(path),
        bytes=stat.st_size,
        times=(stat.st_mtime_ns, stat.st_ctime_ns),
        inode=stat.st_ino,
        header=(header[24:28] + header[92:96]).hex(),
        wal=written,
        wal_header=_hex(_head(wal, 32)) if written else None,
        shm_header=_hex(_head(path.with_name(path.name + "-shm"), 48)) if written else None,
    )


def path_text(path: Path) -> str:
    """Return the whole path of a file as text, also where its bytes are no text."""
    return os.fsencode(path.resolve()).decode(errors="backslashreplace")


def is_demo(path: Path) -> bool:
    """Return True for a database that `pipelines.demo` wrote: its header bears our mark."""
    return (_head(path, 72) or b"")[68:] == DEMO_MARK.to_bytes(4)


def _size_and_time(wal: Path) -> tuple[int, int] | None:
    """Return the size and time of a log, None if it is absent or empty."""
    try:
        stat = wal.stat()
    except FileNotFoundError:
        return None
    return (stat.st_size, stat.st_mtime_ns) if stat.st_size else None


def _head(path: Path, size: int) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(size)
    except FileNotFoundError:
        return None


def _hex(raw: bytes | None) -> str | None:
    return None if raw is None else raw.hex()
