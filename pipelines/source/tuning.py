"""Make a database quicker to read, by its journal mode, indexes, and pragmas of connections.

`inspect` only reads: it asks an empty database in memory with the same schema for the plans to
come. `apply` sets the journal mode and makes indexes; rows are never touched.
"""

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pipelines import database
from pipelines.database import address, check_file, in_wal_mode, primary_code, read, told
from pipelines.errors import SourceError
from pipelines.source.indexes import INDEXES, QUERIES, Index, Query
from pipelines.source.schema import present
from pipelines.source.tables import FUNDAMENTALS, PRICES, SNAPSHOTS

CACHE_KIB: Final = 65_536
CONNECTION_PRAGMAS: Final = (f"PRAGMA cache_size = -{CACHE_KIB}", "PRAGMA temp_store = MEMORY")
"""Settings for connections that read much; SQLite does not keep them in the file."""

SET_WAL: Final = "PRAGMA journal_mode = WAL"
ANALYSED_ROWS: Final = 1_000
"""How many rows of an index `PRAGMA optimize` reads at most."""


Plans = Mapping[Query, str]


@dataclass(frozen=True)
class Setup:
    """How a database is set up, and how SQLite would run its queries.

    `indexes` names the index that does the work of each recommended one, None where none does.
    `defaults` has the pragmas of a new connection, `plans` the plan of each query in words,
    `analysed` the number of indexes with statistics, and `sizes` the bytes of each file.
    """

    journal_mode: str
    defaults: Mapping[str, int]
    indexes: Mapping[Index, str | None]
    plans: Plans
    analysed: int
    sizes: Mapping[str, int]

    @property
    def missing(self) -> list[Index]:
        """The recommended indexes whose work no index does."""
        return [index for index, name in self.indexes.items() if name is None]


def inspect(path: Path) -> Setup:
    """Return how a database is set up, without a write; `SourceError` where it cannot be read."""
    check_file(path)

    def setup(con: sqlite3.Connection) -> Setup:
        defaults = {name: _pragma(con, name) for name in ("cache_size", "temp_store")}
        for pragma in CONNECTION_PRAGMAS:
            con.execute(pragma)
        return Setup(
            journal_mode="wal" if in_wal_mode(path) else _pragma(con, "journal_mode"),
            defaults=defaults,
            indexes=_indexes(con),
            plans=_plans(con),
            analysed=len(_statistics(con)),
            sizes=_sizes(path),
        )

    with _told(path):
        return read(path, setup)


def expected_plans(path: Path) -> Plans:
    """Return the plans with all recommended indexes, asked of a copy of the schema in memory.

    SQLite may choose another plan once it has statistics of the new indexes.
    """
    check_file(path)
    with _told(path):
        return read(path, _expected_plans)


def _expected_plans(con: sqlite3.Connection) -> Plans:
    with closing(sqlite3.connect(":memory:")) as twin:
        tables = _tables(con)
        for table, sql in con.execute(
            "SELECT tbl_name, sql FROM sqlite_master WHERE type IN ('table', 'index') "
            "AND sql IS NOT NULL ORDER BY type DESC"
        ):
            if table.lower() in tables:
                twin.execute(sql)
        # SQLite chooses between indexes by statistics, so the copy gets those of the database.
        twin.execute("ANALYZE")
        twin.executemany("INSERT INTO sqlite_stat1 VALUES (?, ?, ?)", _statistics(con))
        twin.execute("ANALYZE sqlite_master")
        _make_missing(twin)
        return _plans(twin)


def _tables(con: sqlite3.Connection) -> list[str]:
    """Return the names of the tables that the queries read."""
    return [table.name for table in present(con, (PRICES, FUNDAMENTALS, SNAPSHOTS))]


def _indexes(con: sqlite3.Connection) -> dict[Index, str | None]:
    tables = _tables(con)
    return {index: _serving(con, index) for index in INDEXES if index.table in tables}


def _serving(con: sqlite3.Connection, index: Index) -> str | None:
    """Return the name of an index of the whole table that begins with the same columns."""
    wanted = [(column, "BINARY") for column in index.columns]
    names = con.execute(
        "SELECT name FROM pragma_index_list(?) WHERE NOT partial ORDER BY name", (index.table,)
    )
    for (name,) in names.fetchall():
        keys = con.execute(
            "SELECT lower(name), coll FROM pragma_index_xinfo(?) WHERE key ORDER BY seqno", (name,)
        )
        if keys.fetchall()[: len(wanted)] == wanted:
            return str(name)
    return None


def _make_missing(con: sqlite3.Connection) -> None:
    for index, name in _indexes(con).items():
        if name is None:
            con.execute(index.sql)


def _plans(con: sqlite3.Connection) -> Plans:
    tables = _tables(con)
    return {query: _plan(con, query.sql) for query in QUERIES if query.table in tables}


def _plan(con: sqlite3.Connection, sql: str) -> str:
    steps = con.execute(f"EXPLAIN QUERY PLAN {sql}", ("",) * sql.count("?"))
    return "; ".join(detail for *_, detail in steps)


def _statistics(con: sqlite3.Connection) -> list[tuple[str, str, str]]:
    """Return what `ANALYZE` wrote about the indexes of the tables that the queries read."""
    if not con.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'").fetchone():
        return []
    tables = _tables(con)
    return [
        row
        for row in con.execute("SELECT tbl, idx, stat FROM sqlite_stat1")
        if row[0].lower() in tables
    ]


def _pragma(con: sqlite3.Connection, name: str) -> Any:
    return con.execute(f"PRAGMA {name}").fetchone()[0]


@contextmanager
def _writing(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database for writing; a lock of another process is waited for."""
    uri = f"{address(path)}?mode=rw"
    with (
        _told(path),
        closing(
            sqlite3.connect(uri, uri=True, timeout=database.BUSY_SECONDS, isolation_level=None)
        ) as con,
    ):
        yield con


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Raise `SourceError` for an error of SQLite."""
    try:
        yield
    except sqlite3.Error as error:
        raise SourceError(f"cannot tune {path}: {told(error)}") from None


def _sizes(path: Path) -> dict[str, int]:
    files = [path, *(path.with_name(path.name + suffix) for suffix in ("-wal", "-journal"))]
    return {file.name: file.stat().st_size for file in files if file.exists()}


# ------------------------------------------------------------------------------------- apply


def apply(path: Path) -> None:
    """Set the journal mode, make all missing indexes or none, and let SQLite gather statistics.

    Doing it again changes nothing. The connection keeps SQLite's small cache and its temporary
    files on disk: with them an index is built as fast, in little memory.
    """
    check_file(path)
    with _writing(path) as con:
        _set_wal(con, path)
        con.execute("BEGIN IMMEDIATE")
        _make_missing(con)
        con.execute("COMMIT")
        # SQLite gathers statistics, where they pay, of tables that this connection has queried.
        _plans(con)
        con.execute(f"PRAGMA analysis_limit = {ANALYSED_ROWS}")
        con.execute("PRAGMA optimize")


def _set_wal(con: sqlite3.Connection, path: Path) -> None:
    """Change the journal mode, which needs a moment in which nobody else uses the database."""
    deadline = time.monotonic() + database.BUSY_SECONDS
    while (mode := _wal_or_busy(con)) is None and time.monotonic() < deadline:
        # SQLite does not wait by itself where another connection is writing.
        time.sleep(0.05)
    mode = mode or con.execute(SET_WAL).fetchone()[0]
    if mode != "wal":
        raise SourceError(
            f"{path} stays in journal mode {mode}; its file system has no shared memory, "
            "so keep the database on a local disk"
        )


def _wal_or_busy(con: sqlite3.Connection) -> str | None:
    """Return the journal mode that was set, None where another process is writing."""
    try:
        return str(con.execute(SET_WAL).fetchone()[0])
    except sqlite3.OperationalError as error:
        if primary_code(error) == sqlite3.SQLITE_BUSY:
            return None
        raise
