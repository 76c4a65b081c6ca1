"""A folder with a small database and a lake of it, and what bad input may do to them.

The lake already has a version, so that every case also goes through what a refresh takes from it.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.demo_market import EVENT_TABLES
from pipelines.demo_market import SCHEMA as SCHEMA_OF_MARKET
from pipelines.errors import StockRankError
from pipelines.export import export
from pipelines.lake import Lake, Manifest, version_ids
from pipelines.universe import SWEDEN
from tests.factories import Row, change, stock

# The tables without their constraints: SQLite itself would refuse some of the bad rows.
SCHEMA = SCHEMA_OF_MARKET + "".join(EVENT_TABLES.values())
LOOSE = SCHEMA.replace("NOT NULL", "")


for key in ("ticker", "index_id", "currency"):
    LOOSE = LOOSE.replace(f",\n    PRIMARY KEY ({key}, date)", "")


DATASETS = {
    "stocks": "stocks",
    "daily_prices": "prices",
    "index_prices": "index_prices",
    "fundamentals": "fundamentals",
    "fundamentals_snapshots": "fundamentals",
    "splits": "splits",
    "dividend_events": "dividends",
    "fx_rates": "fx_rates",
}


QUOTE = {"date": "2024-01-03", "open": 5.0, "high": 6.0, "low": 4.0, "close": 5.5}


ROWS: dict[str, Row] = {
    "stocks": stock("BAD", last_updated="2024-01-01 10:00:00"),
    "daily_prices": {"ticker": "BAD", "volume": 10.0, **QUOTE},
    "index_prices": {"index_id": "BAD", **QUOTE},
    "fundamentals": {"ticker": "BAD", "fiscal_date": "2023-12-31", "fetched_date": "2024-02-01",
                     "pe": 9.0, "roe": 0.2, "net_income": 5e6, "piotroski_f_score": 7},
    "fundamentals_snapshots": {"ticker": "BAD", "snapshot_date": "2024-02-01", "pe": 9.0},
    "splits": {"ticker": "BAD", "date": "2024-01-03", "ratio": 2.0},
    "dividend_events": {"ticker": "BAD", "ex_date": "2024-01-03", "payment_date": "2024-01-10",
                        "amount": 1.5, "currency": "SEK", "dividend_type": "regular"},
    "fx_rates": {"currency": "BAD", "date": "2024-01-03", "rate": 11.5},
}  # fmt: skip
"""A good row of each table, which a case makes bad."""


Make = Callable[[Path], object]


@dataclass(frozen=True)
class Sql:
    """A value that is written as SQL, and the text that stands for it in the rejects."""

    sql: str
    text: str


def insert(con: sqlite3.Connection, table: str, row: Row) -> int:
    marks = [v.sql if isinstance(v, Sql) else "?" for v in row.values()]
    values = [v for v in row.values() if not isinstance(v, Sql)]
    sql = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(marks)})"
    return con.execute(sql, values).lastrowid or 0


def new_database(path: Path, *, ddl: str = LOOSE, before: str = "") -> Path:
    """A small valid database, on pages so small that every year has some of its own."""
    good = ROWS["daily_prices"] | {"ticker": "GOOD"}
    with closing(sqlite3.connect(path)) as con, con:
        con.executescript(before or "PRAGMA page_size = 1024")
        con.executescript(ddl)
        for table, row in ROWS.items():
            names = {k: v.replace("BAD", "GOOD") if k != "name" and isinstance(v, str) else v
                     for k, v in row.items()}  # fmt: skip
            insert(con, table, names)
        for year in range(2018, 2024):
            for n in range(30):
                day = f"{year}-{n % 3 + 1:02}-{n % 28 + 1:02}"
                insert(con, "daily_prices", good | {"ticker": f"T{n}", "date": day})
    return path


@dataclass(frozen=True)
class Place:
    """A folder with a database `in/app.db`, and beside it a lake with a version of it."""

    top: Path

    @property
    def database(self) -> Path:
        return self.top / "in" / "app.db"

    @property
    def lake(self) -> Path:
        return self.top / "lake"

    def export(self, **options: Any) -> Manifest:
        return export(self.database, self.lake, SWEDEN, **options)

    def change(self) -> None:
        """Write to the database another close of the newest year."""
        change(self.database, "UPDATE daily_prices SET close = 9.5 WHERE ticker = 'GOOD'")

    def count(self, table: str) -> int:
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as con:
            return int(con.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def listing(top: Path) -> dict[str, Any]:
    """What is below a folder, but for the lock of the lake and the records of its refreshes."""
    return {
        str(path.relative_to(top)): contents(path)
        for path in top.rglob("*")
        if path.name != ".lock" and "refreshes" not in path.parts
    }


def contents(path: Path) -> Any:
    """The bytes of a file, the target of a link; readers of a WAL put marks into `-shm`."""
    if path.is_symlink():
        return path.readlink()
    return path.read_bytes() if path.is_file() and not path.name.endswith("-shm") else None


def refused(place: Place, message: str, **options: Any) -> None:
    """The export fails with one line that says `message`, and leaves everything as it was."""
    before = listing(place.top)
    with pytest.raises(StockRankError, match=message) as caught:
        place.export(**options)
    assert "\n" not in str(caught.value)
    assert listing(place.top) == before


def published(place: Place, **options: Any) -> Lake:
    """The export makes one version more, keeps it, moves `current`, and changes nothing else."""
    before, versions = listing(place.top), version_ids(place.lake)
    new = place.export(**options).version
    assert version_ids(place.lake) == [*versions, new]
    after = {path: what for path, what in listing(place.top).items() if new not in path}
    moved = dict.fromkeys(("lake/current", "lake/kept"))
    assert after | moved == before | moved
    assert (place.lake / "kept").read_text().split() == version_ids(place.lake)
    lake = Lake(place.lake)
    assert lake.version == new
    return lake


def sql(*statements: str) -> Make:
    return lambda path: change(path, *statements)


def write(data: bytes) -> Make:
    return lambda path: path.write_bytes(data)


def cut(size: int) -> Make:
    return lambda path: path.write_bytes(path.read_bytes()[:size])


def add(place: Place, table: str, row: Row) -> int:
    with closing(sqlite3.connect(place.database)) as con, con:
        return insert(con, table, row)


def counted(place: Place, lake: Lake, dataset: str) -> tuple[dict[str, int], dict[str, int]]:
    """What was rejected and what was warned of, once the sums are right."""
    entry = lake.manifest.datasets[dataset]
    tables = [table for table, name in DATASETS.items() if name == dataset]
    assert entry.rows_in == sum(place.count(table) for table in tables)
    assert entry.rows_in == entry.rows + sum(entry.rejected.values())
    assert entry.rows == sum(file.rows for file in entry.files)
    return dict(entry.rejected), dict(entry.warnings)


def rejects(lake: Lake, dataset: str, *columns: str) -> list[tuple[Any, ...]]:
    """`table, rowid, reason, kept` of the rejects, and the named columns."""
    path = lake.path / "rejects" / f"{dataset}.parquet"
    always = ("table", "rowid", "reason", "kept")
    return pl.read_parquet(path).select(*always, *columns).rows() if path.exists() else []


def rows(lake: Lake, dataset: str) -> list[Row]:
    frame: pl.DataFrame = getattr(lake, dataset)().collect()
    return frame.to_dicts()


OHL = ("open", "high", "low")


BAD_UTF8 = Sql("CAST(x'ff41' AS TEXT)", r"\xffA")


LATE = (datetime.now(UTC).date() + timedelta(days=3)).isoformat()


TEXT_CLOSE = {"ticker": "TEXT", "close": "x"}
