"""A SQLite database that is only read: is the file one, who may open it, and what went wrong."""

import os
import sqlite3
import stat
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import quote

from pipelines.errors import SourceBusy, SourceError
from pipelines.fingerprint import fingerprint

REQUIRED_TABLES: Final = ("stocks", "daily_prices", "fundamentals")
"""The tables without which no refresh is possible."""
BUSY_SECONDS: Final = 30.0
"""How long to wait for a database that another process has locked."""
HEADER: Final = b"SQLite format 3\x00"
WAL_HEADER: Final = b"\x02\x02"
"""The bytes 18 and 19 of a database in WAL mode."""

Answer = TypeVar("Answer")

# ------------------------------------------------------------------------------------ errors

DAMAGED: Final = (
    "the database is damaged, so restore it from a backup, "
    "or save what can be with the command .recover of sqlite3"
)
UNFINISHED: Final = (
    "a writer was killed and its -journal is still there, so open the database once for writing, "
    "with its application or with sqlite3 FILE 'SELECT count(*) FROM sqlite_master', "
    "and SQLite will undo the unfinished write"
)
NEWER: Final = (
    f"SQLite {sqlite3.sqlite_version} cannot read the definition of this table, view, index or "
    "trigger; drop it, or run this with a Python that has a newer SQLite"
)
NOT_WRITABLE: Final = (
    "let this user write to the file and its folder; to read a database in WAL mode, "
    "SQLite must also be able to make its -wal and -shm there, "
    "so copy it with its -wal to a folder where this user may write"
)
REMEDIES: Final[Mapping[int, str]] = {
    sqlite3.SQLITE_READONLY_ROLLBACK: UNFINISHED,
    sqlite3.SQLITE_BUSY: "stop what uses it, then try again",
    sqlite3.SQLITE_READONLY: NOT_WRITABLE,
    sqlite3.SQLITE_CANTOPEN: NOT_WRITABLE,
    sqlite3.SQLITE_CORRUPT_INDEX: "make its indexes anew with the statement REINDEX in sqlite3",
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: DAMAGED,
    sqlite3.SQLITE_FULL: (
        "make room on its disk; indexes need about a fifth of the file's size, twice"
    ),
}
"""The remedy for an error, by SQLite's extended code or the primary one in its lowest byte."""
REMEDIES_BY_TEXT: Final[Mapping[str, str]] = {
    "malformed database schema": NEWER,
    "no such collation sequence": (
        "the application that made the database brings this order of texts; "
        "make the column or index again without COLLATE"
    ),
    "malformed": DAMAGED,
}
"""The remedy by text, for errors that share a code, or came through connectorx without one."""


def told(error: Exception, busy_seconds: float | None = None) -> str:
    """Return what SQLite says, with the remedy if one is known."""
    is_busy = primary_code(error) == sqlite3.SQLITE_BUSY
    waited = f" for {_patience(busy_seconds):g} s" if is_busy else ""
    remedy = _remedy(error)
    return f"{error}{waited}" + (f"; {remedy}" if remedy else "")


def _patience(busy_seconds: float | None) -> float:
    return BUSY_SECONDS if busy_seconds is None else busy_seconds


def _remedy(error: Exception) -> str | None:
    code, primary = _code(error), primary_code(error)
    by_text = (remedy for text, remedy in REMEDIES_BY_TEXT.items() if text in str(error))
    exact = REMEDIES.get(code) if code != primary else None
    return exact or next(by_text, REMEDIES.get(primary))


def _code(error: Exception) -> int:
    """Return the code of an error, 0 for one that SQLite did not raise."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code


def primary_code(error: Exception) -> int:
    """Return the code of the kind of error; the bits above the lowest eight tell cases apart."""
    return _code(error) & 0xFF


# -------------------------------------------------------------------------------------- file


def check_file(path: Path) -> None:
    """Raise `SourceError` unless a file is there, can be read, and begins as SQLite's do."""
    try:
        is_file = stat.S_ISREG(path.stat().st_mode)
        header = _header(path) if is_file else b""
    except (FileNotFoundError, NotADirectoryError):
        raise SourceError(
            f"no database at {path}; name one with --source or STOCKRANK_SOURCE, "
            "or make a demo one with python -m pipelines.demo"
        ) from None
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}") from None
    if not is_file:
        raise SourceError(f"{path} is not a file; --source takes a SQLite database")
    if header[: len(HEADER)] != HEADER:
        raise SourceError(f"{path} is not a SQLite database; --source takes one")


def _header(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(20)


def in_wal_mode(path: Path) -> bool:
    """Tell by the header, for SQLite says `delete` of any file that it opened as immutable."""
    return _header(path)[18:] == WAL_HEADER


# -------------------------------------------------------------------------------- connections


def read(
    path: Path,
    question: Callable[[sqlite3.Connection], Answer],
    *,
    busy_seconds: float | None = None,
) -> Answer:
    """Ask a question over a connection that cannot write, and return the answer.

    A WAL database that nobody uses has no `-wal` and `-shm` files, and an ordinary reader would
    leave both behind. It is opened as immutable, and if somebody wrote to it meanwhile, the
    question is asked once more in the ordinary way.
    """
    path = path.resolve()
    if in_wal_mode(path) and not path.with_name(f"{path.name}-wal").exists():
        before = fingerprint(path)
        try:
            answer = _asked(open_read_only(path, immutable=True), question)
        except (sqlite3.Error, SourceError):
            if fingerprint(path) == before:
                raise
        else:
            if fingerprint(path) == before:
                return answer
    return _asked(open_read_only(path, busy_seconds=busy_seconds), question)


def _asked(con: sqlite3.Connection, question: Callable[[sqlite3.Connection], Answer]) -> Answer:
    with closing(con):
        return question(con)


def open_read_only(
    path: Path, *, immutable: bool = False, busy_seconds: float | None = None
) -> sqlite3.Connection:
    """Open a database without the right to write to it, nor beside it if it is immutable."""
    return sqlite3.connect(
        f"{address(path)}?mode=ro&immutable={immutable:d}",
        uri=True,
        timeout=_patience(busy_seconds),
    )


def address(path: Path) -> str:
    """Return the URI of a file, whatever characters its name has."""
    return f"file://{quote(os.fsencode(path.absolute()))}"


# ----------------------------------------------------------------------------------- questions


def check_readable(path: Path, *, busy_seconds: float | None = None) -> None:
    """Raise `SourceError` unless a database can be read and has the tables that must be there.

    Wait for a lock up to `busy_seconds`, by default `BUSY_SECONDS`; then raise `SourceBusy`.
    """
    ask(path, _check_tables, busy_seconds=busy_seconds)


def ask(
    path: Path,
    question: Callable[[sqlite3.Connection], Answer],
    *,
    busy_seconds: float | None = None,
) -> Answer:
    """Return the answer to a question; `SourceError` where the database cannot be read.

    Nothing is written, neither to the database nor beside it.
    """
    check_file(path)
    try:
        return read(path, question, busy_seconds=busy_seconds)
    except sqlite3.Error as error:
        kind = SourceBusy if primary_code(error) == sqlite3.SQLITE_BUSY else SourceError
        raise kind(f"cannot read {path}: {told(error, busy_seconds)}") from None


def _check_tables(con: sqlite3.Connection) -> None:
    names = table_names(con)
    for table in REQUIRED_TABLES:
        if table not in names:
            raise missing(table)
        con.execute(f"SELECT * FROM {table} LIMIT 1").fetchone()


def table_names(con: sqlite3.Connection) -> set[str]:
    """Return the names of all tables, in small letters: to SQLite another case is the same name."""
    return _names(con, "table")


def view_names(con: sqlite3.Connection) -> set[str]:
    """Return the names of all views, in small letters."""
    return _names(con, "view")


def _names(con: sqlite3.Connection, kind: str) -> set[str]:
    rows = con.execute("SELECT name FROM sqlite_master WHERE type = ?", (kind,))
    return {name.lower() for (name,) in rows}


def missing(table: str) -> SourceError:
    """Return the error of a table that must be there."""
    return SourceError(f"{absence(table)}; {SEE_SCHEMA}")


def absence(table: str) -> str:
    """Return what is wrong where a table is not there."""
    return f"the database has no table {table}"


SEE_SCHEMA: Final = 'see "The database: source_schema" in docs/operations.md'
"""Where the tables that are needed are written down."""
