"""A private copy of the database, which does not change while it is read.

connectorx brings its own SQLite, opens files for writing and writes a WAL back into the database,
so it must never open the owner's file.
"""

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pipelines import database
from pipelines.database import in_wal_mode, read, told
from pipelines.errors import SourceError


def copy(path: Path, to: Path) -> None:
    """Copy a database as it is at one moment, though others may write to it."""
    try:
        in_wal, file = in_wal_mode(path), _file(path)
        read(path, lambda con: _copy(con, path, to, in_wal=in_wal))
        replaced = _file(path) != file
    except sqlite3.Error as error:
        raise SourceError(f"cannot copy {path}: {told(error)}") from None
    except OSError as error:
        raise SourceError(f"cannot copy {path} to {to}: {error.strerror}") from None
    if replaced:
        raise SourceError(f"{path} was replaced by another file while it was copied; try again")


def _file(path: Path) -> tuple[int, int]:
    """Return the device and inode of the file that has this name at the moment."""
    there = path.stat()
    return there.st_dev, there.st_ino


def _copy(con: sqlite3.Connection, path: Path, to: Path, *, in_wal: bool) -> None:
    con.execute("BEGIN")
    con.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (mode,) = con.execute("PRAGMA journal_mode").fetchone()
    if in_wal or mode == "wal":
        con.rollback()
        _back_up(con, to)
        return
    # The transaction keeps writers waiting. Nothing may open and close the file before it is
    # copied, for whoever closes it drops all locks that this process has on it.
    shutil.copyfile(path, to)
    con.rollback()


def _back_up(con: sqlite3.Connection, to: Path) -> None:
    to.unlink(missing_ok=True)
    with closing(sqlite3.connect(to)) as private:
        private.execute("PRAGMA synchronous = OFF")
        con.backup(private, progress=_deadline())
        private.execute("PRAGMA journal_mode = DELETE")


def _deadline() -> Callable[[int, int, int], None]:
    """Return a watch that ends a backup kept waiting too long; by itself it waits for ever."""
    start = time.monotonic()

    def check(status: int, remaining: int, total: int) -> None:  # noqa: ARG001 - sqlite3's shape
        locked = status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
        if locked and time.monotonic() - start > database.BUSY_SECONDS:
            raise _locked()

    return check


def _locked() -> sqlite3.OperationalError:
    """Return the error that SQLite itself raises where it waited too long."""
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY
    return error


@contextmanager
def open_copy(copy: Path, table: str) -> Iterator[sqlite3.Connection]:
    """Open the private copy to read a table; `SourceError` where that fails.

    Texts that are not UTF-8 come with their bytes as escapes.
    """
    try:
        with closing(sqlite3.connect(copy)) as con:
            con.text_factory = lambda raw: raw.decode(errors="backslashreplace")
            yield con
    except sqlite3.Error as error:
        raise SourceError(f"cannot read {table}: {told(error)}") from None
