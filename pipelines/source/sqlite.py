"""The source: a SQLite database → a private, consistent copy → Arrow batches by connectorx.

connectorx brings a SQLite of its own, opens files for writing and checkpoints a WAL, so it is
only ever shown the copy. Dates and times are read as text and parsed under the contract, for
connectorx takes `2024-1-3` for a date without a word.
"""

import os
import shutil
import sqlite3
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise
from pathlib import Path
from secrets import token_hex
from typing import Any, Final, Literal, TypeVar
from urllib.parse import quote

import polars as pl

from pipelines.errors import SourceError
from pipelines.source.changes import SOURCE_YEAR, fingerprint, is_unfinished, reading, told

BATCH_VALUES: Final = 800_000
"""Values of a batch, all columns together: 100,000 rows of prices."""
WINDOW_VALUES: Final = 1_600_000
"""Values of a stretch of rowids, which is one query."""
SPARSE: Final = 2
"""A span of so many rowids a row, or more, has its stretches counted out row by row."""
BUSY_SECONDS: Final = 30
HEADER: Final = b"SQLite format 3\x00"
WAL_HEADER: Final = b"\x02\x02"
"""The bytes 18 and 19 of a database in WAL mode."""

Answer = TypeVar("Answer")
Kind = Literal["text", "day", "time", "float", "int", "bool"]

DECLARED: Final[Mapping[Kind, tuple[str, ...]]] = {
    "text": ("VARCHAR", "TEXT", "CHAR"),
    "day": ("DATE", "TEXT", "VARCHAR"),
    "time": ("DATETIME", "TIMESTAMP", "TEXT", "VARCHAR"),
    "float": ("FLOAT", "REAL", "DOUBLE", "DOUBLE PRECISION"),
    "int": ("INTEGER", "INT", "BIGINT", "SMALLINT"),
    "bool": ("BOOLEAN", "BOOL"),
}
"""The declared types that connectorx reads as each kind, whatever the first row holds."""

BAD: Final[Mapping[Kind, tuple[str, str]]] = {
    "text": ("typeof({c}) = 'blob'", "blob_in_text"),
    "float": ("typeof({c}) NOT IN ('real', 'integer', 'null')", "text_in_number"),
    "int": ("typeof({c}) NOT IN ('integer', 'null')", "text_in_number"),
    "bool": ("typeof({c}) NOT IN ('integer', 'null')", "text_in_number"),
}
"""What connectorx cannot read of each kind, and the reason code of such a row.

Days and times are read as text, whatever they hold.
"""

ALL: Final = "1"
"""The condition of all rows."""
ROWID: Final = "rowid_"
ODD: Final = "odd_"
"""Begins the name of a column that tells, by 1 for 0, where a boolean was neither 0 nor 1."""


def _columns(text: str) -> dict[str, Kind]:
    kinds: dict[str, Kind] = {}
    for part in text.split(";"):
        kind, names = part.split(":")
        kinds |= dict.fromkeys(names.split(), next(k for k in DECLARED if k == kind.strip()))
    return kinds


_RATIOS: Final = (
    "market_cap pe pb ps p_fcf ev_ebitda roe roa roic fcfroe dividend_yield payout_ratio"
)
TABLES: Final[Mapping[str, Mapping[str, Kind]]] = {
    "stocks": _columns(
        "text: ticker name isin avanza_id sector market country currency stock_type;"
        "float: market_cap_msek; bool: is_active; day: last_validated; time: last_updated"
    ),
    "daily_prices": _columns("text: ticker; day: date; float: open high low close volume"),
    "fundamentals": _columns(
        "int: id piotroski_f_score; text: ticker data_source; day: fiscal_date fetched_date;"
        f"float: {_RATIOS} net_income operating_cf total_assets long_term_debt current_ratio"
        " shares_outstanding gross_margin asset_turnover perf_1m perf_3m perf_6m perf_12m"
    ),
    "fundamentals_snapshots": _columns(
        f"int: id; text: ticker; day: snapshot_date; float: {_RATIOS}"
    ),
    "index_prices": _columns("text: index_id; day: date; float: open high low close"),
}
OPTIONAL: Final = ("fundamentals_snapshots", "index_prices")
"""Tables that a source may lack."""


# --------------------------------------------------------------------------------- preflight


def preflight(path: Path) -> list[str]:
    """The tables to export; `SourceError` names what a database lacks. Nothing is created."""
    check_file(path)
    try:
        return read(path, _check_tables)
    except sqlite3.Error as error:
        raise SourceError(f"cannot read {path}: {told(error)}") from None


def check_file(path: Path) -> None:
    """Refuse what is not a readable SQLite file, by the file alone."""
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
    """By the header: a reader of an immutable file is told that the mode is `delete`."""
    return _header(path)[18:] == WAL_HEADER


def read(path: Path, question: Callable[[sqlite3.Connection], Answer]) -> Answer:
    """What a question has for an answer, asked of a connection that cannot write.

    A WAL database that nobody uses has no `-wal` and `-shm` files, and an ordinary reader would
    leave both behind. It is then read as immutable, and once more in the ordinary way if it was
    written to meanwhile.
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
    return _asked(open_read_only(path), question)


def _asked(con: sqlite3.Connection, question: Callable[[sqlite3.Connection], Answer]) -> Answer:
    with closing(con):
        return question(con)


def open_read_only(path: Path, *, immutable: bool = False) -> sqlite3.Connection:
    """A connection that cannot write to the database, nor beside it if that is immutable."""
    return sqlite3.connect(
        f"{address(path)}?mode=ro&immutable={immutable:d}", uri=True, timeout=BUSY_SECONDS
    )


def address(path: Path) -> str:
    """The address of a file, of any name, for SQLite."""
    return f"file://{quote(os.fsencode(path.absolute()))}"


def _check_tables(con: sqlite3.Connection) -> list[str]:
    present = {name for (name,) in con.execute("SELECT name FROM sqlite_master WHERE type='table'")}
    for table in TABLES:
        if table in present:
            _check_columns(con, table)
        elif table not in OPTIONAL:
            raise SourceError(f"the database has no table {table}; see source_schema in the README")
    return [table for table in TABLES if table in present]


def _check_columns(con: sqlite3.Connection, table: str) -> None:
    rows = con.execute(f"PRAGMA table_info({table})")
    declared = {name: (kind.upper(), pk) for _, name, kind, _, _, pk in rows}
    _check_rowid(con, table, declared)
    for column, kind in TABLES[table].items():
        if column not in declared:
            raise SourceError(f"the table {table} has no column {column}")
        base = declared[column][0].split("(")[0].strip()
        if base not in DECLARED[kind]:
            raise SourceError(
                f"{table}.{column} is declared {base or 'without a type'}; "
                f"expected {' or '.join(DECLARED[kind])}"
            )
    if "id" in TABLES[table] and not _is_key(declared, "id"):
        raise SourceError(f"{table}.id is not its INTEGER PRIMARY KEY")


def _is_key(declared: Mapping[str, tuple[str, int]], column: str) -> bool:
    """Whether a column is the rowid by another name."""
    return declared[column] == ("INTEGER", 1) and sum(bool(pk) for _, pk in declared.values()) == 1


def _check_rowid(
    con: sqlite3.Connection, table: str, declared: Mapping[str, tuple[str, int]]
) -> None:
    for column in declared:
        if column.lower() == "rowid" and not _is_key(declared, column):
            raise SourceError(
                f"the table {table} has a column named {column}, which hides SQLite's own rowid; "
                f"rename it with ALTER TABLE {table} RENAME COLUMN"
            )
    try:
        con.execute(f"SELECT rowid FROM {table} LIMIT 1")
    except sqlite3.OperationalError:
        raise SourceError(
            f"the table {table} has no rowid; make it without WITHOUT ROWID"
        ) from None


# -------------------------------------------------------------------------------------- copy


def copy(path: Path, to: Path) -> None:
    """A consistent copy of a database, whatever others write meanwhile."""
    try:
        in_wal, file = in_wal_mode(path), _file(path)
        read(path, lambda con: _copy(con, path, to, in_wal=in_wal))
        replaced = _file(path) != file
    except sqlite3.Error as error:
        if is_unfinished(error):
            raise SourceError(f"cannot copy {path}: {told(error)}") from None
        raise SourceError(
            f"cannot copy {path} within {BUSY_SECONDS} s: {error}; is another process writing?"
        ) from None
    except OSError as error:
        raise SourceError(f"cannot copy {path} to {to}: {error.strerror}") from None
    if replaced:
        raise SourceError(f"{path} was replaced by another file while it was copied; try again")


def _file(path: Path) -> tuple[int, int]:
    """Which file has a name now."""
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
    # The read began, so that whoever writes to the file must wait. Closing the file, however it
    # was opened, drops this process's locks on it: nothing may open it before it is copied.
    shutil.copyfile(path, to)
    con.rollback()


def _back_up(con: sqlite3.Connection, to: Path) -> None:
    to.unlink(missing_ok=True)
    with closing(sqlite3.connect(to)) as private:
        private.execute("PRAGMA synchronous = OFF")
        con.backup(private, progress=_deadline())
        private.execute("PRAGMA journal_mode = DELETE")


def _deadline() -> Callable[[int, int, int], None]:
    """Ends a backup that was kept waiting too long; by itself it waits for ever."""
    start = time.monotonic()

    def check(status: int, remaining: int, total: int) -> None:  # noqa: ARG001 - sqlite3's shape
        locked = status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
        if locked and time.monotonic() - start > BUSY_SECONDS:
            raise sqlite3.OperationalError("database is locked")

    return check


# ------------------------------------------------------------------------------------- table


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be read, with the reason."""

    rowid: int
    reason: str


@dataclass(frozen=True)
class Table:
    """A table of the private copy."""

    copy: Path
    name: str
    where: str = ALL
    """The rows that are read, as a condition in SQL; `rows` counts all."""

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """The columns that are read and what they hold."""
        return TABLES[self.name]

    @cached_property
    def rows(self) -> int:
        """`COUNT(*)`."""
        with reading(self.copy, self.name) as con:
            count: int = con.execute(f"SELECT count(*) FROM {self.name}").fetchone()[0]
            return count

    def batches(self, bad: Sequence[BadRow] = ()) -> Iterator[pl.DataFrame]:
        """Frames of about `BATCH_VALUES` values, in the order of `rowid`, without the bad rows.

        Columns: `rowid_` and those of `kinds`; days and times as text, null as the empty text; of
        each boolean one more, `odd_…`.
        `UnreadableRow` where connectorx cannot read a value: what came before is then void.
        """
        with _without_panic_messages():
            try:
                yield from self._frames(bad)
            except BaseException as error:
                if type(error).__name__ == "PanicException":
                    raise UnreadableRow(self.name, str(error)) from None
                if isinstance(error, RuntimeError):
                    raise SourceError(f"cannot read {self.name}: {told(error)}") from None
                raise

    def _frames(self, bad: Sequence[BadRow]) -> Iterator[pl.DataFrame]:
        span = self._span()
        if span is None:
            return
        first, last = span
        # Where no rowid is missing in between they are counted, which is faster than to read them.
        counted = self.where == ALL and not bad and last - first + 1 == self.rows
        select = self._select(bad, "" if counted else f"rowid AS {ROWID}, ")
        streams = (self._stream(f"{select} {window}") for window in self._windows(first, last))
        for stream, _ in pairwise(chain(streams, [()])):  # the next one reads meanwhile
            for batch in stream:
                frame = pl.DataFrame(batch)
                if not frame.height:
                    continue
                if counted:
                    rowids = first + pl.int_range(frame.height, eager=True)
                    frame.insert_column(0, rowids.alias(ROWID))
                    first += frame.height
                yield frame

    def _stream(self, query: str) -> Iterable[Any]:
        """The batches of a query, which connectorx begins to read at once."""
        from connectorx import read_sql  # noqa: PLC0415 - heavy, and loaded while copying

        batches: Iterable[Any] = read_sql(
            f"sqlite://{quote(str(self.copy))}", query, return_type="arrow_stream",
            batch_size=self._height(BATCH_VALUES),
        )  # fmt: skip
        return batches

    def _span(self) -> tuple[int, int] | None:
        """The first and the last rowid of the table."""
        with reading(self.copy, self.name) as con:
            # Each by itself, which SQLite looks up; for both at once it scans the table.
            first, last = (
                con.execute(f"SELECT {end}(rowid) FROM {self.name}").fetchone()[0]
                for end in ("min", "max")
            )
        return None if first is None else (first, last)

    def _windows(self, first: int, last: int) -> Iterator[str]:
        """A span of rowids in stretches of at most `WINDOW_VALUES`, as SQL.

        connectorx reads as fast as it can into a queue without bounds, so that the memory of a
        slow reader is that of the windows that are read.
        """
        for a, b in pairwise([*self._edges(first, last), last + 1]):
            yield f"AND rowid BETWEEN {a} AND {b - 1} ORDER BY rowid"

    def _edges(self, first: int, last: int) -> list[int]:
        """The first rowid of each window; none has more rows than `WINDOW_VALUES` makes."""
        height = self._height(WINDOW_VALUES)
        if last - first < SPARSE * self.rows:
            return list(range(first, last + 1, height))
        edges = [first]
        query = f"SELECT rowid FROM {self.name} WHERE rowid >= ? ORDER BY rowid LIMIT 1 OFFSET ?"
        with reading(self.copy, self.name) as con:
            while found := con.execute(query, (edges[-1], height)).fetchone():
                edges += found
        return edges

    def _height(self, values: int) -> int:
        """How many rows have so many values; at least one."""
        return max(1, values // (1 + len(self.kinds)))

    def _select(self, bad: Sequence[BadRow], rowid: str) -> str:
        # By SQLite's order of types: null, numbers, texts, blobs.
        as_text = (
            "CASE WHEN {c} < x'' THEN CAST({c} AS TEXT) WHEN {c} IS NULL THEN '' "
            "ELSE 'a blob' END AS {c}"
        )
        columns = ", ".join(
            as_text.format(c=c) if kind in ("day", "time") else c for c, kind in self.kinds.items()
        )
        for column, kind in self.kinds.items():
            if kind == "bool":
                # The reader takes any whole number but 0 for true.
                columns += f", COALESCE({column} NOT IN (0, 1), 0) AS {ODD}{column}"
        query = f"SELECT {rowid}{columns} FROM {self.name} WHERE {self.where}"
        if bad:
            query += f" AND rowid NOT IN (SELECT bad_rowid FROM {self._mark(bad)})"
        return query

    def _mark(self, bad: Sequence[BadRow]) -> str:
        """A table in the copy with the rowids of the bad rows, named like none of the owner's."""
        marks = f"bad_{token_hex(8)}"
        with reading(self.copy, self.name) as con, con:
            con.execute(f"CREATE TABLE {marks} (bad_rowid INTEGER PRIMARY KEY)")
            con.executemany(f"INSERT INTO {marks} VALUES (?)", [(row.rowid,) for row in bad])
        return marks

    def unreadable(self) -> list[BadRow]:
        """The rows that connectorx cannot read, each with the first reason; a slow full scan."""
        cases = " ".join(
            f"WHEN {BAD[kind][0].format(c=c)} THEN '{BAD[kind][1]}'"
            for c, kind in self.kinds.items()
            if kind in BAD
        )
        query = (
            f"SELECT rowid, reason FROM (SELECT rowid, CASE {cases} END AS reason "
            f"FROM {self.name} WHERE {self.where}) WHERE reason IS NOT NULL"
        )
        with reading(self.copy, self.name) as con:
            rows = [BadRow(*row) for row in con.execute(query)]
            found = {row.rowid for row in rows}
            texts = (BadRow(n, "bad_text") for n in self._not_unicode(con) if n not in found)
            return [*rows, *texts]

    def _not_unicode(self, con: sqlite3.Connection) -> Iterator[int]:
        texts = ", ".join(
            f"CASE typeof({c}) WHEN 'text' THEN {c} END"  # a blob would come as bytes, too
            for c, kind in self.kinds.items()
            if kind in ("text", "day", "time")
        )
        con.text_factory = bytes
        query = f"SELECT rowid, {texts} FROM {self.name} WHERE {self.where}"
        for rowid, *values in con.execute(query):
            if not all(value is None or _is_unicode(value) for value in values):
                yield rowid

    def originals(self, rowids: Sequence[int]) -> Iterator[tuple[str | None, ...]]:
        """The rows of those rowids, every value as text, in the order of `kinds`."""
        columns = ", ".join(self.kinds)
        with reading(self.copy, self.name) as con:
            for rowid in rowids:
                row = con.execute(
                    f"SELECT {columns} FROM {self.name} WHERE rowid = ?",
                    (rowid,),
                ).fetchone()
                yield tuple(_as_text(value) for value in row)

    def source_years(self, rowids: Sequence[int]) -> list[str]:
        """The source years of those rows; `''` also of one that is not there."""
        query = f"SELECT {SOURCE_YEAR} FROM {self.name} WHERE rowid = ?"
        with reading(self.copy, self.name) as con:
            found = (con.execute(query, (rowid,)).fetchone() for rowid in rowids)
            return [row[0] if row else "" for row in found]


class UnreadableRow(SourceError):
    """A value that connectorx cannot read ended the stream."""

    def __init__(self, table: str, cause: str) -> None:
        self.table: Final = table
        super().__init__(f"the table {table} has a value that cannot be read: {cause}")


def _is_unicode(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _as_text(value: object) -> str | None:
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    return None if value is None else str(value)


@contextmanager
def _without_panic_messages() -> Iterator[None]:
    """Nothing of a panic on stderr: connectorx prints it before Python sees the exception."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
