"""`python -m pipelines.tune`: what makes the source database quicker to read, and doing it.

Without `--apply` the database is only read, and the plans to come are those of an empty database
in memory with the same schema. With it the journal mode is set and indexes are made; rows are
never touched.
"""

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from pipelines import console
from pipelines.errors import SourceError
from pipelines.settings import Settings
from pipelines.source import (
    BUSY_SECONDS,
    address,
    check_file,
    in_wal_mode,
    is_unfinished,
    read,
    told,
)

CACHE_KIB: Final = 65_536
CONNECTION_PRAGMAS: Final = (f"PRAGMA cache_size = -{CACHE_KIB}", "PRAGMA temp_store = MEMORY")
"""What every connection that reads much sets for itself; SQLite keeps neither in the file."""

SET_WAL: Final = "PRAGMA journal_mode = WAL"
ANALYSED_ROWS: Final = 1_000
"""Rows of an index that `PRAGMA optimize` looks at, if it finds statistics worthwhile at all."""


@dataclass(frozen=True)
class Index:
    """An index that a ranking query needs, and why."""

    table: str
    columns: tuple[str, ...]
    why: str

    @property
    def name(self) -> str:
        """Tells who made it, of which columns."""
        return f"stockrank_{self.table}_{'_'.join(self.columns)}"

    @property
    def sql(self) -> str:
        """The statement that makes it."""
        return f"CREATE INDEX IF NOT EXISTS {self.name} ON {self.table} ({', '.join(self.columns)})"


INDEXES: Final = (
    Index(
        "daily_prices",
        ("date",),
        "the newest date, prices of the last days, counts by date; makes the file about a fifth "
        "larger, and prices of many months no quicker to read",
    ),
    Index("fundamentals", ("ticker", "fetched_date"), "newest row of a ticker without a scan"),
    Index(
        "fundamentals_snapshots",
        ("ticker", "snapshot_date"),
        "snapshots of a ticker, in order, without a scan",
    ),
)


@dataclass(frozen=True)
class Query:
    """A query such as rankings need; the date and the ticker are parameters."""

    title: str
    table: str
    sql: str


QUERIES: Final = (
    Query(
        "latest prices of a ticker",
        "daily_prices",
        "SELECT date, close FROM daily_prices WHERE ticker = ? ORDER BY date DESC LIMIT 252",
    ),
    Query(
        "prices since a date",
        "daily_prices",
        "SELECT ticker, date, close FROM daily_prices WHERE date >= ?",
    ),
    Query(
        "newest fundamentals of a ticker",
        "fundamentals",
        "SELECT * FROM fundamentals WHERE ticker = ? ORDER BY fetched_date DESC LIMIT 1",
    ),
    Query(
        "snapshots of a ticker",
        "fundamentals_snapshots",
        "SELECT * FROM fundamentals_snapshots WHERE ticker = ? ORDER BY snapshot_date",
    ),
    Query(
        "count by date",
        "daily_prices",
        "SELECT date, count(*) FROM daily_prices GROUP BY date",
    ),
)

# ------------------------------------------------------------------------------------- state


@dataclass(frozen=True)
class State:
    """How a database is set up, and how its queries run.

    `indexes` names what serves in the place of each recommended index, None where nothing does;
    `defaults` are the values that a new connection has.
    """

    journal_mode: str
    defaults: Mapping[str, int]
    indexes: Mapping[Index, str | None]
    plans: Mapping[Query, str]
    analysed: int
    sizes: Mapping[str, int]

    @property
    def missing(self) -> list[Index]:
        """The recommended indexes that nothing serves for."""
        return [index for index, name in self.indexes.items() if name is None]


def inspect(path: Path) -> State:
    """The state of a database, which is only read; `SourceError` where it cannot be."""
    check_file(path)

    def state(con: sqlite3.Connection) -> State:
        defaults = {name: _pragma(con, name) for name in ("cache_size", "temp_store")}
        for pragma in CONNECTION_PRAGMAS:
            con.execute(pragma)
        return State(
            journal_mode="wal" if in_wal_mode(path) else _pragma(con, "journal_mode"),
            defaults=defaults,
            indexes=_indexes(con),
            plans=_plans(con),
            analysed=len(_statistics(con)),
            sizes=_sizes(path),
        )

    with _told(path):
        return read(path, state)


def expected_plans(path: Path) -> dict[Query, str]:
    """The plans with all recommended indexes, asked of a copy of the schema in memory.

    SQLite may choose otherwise when it has statistics of the new indexes too.
    """
    check_file(path)
    with _told(path):
        return read(path, _expected_plans)


def _expected_plans(con: sqlite3.Connection) -> dict[Query, str]:
    with closing(sqlite3.connect(":memory:")) as twin:
        tables = _tables(con)
        for table, sql in con.execute(
            "SELECT tbl_name, sql FROM sqlite_master WHERE type IN ('table', 'index') "
            "AND sql IS NOT NULL ORDER BY type DESC"
        ):
            if table in tables:
                twin.execute(sql)
        # Statistics decide between indexes, so the copy gets those that there are.
        twin.execute("ANALYZE")
        twin.executemany("INSERT INTO sqlite_stat1 VALUES (?, ?, ?)", _statistics(con))
        twin.execute("ANALYZE sqlite_master")
        _make_missing(twin)
        return _plans(twin)


def _tables(con: sqlite3.Connection) -> list[str]:
    """The tables that the queries read; `SourceError` names one that every source has."""
    present = {name for (name,) in con.execute("SELECT name FROM sqlite_master WHERE type='table'")}
    for table in ("daily_prices", "fundamentals"):
        if table not in present:
            raise SourceError(f"the database has no table {table}; see source_schema in the README")
    return [index.table for index in INDEXES if index.table in present]


def _indexes(con: sqlite3.Connection) -> dict[Index, str | None]:
    tables = _tables(con)
    return {index: _serving(con, index) for index in INDEXES if index.table in tables}


def _serving(con: sqlite3.Connection, index: Index) -> str | None:
    """An index of the whole table, automatic ones included, that begins with the same columns."""
    wanted = [(column, "BINARY") for column in index.columns]
    names = con.execute(
        "SELECT name FROM pragma_index_list(?) WHERE NOT partial ORDER BY name", (index.table,)
    )
    for (name,) in names.fetchall():
        keys = con.execute(
            "SELECT name, coll FROM pragma_index_xinfo(?) WHERE key ORDER BY seqno", (name,)
        )
        if keys.fetchall()[: len(wanted)] == wanted:
            return str(name)
    return None


def _make_missing(con: sqlite3.Connection) -> None:
    for index, name in _indexes(con).items():
        if name is None:
            con.execute(index.sql)


def _plans(con: sqlite3.Connection) -> dict[Query, str]:
    tables = _tables(con)
    return {query: _plan(con, query.sql) for query in QUERIES if query.table in tables}


def _plan(con: sqlite3.Connection, sql: str) -> str:
    steps = con.execute(f"EXPLAIN QUERY PLAN {sql}", ("",) * sql.count("?"))
    return "; ".join(detail for *_, detail in steps)


def _statistics(con: sqlite3.Connection) -> list[tuple[str, str, str]]:
    """What `ANALYZE` found of the indexes of our tables."""
    if not con.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'").fetchone():
        return []
    tables = _tables(con)
    return [
        row for row in con.execute("SELECT tbl, idx, stat FROM sqlite_stat1") if row[0] in tables
    ]


def _pragma(con: sqlite3.Connection, name: str) -> Any:
    return con.execute(f"PRAGMA {name}").fetchone()[0]


# -------------------------------------------------------------------------------- connections


@contextmanager
def _writing(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that waits for a locked database."""
    uri = f"{address(path)}?mode=rw"
    with (
        _told(path),
        closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)) as con,
    ):
        yield con


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What goes wrong is a `SourceError`."""
    try:
        yield
    except sqlite3.Error as error:
        remedy = REMEDIES.get(_code(error), "").format(BUSY_SECONDS)
        said = told(error) if is_unfinished(error) else f"{error}{remedy}"
        raise SourceError(f"cannot tune {path}: {said}") from None


REMEDIES: Final = {
    sqlite3.SQLITE_BUSY: " for {} s; stop what uses it, then run this again",
    sqlite3.SQLITE_READONLY: "; the file and its folder must be writable",
    sqlite3.SQLITE_CANTOPEN: "; the file and its folder must be writable",
    sqlite3.SQLITE_FULL: "; indexes need about a fifth of the file's size on the disk, twice",
}


def _code(error: sqlite3.Error) -> int:
    """The kind of an error; the bits above the lowest eight tell cases of it apart."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def _sizes(path: Path) -> dict[str, int]:
    files = [path, *(path.with_name(path.name + suffix) for suffix in ("-wal", "-journal"))]
    return {file.name: file.stat().st_size for file in files if file.exists()}


# ------------------------------------------------------------------------------------- apply


def apply(path: Path) -> None:
    """Set the journal mode, make the missing indexes, all of them or none, and optimise.

    Doing it again changes nothing. The connection keeps SQLite's small cache and its temporary
    files on disk: an index is built no slower with them, in little memory.
    """
    check_file(path)
    with _writing(path) as con:
        _set_wal(con, path)
        con.execute("BEGIN IMMEDIATE")
        _make_missing(con)
        con.execute("COMMIT")
        # SQLite measures the indexes of tables that this connection queried, where it pays.
        _plans(con)
        con.execute(f"PRAGMA analysis_limit = {ANALYSED_ROWS}")
        con.execute("PRAGMA optimize")


def _set_wal(con: sqlite3.Connection, path: Path) -> None:
    """Change the journal mode as soon as nobody else uses the database."""
    deadline = time.monotonic() + BUSY_SECONDS
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
    """The journal mode that the database has got; None where it is in use."""
    try:
        return str(con.execute(SET_WAL).fetchone()[0])
    except sqlite3.OperationalError as error:
        if _code(error) == sqlite3.SQLITE_BUSY:
            return None
        raise


# ------------------------------------------------------------------------------------ report


@dataclass(frozen=True)
class Setting:
    """What a setting is, what it should be, where it is kept, and why it should."""

    what: str
    value: str
    wanted: str
    kept: str
    why: str

    @property
    def advice(self) -> str:
        """What to do about it."""
        return "as it is" if self.value == self.wanted else self.wanted


TEMP_STORES: Final = ("0 (default)", "1 (file)", "2 (memory)")


def _settings(state: State) -> list[Setting]:
    cache, temp = state.defaults["cache_size"], TEMP_STORES[state.defaults["temp_store"]]
    return [
        Setting("journal_mode", state.journal_mode, "wal", "the file",
                "readers and the writer do not wait for each other; local disks only"),
        *(Setting(f"index on {index.table} ({', '.join(index.columns)})", name or "none",
                  name or index.name, "the file", index.why)
          for index, name in state.indexes.items()),
        Setting("statistics", f"of {state.analysed} indexes" if state.analysed else "none",
                "PRAGMA optimize", "the file",
                f"SQLite decides if they pay, and reads at most {ANALYSED_ROWS:,} rows an index"),
        Setting("cache_size", f"{cache}", f"{-CACHE_KIB} (64 MiB)", "each connection",
                "pages that are read twice come from memory; below zero it is KiB"),
        Setting("temp_store", temp, TEMP_STORES[2], "each connection",
                "sorts without an index do not go to the disk"),
    ]  # fmt: skip


def advice(state: State, plans: Mapping[Query, str]) -> list[console.Table]:
    """What is, what is recommended, and the plans before and after."""
    rows = [(s.what, s.value, s.advice, s.kept, s.why) for s in _settings(state)]
    sizes = ", ".join(f"{name} {_mb(size)} MB" for name, size in state.sizes.items())
    return [
        console.Table(sizes, ("what", "is", "recommended", "kept in", "why"), rows),
        _plan_table("query plans, as they would become", state.plans, plans),
    ]


def changes(before: State, after: State) -> list[console.Table]:
    """What was and is, the plans, and the sizes of the files."""
    pairs = zip(_settings(before), _settings(after), strict=True)
    names = dict.fromkeys([*before.sizes, *after.sizes])
    sizes = [(n, _mb(before.sizes.get(n, 0)), _mb(after.sizes.get(n, 0))) for n in names]
    return [
        console.Table("settings", ("what", "was", "is", "kept in"),
                      [(was.what, was.value, now.value, was.kept) for was, now in pairs]),
        _plan_table("query plans", before.plans, after.plans),
        console.Table("files", ("file", "MB before", "MB after"), sizes),
    ]  # fmt: skip


def _plan_table(
    title: str, before: Mapping[Query, str], after: Mapping[Query, str]
) -> console.Table:
    rows = [
        (q.title, plan, "the same" if after[q] == plan else after[q]) for q, plan in before.items()
    ]
    return console.Table(title, ("query", "before", "after"), rows)


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f}"


HINT: Final = (
    "cache_size and temp_store are not kept in the file, and --apply does not set them for others:"
    " an application sets them on each connection that it opens, with\n"
    + "".join(f"  {pragma};\n" for pragma in CONNECTION_PRAGMAS)
)


# ----------------------------------------------------------------------------------- command


def main(
    *,
    source: Annotated[Path | None, typer.Option(help="SQLite database.", readable=False)] = None,
    do_apply: Annotated[bool, typer.Option("--apply", help="Do it.")] = False,
    config: Annotated[Path | None, typer.Option(help="Settings file.")] = None,
) -> None:
    """Show how to make the database quicker to read, and with --apply do it; rows stay as they are.

    Example: python -m pipelines.tune --source data/demo.db --apply
    """
    path = source or Settings.load(config).source
    before = inspect(path)
    if not do_apply:
        console.show(*advice(before, expected_plans(path)))
        console.write(HINT)
        console.write("nothing was changed; --apply sets what is kept in the file")
        return
    apply(path)
    after = inspect(path)
    console.show(*changes(before, after))
    console.write(HINT)
    made = ", ".join(index.name for index in before.missing) or "none"
    console.write(
        f"journal mode {before.journal_mode} → {after.journal_mode}, indexes made: {made}"
    )


if __name__ == "__main__":
    console.run(main)
