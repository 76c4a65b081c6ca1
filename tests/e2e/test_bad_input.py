"""Bad input, one case a line: what is refused by name, what goes to the rejects, what is left.

Every case runs against a lake that already has a version, so that it also goes through what a
refresh takes from the version before.
"""

import math
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from errno import ENOSPC
from pathlib import Path
from typing import Any, Self

import polars as pl
import pytest

from pipelines import lake as lake_module
from pipelines import source, versions
from pipelines.demo import SCHEMA
from pipelines.errors import LakeError, NothingPublished, SourceError, StockRankError
from pipelines.export import export
from pipelines.ingest import _groups
from pipelines.lake import Lake, Manifest, version_ids
from pipelines.universe import SWEDEN
from tests.factories import Row, stock

# The tables without their constraints: SQLite itself would refuse some of the bad rows.
LOOSE = SCHEMA.replace("NOT NULL", "")
for key in ("ticker", "index_id"):
    LOOSE = LOOSE.replace(f",\n    PRIMARY KEY ({key}, date)", "")

DATASETS = {
    "stocks": "stocks",
    "daily_prices": "prices",
    "index_prices": "index_prices",
    "fundamentals": "fundamentals",
    "fundamentals_snapshots": "fundamentals",
}
QUOTE = {"date": "2024-01-03", "open": 5.0, "high": 6.0, "low": 4.0, "close": 5.5}
ROWS: dict[str, Row] = {
    "stocks": stock("BAD", last_updated="2024-01-01 10:00:00"),
    "daily_prices": {"ticker": "BAD", "volume": 10.0, **QUOTE},
    "index_prices": {"index_id": "BAD", **QUOTE},
    "fundamentals": {"ticker": "BAD", "fiscal_date": "2023-12-31", "fetched_date": "2024-02-01",
                     "pe": 9.0, "roe": 0.2, "net_income": 5e6, "piotroski_f_score": 7},
    "fundamentals_snapshots": {"ticker": "BAD", "snapshot_date": "2024-02-01", "pe": 9.0},
}  # fmt: skip
"""A good row of each table, which a case makes bad."""

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "pipelines.export"]
Make = Callable[[Path], object]


# ---------------------------------------------------------------------------------- databases


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


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as con, con:
        for statement in statements:
            con.execute(statement)


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

    def count(self, table: str) -> int:
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as con:
            return int(con.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("made"))
    place.database.parent.mkdir()
    new_database(place.database)
    place.export()
    return place


@pytest.fixture
def place(made: Place, tmp_path: Path) -> Place:
    shutil.copytree(made.top, tmp_path / "place", symlinks=True)
    return Place(tmp_path / "place")


def listing(top: Path) -> dict[str, Any]:
    """What is below a folder, but for the lock of the lake."""
    return {
        str(path.relative_to(top)): contents(path)
        for path in top.rglob("*")
        if path.name != ".lock"
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
    """The export makes one version more, moves `current`, and changes nothing else."""
    before, versions = listing(place.top), version_ids(place.lake)
    manifest = place.export(**options)
    new = manifest["version"]
    assert version_ids(place.lake) == [*versions, new]
    after = {path: what for path, what in listing(place.top).items() if new not in path}
    assert after | {"lake/current": None} == before | {"lake/current": None}
    lake = Lake(place.lake)
    assert lake.version == new
    return lake


# ------------------------------------------------------------------- files and schemas refused


def remake(*edits: tuple[str, str]) -> Make:
    """The database made again with other words in its DDL."""

    def make(path: Path) -> None:
        ddl = LOOSE
        for old, new in edits:
            assert old in ddl
            ddl = ddl.replace(old, new)
        path.unlink()
        with closing(sqlite3.connect(path)) as con:
            con.executescript(ddl)

    return make


def sql(*statements: str) -> Make:
    return lambda path: change(path, *statements)


def write(data: bytes) -> Make:
    return lambda path: path.write_bytes(data)


def cut(size: int) -> Make:
    return lambda path: path.write_bytes(path.read_bytes()[:size])


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def root_of(data: bytes, path: Path, table: str) -> int:
    """Where the root page of a table begins."""
    with closing(sqlite3.connect(path)) as con:
        query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        return (con.execute(query, (table,)).fetchone()[0] - 1) * page_size(data)


def page_size(data: bytes) -> int:
    return int.from_bytes(data[16:18])


def over(path: Path, data: bytes, at: int, byte: bytes) -> None:
    size = page_size(data)
    path.write_bytes(data[:at] + byte * size + data[at + size :])


def damaged(table: str, byte: bytes) -> Make:
    """The root page of a table overwritten."""

    def make(path: Path) -> None:
        data = path.read_bytes()
        over(path, data, root_of(data, path, table), byte)

    return make


def damaged_leaf(byte: bytes) -> Make:
    """The last page of rows of the prices overwritten."""

    def make(path: Path) -> None:
        data = path.read_bytes()
        root = root_of(data, path, "daily_prices")
        assert data[root] == 5, "an interior page of a table"
        last = int.from_bytes(data[root + 8 : root + 12])
        over(path, data, (last - 1) * page_size(data), byte)

    return make


def damaged_pointer(to: int | None) -> Make:
    """The pointer to the last page of the prices leads elsewhere; None is to its own page."""

    def make(path: Path) -> None:
        data = path.read_bytes()
        root = root_of(data, path, "daily_prices")
        page = root // page_size(data) + 1 if to is None else to
        path.write_bytes(data[: root + 8] + page.to_bytes(4) + data[root + 12 :])

    return make


def damaged_schema(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:100] + b"\xff" * 200 + data[300:])


def without_rowid(path: Path) -> None:
    remake(("close FLOAT, open FLOAT, high FLOAT, low FLOAT\n)",
            "close FLOAT, open FLOAT, high FLOAT, low FLOAT,\n"
            "PRIMARY KEY (index_id, date)) WITHOUT ROWID"))(path)  # fmt: skip


SOURCES: dict[str, tuple[Make, str]] = {
    # the file
    "missing": (Path.unlink, r"no database at .*app\.db"),
    "folder": (as_folder, r"app\.db is not a file"),
    "device": (lambda p: (p.unlink(), p.symlink_to("/dev/null")), r"app\.db is not a file"),
    "link to nothing": (lambda p: (p.unlink(), p.symlink_to("no")), r"no database at .*app\.db"),
    "empty": (write(b""), r"app\.db is not a SQLite database"),
    "text": (write(b"ticker,date\n" * 50), r"app\.db is not a SQLite database"),
    "only a header": (cut(100), r"cannot read .*app\.db"),
    "cut in a page": (cut(1500), r"cannot read .*app\.db"),
    "cut after a page": (cut(4096), r"cannot read .*app\.db"),
    "damaged schema": (damaged_schema, r"cannot read .*app\.db: .*malformed"),
    "damaged root of stocks": (damaged("stocks", b"\xff"), "cannot read stocks: .*malformed"),
    "zeroed root of prices": (damaged("daily_prices", b"\0"), r"cannot read .*app\.db: .*malfor"),
    "damaged page of prices": (damaged_leaf(b"\xff"), "cannot read .*malformed"),
    "zeroed page of prices": (damaged_leaf(b"\0"), "cannot read .*malformed"),
    "page of prices without a number": (damaged_pointer(0), "cannot read .*malformed.*backup"),
    "pages of prices in a circle": (damaged_pointer(None), "cannot read .*malformed.*backup"),
    "page of prices after the end": (damaged_pointer(10**6), "cannot read .*malformed.*backup"),
    # the schema
    "no stocks": (sql("DROP TABLE stocks"), "no table stocks"),
    "no prices": (sql("DROP TABLE daily_prices"), "no table daily_prices"),
    "no fundamentals": (sql("DROP TABLE fundamentals"), "no table fundamentals"),
    "view for a table": (
        sql("ALTER TABLE stocks RENAME TO s", "CREATE VIEW stocks AS SELECT * FROM s"),
        "no table stocks",
    ),
    "no close": (sql("ALTER TABLE daily_prices DROP COLUMN close"), r"daily_prices .*no column cl"),
    "no sector": (sql("ALTER TABLE stocks DROP COLUMN sector"), "stocks has no column sector"),
    "no pe in an optional table": (
        sql("ALTER TABLE fundamentals_snapshots DROP COLUMN pe"),
        "fundamentals_snapshots has no column pe",
    ),
    "close as BLOB": (remake(("open FLOAT, close FLOAT, high", "open FLOAT, close BLOB, high")),
                      "daily_prices.close is declared BLOB; expected FLOAT"),
    "close as NUMERIC": (
        remake(("open FLOAT, close FLOAT, high", "open FLOAT, close NUMERIC, high")),
        "daily_prices.close is declared NUMERIC",
    ),
    "close as DECIMAL(10, 2)": (
        remake(("open FLOAT, close FLOAT, high", "open FLOAT, close DECIMAL(10, 2), high")),
        "daily_prices.close is declared DECIMAL",
    ),
    "close without a type": (remake(("open FLOAT, close FLOAT, high", "open FLOAT, close, high")),
                             "daily_prices.close is declared without a type"),
    "score as TEXT": (remake(("piotroski_f_score INTEGER", "piotroski_f_score TEXT")),
                      "fundamentals.piotroski_f_score is declared TEXT"),
    "no rowid": (without_rowid, "index_prices has no rowid"),
    "id not the key": (remake(("id INTEGER PRIMARY KEY, ticker", "id INTEGER, ticker")),
                       "fundamentals.id is not its INTEGER PRIMARY KEY"),
    "id a key of another type": (
        remake(("id INTEGER PRIMARY KEY, ticker", "id INT PRIMARY KEY, ticker")),
        "fundamentals.id is not its INTEGER PRIMARY KEY",
    ),
    "a column named rowid": (sql("ALTER TABLE daily_prices ADD COLUMN rowid INTEGER"),
                             "daily_prices.*column.*rowid"),
    "a column named RowID": (sql("ALTER TABLE stocks ADD COLUMN RowID TEXT"),
                             "stocks has a column named RowID.*rename it"),
    "id a part of the key": (
        remake(("id INTEGER PRIMARY KEY, ticker VARCHAR,", "id INTEGER, ticker VARCHAR,"),
               ("DEFAULT 'avanza'", "DEFAULT 'avanza', PRIMARY KEY (id, ticker)")),
        "fundamentals.id is not its INTEGER PRIMARY KEY",
    ),
    # the rows
    "no price": (sql("DELETE FROM daily_prices"), "no valid row in daily_prices"),
    "no valid price": (sql("UPDATE daily_prices SET close = 0"), "no valid row in daily_prices"),
    "no readable price": (sql("UPDATE daily_prices SET close = 'x'"), "no valid row in daily_pric"),
    "older than the version before": (
        sql("DELETE FROM daily_prices WHERE date > '2021-'"),
        "newest price is of 2020.*before that of the last version 2024-01-03",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("make", "message"), SOURCES.values(), ids=SOURCES)
def test_a_bad_database_is_refused_in_one_line_that_names_what_is_wrong(
    place: Place, make: Make, message: str
) -> None:
    make(place.database)
    refused(place, message)


# ------------------------------------------------------------------------------ rows rejected


BAD_UTF8 = Sql("CAST(x'ff41' AS TEXT)", r"\xffA")
LATE = (datetime.now(UTC).date() + timedelta(days=3)).isoformat()

REJECTED: dict[str, tuple[str, Row, str]] = {
    # the key
    "null ticker": ("daily_prices", {"ticker": None}, "null_key"),
    "empty ticker": ("daily_prices", {"ticker": ""}, "null_key"),
    "ticker of separators": ("daily_prices", {"ticker": " -_\t "}, "null_key"),
    "null index": ("index_prices", {"index_id": None}, "null_key"),
    "null stock": ("stocks", {"ticker": None}, "null_key"),
    "stock of separators": ("stocks", {"ticker": "--"}, "null_key"),
    "fundamentals without ticker": ("fundamentals", {"ticker": None}, "null_key"),
    "snapshot with empty ticker": ("fundamentals_snapshots", {"ticker": ""}, "null_key"),
    "null date": ("daily_prices", {"date": None}, "null_key"),
    "negative id": ("fundamentals", {"id": -7}, "id_out_of_range"),
    "huge id": ("fundamentals", {"id": 2**45}, "id_out_of_range"),
    "largest id of a snapshot": ("fundamentals_snapshots", {"id": 2**63 - 1}, "id_out_of_range"),
    # the date
    "one-digit date": ("daily_prices", {"date": "2024-1-3"}, "bad_date"),
    "date after a space": ("daily_prices", {"date": " 2024-01-03"}, "bad_date"),
    "date after a space, ten long": ("daily_prices", {"date": " 2024-1-03"}, "bad_date"),
    "date before a space": ("daily_prices", {"date": "2024-01-03 "}, "bad_date"),
    "date with a sign": ("daily_prices", {"date": "+2024-01-03"}, "bad_date"),
    "date with a sign, ten long": ("daily_prices", {"date": "+2024-1-03"}, "bad_date"),
    "date before Christ": ("daily_prices", {"date": "-999-01-01"}, "bad_date"),
    "two-digit year": ("daily_prices", {"date": "24-01-03"}, "bad_date"),
    "year only": ("daily_prices", {"date": "2024"}, "bad_date"),
    "no such day": ("daily_prices", {"date": "2024-02-30"}, "bad_date"),
    "no such month": ("daily_prices", {"date": "2024-13-01"}, "bad_date"),
    "slashes": ("daily_prices", {"date": "2024/01/03"}, "bad_date"),
    "digits of another script": ("daily_prices", {"date": "2024-01-0٣"}, "bad_date"),
    "time after the date": ("daily_prices", {"date": "2024-01-03 00:00:00"}, "bad_date"),
    "NUL after the date": ("daily_prices", {"date": "2024-01-03\0"}, "bad_date"),
    "line end in the date": ("daily_prices", {"date": "2024-01-03\n"}, "bad_date"),
    "integer date": ("daily_prices", {"date": 20240103}, "bad_date"),
    "Julian day": ("daily_prices", {"date": 2460312.5}, "bad_date"),
    "blob date": ("daily_prices", {"date": b"2024-01-03"}, "bad_date"),
    "date of an index": ("index_prices", {"date": "today"}, "bad_date"),
    "fiscal date": ("fundamentals", {"fiscal_date": "2023-12"}, "bad_date"),
    "fetched date": ("fundamentals", {"fetched_date": 1706745600}, "bad_date"),
    "snapshot date": ("fundamentals_snapshots", {"snapshot_date": "2024-02-30"}, "bad_date"),
    "day before 1900": ("daily_prices", {"date": "1899-12-31"}, "date_out_of_range"),
    "year 0": ("daily_prices", {"date": "0000-01-01"}, "date_out_of_range"),
    "fiscal date after 2100": ("fundamentals", {"fiscal_date": "2101-01-01"}, "date_out_of_range"),
    "after tomorrow": ("daily_prices", {"date": LATE}, "future_date"),
    "index after tomorrow": ("index_prices", {"date": LATE}, "future_date"),
    "no date": ("fundamentals", {"fiscal_date": None, "fetched_date": None}, "no_date"),
    # the value
    "null close": ("daily_prices", {"close": None}, "close_missing"),
    "zero close": ("daily_prices", {"close": 0.0}, "close_not_positive"),
    "negative close": ("daily_prices", {"close": -1.5}, "close_not_positive"),
    "close below Float32": ("daily_prices", {"close": 1e-50}, "close_not_positive"),
    "close above Float32": ("daily_prices", {"close": 1e39}, "close_not_finite"),
    "infinite close": ("daily_prices", {"close": math.inf}, "close_not_finite"),
    "close of minus infinity": ("daily_prices", {"close": -math.inf}, "close_not_positive"),
    "zero index": ("index_prices", {"close": 0.0}, "close_not_positive"),
    # the type
    "text in close": ("daily_prices", {"close": "12,5"}, "text_in_number"),
    "nan in close": ("daily_prices", {"close": "nan"}, "text_in_number"),
    "empty close": ("daily_prices", {"close": ""}, "text_in_number"),
    "text in volume": ("daily_prices", {"volume": "n/a"}, "text_in_number"),
    "blob in open": ("daily_prices", {"open": b"1.5"}, "text_in_number"),
    "blob in ticker": ("daily_prices", {"ticker": b"BAD"}, "blob_in_text"),
    "text in a ratio": ("fundamentals", {"pe": "-"}, "text_in_number"),
    "text in a score": ("fundamentals", {"piotroski_f_score": "high"}, "text_in_number"),
    "half a score": ("fundamentals", {"piotroski_f_score": 1.5}, "text_in_number"),
    "text in a snapshot": ("fundamentals_snapshots", {"roe": "x"}, "text_in_number"),
    "text in a market cap": ("stocks", {"market_cap_msek": "1 000"}, "text_in_number"),
    "text in a boolean": ("stocks", {"is_active": "yes"}, "text_in_number"),
    "blob in a name": ("stocks", {"name": b"\xff\0"}, "blob_in_text"),
    # the encoding
    "ticker that is no UTF-8": ("daily_prices", {"ticker": BAD_UTF8}, "bad_text"),
    "name that is no UTF-8": ("stocks", {"name": BAD_UTF8}, "bad_text"),
    "vendor that is no UTF-8": ("fundamentals", {"data_source": BAD_UTF8}, "bad_text"),
    "surrogate": ("stocks", {"name": Sql("CAST(x'eda080' AS TEXT)", r"\xed\xa0\x80")}, "bad_text"),
}


OHL = ("open", "high", "low")
GIVEN_UP: dict[str, tuple[str, Row, str, tuple[str, ...]]] = {
    "low above high": ("daily_prices", {"low": 7.0}, "ohl_inconsistent", OHL),
    "zero open": ("daily_prices", {"open": 0.0}, "ohl_inconsistent", OHL),
    "negative low": ("daily_prices", {"low": -1.0}, "ohl_inconsistent", OHL),
    "null high": ("daily_prices", {"high": None}, "ohl_inconsistent", OHL),
    "infinite high": ("daily_prices", {"high": math.inf}, "ohl_inconsistent", OHL),
    "open above Float32": ("daily_prices", {"open": 1e39}, "ohl_inconsistent", OHL),
    "low below Float32": ("daily_prices", {"low": 1e-50}, "ohl_inconsistent", OHL),
    "low of an index": ("index_prices", {"low": 7.0}, "ohl_inconsistent", OHL),
    "part of a share": ("daily_prices", {"volume": 12.5}, "volume_out_of_range", ("volume",)),
    "volume of 5e9": ("daily_prices", {"volume": 5e9}, "volume_out_of_range", ("volume",)),
    "volume of 2**32": ("daily_prices", {"volume": 2.0**32}, "volume_out_of_range", ("volume",)),
    "negative volume": ("daily_prices", {"volume": -1.0}, "volume_out_of_range", ("volume",)),
    "infinite volume": ("daily_prices", {"volume": math.inf}, "volume_out_of_range", ("volume",)),
    "infinite ratio": ("fundamentals", {"pe": math.inf}, "not_finite", ("pe",)),
    "infinite loss": ("fundamentals", {"net_income": -math.inf}, "not_finite", ("net_income_ccy",)),
    "infinite ratio of a snapshot": (
        "fundamentals_snapshots", {"pe": math.inf}, "not_finite", ("pe",)
    ),
    "score of ten": (
        "fundamentals", {"piotroski_f_score": 10}, "f_score_out_of_range", ("piotroski_f_score",)
    ),
    "negative score": (
        "fundamentals", {"piotroski_f_score": -1}, "f_score_out_of_range", ("piotroski_f_score",)
    ),
    "score of 2**40": (
        "fundamentals", {"piotroski_f_score": 2**40}, "f_score_out_of_range",
        ("piotroski_f_score",),
    ),
    "infinite market cap": (
        "stocks", {"market_cap_msek": math.inf}, "not_finite", ("market_cap_msek",)
    ),
    "active twice": ("stocks", {"is_active": 2}, "is_active_out_of_range", ("is_active",)),
    "less than active": ("stocks", {"is_active": -1}, "is_active_out_of_range", ("is_active",)),
    "no time": ("stocks", {"last_updated": "soon"}, "bad_time", ("last_updated",)),
    "epoch": ("stocks", {"last_updated": 1704240000}, "bad_time", ("last_updated",)),
    "time of another zone": (
        "stocks", {"last_updated": "2024-01-01 10:00:00+02:00"}, "bad_time", ("last_updated",)
    ),
    "blob time": ("stocks", {"last_updated": b"2024"}, "bad_time", ("last_updated",)),
    "no day": ("stocks", {"last_validated": "2024-1-1"}, "bad_time", ("last_validated",)),
}  # fmt: skip


@dataclass(frozen=True)
class Noted:
    """A refresh with many bad rows at once, and the rowid of each case's row."""

    place: Place
    before: Lake
    lake: Lake
    rowids: dict[str, int]


def group(name: str) -> str:
    """Cases that are exported together: the reader stops at some of them, a table at a time."""
    if name in GIVEN_UP:
        return "given up"
    table, _, reason = REJECTED[name]
    stops = reason in ("text_in_number", "blob_in_text", "bad_text")
    return f"{reason} in {table}" if stops else "readable"


@pytest.fixture(scope="module")
def noted(made: Place, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Noted]:
    """The refresh of each group of cases, and of the values that are given up."""
    groups: dict[str, list[str]] = {}
    for case in REJECTED | GIVEN_UP:
        groups.setdefault(group(case), []).append(case)
    return {
        name: refresh(made, tmp_path_factory.mktemp("noted"), cases)
        for name, cases in groups.items()
    }


def refresh(made: Place, top: Path, names: list[str]) -> Noted:
    shutil.copytree(made.top, top / "place", symlinks=True)
    place = Place(top / "place")
    before = Lake(place.lake)
    rowids = {name: add(place, *case_row(name)) for name in names}
    return Noted(place, before, published(place), rowids)


def case_row(name: str) -> tuple[str, Row]:
    """The table and the row of a case, which has a key of its own."""
    table, bad = (REJECTED | GIVEN_UP)[name][:2]
    return table, ROWS[table] | {key_of(table): name} | bad


def key_of(table: str) -> str:
    return "index_id" if table == "index_prices" else "ticker"


def add(place: Place, table: str, row: Row) -> int:
    with closing(sqlite3.connect(place.database)) as con, con:
        return insert(con, table, row)


def counted(place: Place, lake: Lake, dataset: str) -> tuple[dict[str, int], dict[str, int]]:
    """What was rejected and what was warned of, once the sums are right."""
    entry = lake.manifest["datasets"][dataset]
    tables = [table for table, name in DATASETS.items() if name == dataset]
    assert entry["rows_in"] == sum(place.count(table) for table in tables)
    assert entry["rows_in"] == entry["rows"] + sum(entry["rejected"].values())
    assert entry["rows"] == sum(file["rows"] for file in entry["files"])
    return entry["rejected"], entry["warnings"]


def rejects(lake: Lake, dataset: str, *columns: str) -> list[tuple[Any, ...]]:
    """`table, rowid, reason, kept` of the rejects, and the named columns."""
    path = lake.path / "rejects" / f"{dataset}.parquet"
    always = ("table", "rowid", "reason", "kept")
    return pl.read_parquet(path).select(*always, *columns).rows() if path.exists() else []


def as_text(value: Any) -> str | None:
    """A value as the rejects show it."""
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    return value.text if isinstance(value, Sql) else None if value is None else str(value)


def rows(lake: Lake, dataset: str) -> list[Row]:
    frame: pl.DataFrame = getattr(lake, dataset)().collect()
    return frame.to_dicts()


@pytest.mark.parametrize("name", REJECTED)
def test_a_bad_row_is_rejected_with_its_reason_rowid_and_text(
    noted: dict[str, Noted], name: str
) -> None:
    table, bad, reason = REJECTED[name]
    of = noted[group(name)]
    found = [row for row in rejects(of.lake, DATASETS[table], *bad)
             if row[:2] == (table, of.rowids[name])]  # fmt: skip
    assert found == [(table, of.rowids[name], reason, False, *map(as_text, bad.values()))]


def test_every_rejected_row_is_counted_and_no_other_is_touched(noted: dict[str, Noted]) -> None:
    for name, of in noted.items():
        if name != "given up":
            for dataset in ("stocks", "prices", "fundamentals", "index_prices"):
                reasons = [REJECTED[case][2] for case in of.rowids
                           if DATASETS[REJECTED[case][0]] == dataset]  # fmt: skip
                assert counted(of.place, of.lake, dataset) == (Counter(reasons), {})
                assert rows(of.lake, dataset) == rows(of.before, dataset)


@pytest.mark.parametrize("name", GIVEN_UP)
def test_a_bad_value_becomes_null_and_is_noted_and_the_row_stays(
    noted: dict[str, Noted], name: str
) -> None:
    of, (table, bad, reason, nulls) = noted["given up"], GIVEN_UP[name]
    found = [row for row in rejects(of.lake, DATASETS[table], *bad)
             if row[:2] == (table, of.rowids[name])]  # fmt: skip
    assert found == [(table, of.rowids[name], reason, True, *map(as_text, bad.values()))]
    row = next(r for r in rows(of.lake, DATASETS[table]) if r[key_of(table)] == name)
    ours = intact(table) | {key_of(table): name} | dict.fromkeys(nulls)
    assert {column: row[column] for column in ours} == ours


def intact(table: str) -> Row:
    """What the lake has of the unchanged row of a table."""
    names = {"net_income": "net_income_ccy", "snapshot_date": "known_from"}
    row = {names.get(column, column): value for column, value in ROWS[table].items()}
    for column, value in row.items():
        if column in ("date", "fiscal_date", "fetched_date", "known_from"):
            row[column] = date.fromisoformat(value)
    return row | ({"last_updated": datetime(2024, 1, 1, 10)} if table == "stocks" else {})


def test_every_value_given_up_is_counted(noted: dict[str, Noted]) -> None:
    of = noted["given up"]
    for dataset in ("stocks", "prices", "fundamentals", "index_prices"):
        reasons = [
            reason for table, _, reason, _ in GIVEN_UP.values() if DATASETS[table] == dataset
        ]
        assert counted(of.place, of.lake, dataset) == ({}, Counter(reasons))


# ---------------------------------------------------------------------- several rows together

TEXT_CLOSE = {"ticker": "TEXT", "close": "x"}
TOGETHER: dict[str, tuple[list[tuple[str, Row]], dict[str, Counter[str]]]] = {
    "text and no UTF-8 in one table": (
        [("daily_prices", TEXT_CLOSE), ("daily_prices", {"ticker": BAD_UTF8})],
        {"prices": Counter(text_in_number=1, bad_text=1)},
    ),
    "text in both tables of a dataset": (
        [("fundamentals", {"pe": "x"}), ("fundamentals_snapshots", {"pe": "x"})],
        {"fundamentals": Counter(text_in_number=2)},
    ),
    "text in every dataset": (
        [("daily_prices", TEXT_CLOSE), ("index_prices", {"low": "x"}),
         ("fundamentals", {"pe": "x"}), ("stocks", {"market_cap_msek": "x"})],
        {dataset: Counter(text_in_number=1) for dataset in set(DATASETS.values())},
    ),
    "text beside a blob for a time": (
        [("stocks", {"market_cap_msek": "x"}), ("stocks", {"ticker": "B", "last_updated": b"x"})],
        {"stocks": Counter(text_in_number=1, bad_time=0)},
    ),
    "two things wrong with a row": (
        [("daily_prices", {"ticker": None, "date": "soon", "close": -1.0})],
        {"prices": Counter(null_key=1)},
    ),
    "a bad row is no duplicate": (
        [("daily_prices", {"close": -1.0}), ("daily_prices", {}), ("daily_prices", {"close": 0.0})],
        {"prices": Counter(close_not_positive=2)},
    ),
    "one ticker, three spellings": (
        [("daily_prices", {"ticker": t}) for t in ("VOLV-B", "VOLV_B", " VOLV  B", "VOLV A")],
        {"prices": Counter(duplicate_key=2)},
    ),
    "one index, two spellings": (
        [("index_prices", {"index_id": i}) for i in ("OMX-S30", "OMX S30")],
        {"index_prices": Counter(duplicate_key=1)},
    ),
    "one stock, three spellings": (
        [("stocks", {"ticker": t}) for t in ("VOLV-B", "VOLV_B", "VOLV B")],
        {"stocks": Counter(duplicate_key=2)},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("added", "expected"), TOGETHER.values(), ids=TOGETHER)
def test_bad_rows_together_are_each_counted_once(
    place: Place, added: list[tuple[str, Row]], expected: dict[str, Counter[str]]
) -> None:
    for table, changes in added:
        add(place, table, ROWS[table] | changes)
    lake = published(place)
    for dataset, reasons in expected.items():
        assert Counter(counted(place, lake, dataset)[0]) == reasons


def test_of_duplicate_prices_the_highest_rowid_stays(place: Place) -> None:
    names = ("VOLV B", "VOLV-B", "VOLV_B")
    at = [add(place, "daily_prices", ROWS["daily_prices"] | {"ticker": name, "close": 5.0 + n / 4})
          for n, name in enumerate(names)]  # fmt: skip
    with closing(sqlite3.connect(place.database)) as con, con:
        con.execute("UPDATE daily_prices SET rowid = 1000000 WHERE rowid = ?", (at[0],))
    lake = published(place)
    assert [r["close"] for r in rows(lake, "prices") if r["ticker"] == "VOLV B"] == [5.0]
    noted = [("daily_prices", n, "duplicate_key", False, name)
             for n, name in zip(at[1:], names[1:], strict=True)]  # fmt: skip
    assert rejects(lake, "prices", "ticker") == noted


TIMES = {
    "the latest": ("2026-01-01 10:00:00", "2026-01-01T10:00:00.5Z", "2025-12-31 23:59:59"),
    "rather than none": (None, "2020-01-01", None),
    "rather than a bad one": ("2026-13-01", "2020-01-01 10:00", "soon"),
    "of equal ones the highest rowid": ("2026-01-01 10:00", "2026-01-01T10:00:00Z", None),
}


@pytest.mark.parametrize("times", TIMES.values(), ids=TIMES)
def test_of_duplicate_stocks_the_last_updated_stays(
    place: Place, times: tuple[str | None, ...]
) -> None:
    for name, updated in zip(("VOLV B", "VOLV-B", "VOLV_B"), times, strict=True):
        row = ROWS["stocks"] | {"ticker": name, "name": name, "last_updated": updated}
        add(place, "stocks", row)
    lake = published(place)
    assert [r["name"] for r in rows(lake, "stocks") if r["ticker"] == "VOLV B"] == ["VOLV-B"]
    assert counted(place, lake, "stocks")[0] == {"duplicate_key": 2}


def test_a_rejected_duplicate_is_not_also_warned_of(place: Place) -> None:
    add(place, "daily_prices", ROWS["daily_prices"] | {"ticker": "V-B", "low": 7.0, "volume": 0.5})
    add(place, "daily_prices", ROWS["daily_prices"] | {"ticker": "V B"} | dict.fromkeys(OHL))
    lake = published(place)
    assert counted(place, lake, "prices") == ({"duplicate_key": 1}, {"ohl_missing": 1})


def test_a_table_of_the_owner_may_have_any_name(place: Place) -> None:
    change(place.database, "CREATE TABLE bad_daily_prices (ticker, reason)")
    add(place, "daily_prices", ROWS["daily_prices"] | TEXT_CLOSE)
    assert counted(place, published(place), "prices")[0] == {"text_in_number": 1}


TWICE: dict[str, tuple[Row, str]] = {
    "text date": ({"date": "2022-1-3"}, "bad_date"),
    "date after a space": ({"date": " 2022-01-03"}, "bad_date"),
    "null date": ({"date": None}, "null_key"),
    "year only": ({"date": "2022"}, "bad_date"),
    "integer date": ({"date": 20220103}, "bad_date"),
    "blob date": ({"date": b"2022-01-03"}, "bad_date"),
    "date that is no UTF-8": ({"date": Sql("CAST(x'ff3232' AS TEXT)", "")}, "bad_text"),
    "text in close": ({"date": "2022-01-03", "close": "x"}, "text_in_number"),
    "zero close": ({"date": "2022-01-03", "close": 0.0}, "close_not_positive"),
    "after tomorrow": ({"date": LATE}, "future_date"),
}


@pytest.mark.parametrize(("bad", "reason"), TWICE.values(), ids=TWICE)
def test_a_bad_row_is_counted_again_by_the_next_refresh(
    place: Place, bad: Row, reason: str
) -> None:
    add(place, "daily_prices", ROWS["daily_prices"] | bad)
    published(place)
    change(place.database, "UPDATE daily_prices SET close = 9.5 WHERE ticker = 'GOOD'")
    lake = published(place)
    assert counted(place, lake, "prices") == ({reason: 1}, {})
    files = lake.manifest["datasets"]["prices"]["files"]
    assert any((lake.path / f["path"]).stat().st_nlink > 1 for f in files), "nothing was taken"


# -------------------------------------------------------------------------- odd, but not wrong

LARGEST = 3.4028234663852886e38
ODD: dict[str, tuple[str, Row]] = {
    "NUL in a ticker": ("daily_prices", {"ticker": "A\0B"}),
    "NUL in a name": ("stocks", {"ticker": "ODD", "name": "A\0B"}),
    "letters": ("stocks", {"ticker": "ÅÄÖ 株", "name": "Åäö 株式 🙂"}),
    "name of a megabyte": ("stocks", {"ticker": "ODD", "name": "x" * 1_000_000}),
    "ticker of a megabyte": ("daily_prices", {"ticker": "x" * 1_000_000}),
    "first day": ("daily_prices", {"ticker": "ODD", "date": "1900-01-01"}),
    "largest volume": ("daily_prices", {"ticker": "ODD", "volume": 2.0**32 - 1}),
    "no volume": ("daily_prices", {"ticker": "ODD", "volume": 0.0}),
    "largest close": ("daily_prices", {"ticker": "ODD", "close": LARGEST}),
    "largest id": ("fundamentals", {"ticker": "ODD", "id": 2**45 - 1}),
    "id of zero": ("fundamentals", {"ticker": "ODD", "id": 0}),
    "score of zero": ("fundamentals", {"ticker": "ODD", "piotroski_f_score": 0}),
    "loss": ("fundamentals", {"ticker": "ODD", "pe": -1e300}),
    "number in a text": ("stocks", {"ticker": "007", "name": 12}),
}


@pytest.mark.parametrize(("table", "odd"), ODD.values(), ids=ODD)
def test_an_odd_value_comes_out_as_it_went_in(place: Place, table: str, odd: Row) -> None:
    add(place, table, ROWS[table] | odd)
    lake, dataset = published(place), DATASETS[table]
    assert counted(place, lake, dataset) == ({}, {})
    row = next(row for row in rows(lake, dataset) if row["ticker"] == odd["ticker"])
    for column, value in odd.items():
        expected = str(value) if column in ("date", "name") else value
        assert (str(row[column]) if column == "date" else row[column]) == expected


def test_a_row_without_open_high_and_low_is_only_counted(place: Place) -> None:
    add(place, "daily_prices", ROWS["daily_prices"] | dict.fromkeys(OHL))
    lake = published(place)
    assert counted(place, lake, "prices") == ({}, {"ohl_missing": 1})
    assert rejects(lake, "prices") == []


def test_tomorrow_is_not_too_late(place: Place) -> None:
    day = datetime.now(UTC).date() + timedelta(days=1)
    add(place, "daily_prices", ROWS["daily_prices"] | {"date": day.isoformat()})
    assert published(place).as_of == day


DATABASES: dict[str, Callable[[Path], object]] = {
    "UTF-16": lambda path: new_database(path, before="PRAGMA encoding = 'UTF-16le'"),
    "largest pages": lambda path: new_database(path, before="PRAGMA page_size = 65536"),
    "smallest pages, moved": lambda path: new_database(
        path, before="PRAGMA page_size = 512; PRAGMA auto_vacuum = 1"
    ),
    "other words for the types": lambda path: new_database(
        path,
        ddl=LOOSE.replace("FLOAT", "double precision").replace("INTEGER,", "BIGINT,")
        .replace("DATETIME", "timestamp").replace("name VARCHAR", "name text")
        .replace("date DATE", "date VARCHAR(10)").replace("BOOLEAN", "bool"),
    ),
    "a key named rowid": lambda path: new_database(
        path, ddl=LOOSE.replace("daily_prices (", "daily_prices (rowid INTEGER PRIMARY KEY,")
    ),
    "with keys": lambda path: new_database(path, ddl=SCHEMA),
    "other tables, columns, indices": lambda path: change(
        new_database(path), "ALTER TABLE stocks ADD COLUMN note BLOB", "CREATE TABLE other (x)",
        "CREATE INDEX i ON daily_prices (date)", "CREATE VIEW v AS SELECT * FROM stocks",
        "UPDATE stocks SET note = x'ff'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("make", DATABASES.values(), ids=DATABASES)
def test_a_database_may_be_made_otherwise(place: Place, make: Callable[[Path], object]) -> None:
    before = Lake(place.lake)
    place.database.unlink()
    make(place.database)
    lake = published(place)
    for dataset in ("stocks", "prices", "fundamentals", "index_prices"):
        assert rows(lake, dataset) == rows(before, dataset)


ALL = {"prices", "fundamentals", "stocks", "rankings", "index_prices"}
EMPTIED: dict[str, tuple[tuple[str, ...], set[str], set[str]]] = {
    "no optional tables": (
        ("DROP TABLE index_prices", "DROP TABLE fundamentals_snapshots"),
        ALL - {"index_prices"}, ALL - {"index_prices"},
    ),
    "empty optional tables": (
        ("DELETE FROM index_prices", "DELETE FROM fundamentals_snapshots"),
        ALL, ALL - {"index_prices"},
    ),
    "nothing but prices": (
        ("DELETE FROM index_prices", "DELETE FROM fundamentals_snapshots",
         "DELETE FROM stocks", "DELETE FROM fundamentals"),
        ALL, {"prices"},
    ),
    "nothing good but prices": (
        ("UPDATE index_prices SET close = 0", "UPDATE fundamentals_snapshots SET ticker = '-'",
         "UPDATE stocks SET ticker = ''", "UPDATE fundamentals SET pe = 'x'"),
        ALL, {"prices"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("statements", "datasets", "filled"), EMPTIED.values(), ids=EMPTIED)
def test_all_but_the_prices_may_be_empty(
    place: Place, statements: tuple[str, ...], datasets: set[str], filled: set[str]
) -> None:
    change(place.database, *statements)
    lake = published(place)
    assert lake.manifest["datasets"].keys() == datasets
    assert {d for d in datasets if lake.manifest["datasets"][d]["rows"]} == filled


# ---------------------------------------------------------------------- names, links, journals


def moved(place: Place, folder: str, name: str = "app.db") -> Path:
    """The database in a folder of another name."""
    path = place.top / folder / name
    path.parent.mkdir(exist_ok=True)
    return place.database.rename(path)


NAMES = ("a b", "50%20off", "a?mode=rwc", "a#b", "Åäö", "two\nlines", "it's", 'a "b"', "a\\b",
         "a;b&c=d")  # fmt: skip
LATIN = os.fsdecode(b"latin\xe5")


@pytest.mark.parametrize("name", NAMES)
def test_a_path_may_have_any_name(place: Place, name: str) -> None:
    path = moved(place, name, f"{name}.db")
    before = listing(place.top / name)
    export(path, place.top / name / "lake", SWEDEN)
    assert Lake(place.top / name / "lake").prices().collect().height == 181
    assert sorted(p.name for p in place.top.iterdir()) == sorted({"in", "lake", name})
    shutil.rmtree(place.top / name / "lake")
    assert listing(place.top / name) == before


def test_the_path_of_a_database_need_not_be_unicode(place: Place) -> None:
    path = moved(place, LATIN, f"{LATIN}.db")
    change(path, "UPDATE daily_prices SET close = 9.5 WHERE ticker = 'GOOD'")
    before = listing(place.top / LATIN)
    manifest = export(path, place.lake, SWEDEN)
    assert manifest["source"]["path"].endswith(r"/latin\xe5/latin\xe5.db")
    assert Lake(place.lake).version == manifest["version"]
    assert export(path, place.lake, SWEDEN) == manifest
    assert listing(place.top / LATIN) == before


def test_the_path_of_a_lake_must_be_unicode(place: Place) -> None:
    before = listing(place.top)
    with pytest.raises(LakeError, match=r"the path \S+/latin\\xe5 is not UTF-8"):
        export(place.database, place.top / LATIN, SWEDEN)
    assert listing(place.top) == before


def test_a_name_that_is_too_long_is_one_line(place: Place) -> None:
    with pytest.raises(SourceError, match="too long"):
        export(place.database.with_name("x" * 300), place.lake, SWEDEN)


def test_a_path_may_begin_with_two_slashes(place: Place) -> None:
    export(Path(f"/{place.database}"), place.lake, SWEDEN)


def held(path: Path, *statements: str) -> sqlite3.Connection:
    """A connection of the application, which stays open."""
    con = sqlite3.connect(path)
    con.execute("PRAGMA journal_mode = WAL")
    con.execute("PRAGMA wal_autocheckpoint = 0")
    for statement in statements:
        con.execute(statement)
    con.commit()
    return con


NEW_ROW = "INSERT INTO daily_prices (ticker, date, close) VALUES ('{}', '2024-01-03', 1)"


def test_what_is_only_in_the_wal_is_exported(place: Place) -> None:
    with closing(held(place.database, NEW_ROW.format("NEW"))):
        assert "NEW" in published(place).prices().collect()["ticker"]


def test_a_closed_wal_database_gets_no_side_files(place: Place) -> None:
    held(place.database, NEW_ROW.format("NEW")).close()
    published(place)


def test_through_a_link_a_change_in_the_wal_is_seen(place: Place) -> None:
    link = place.top / "link.db"
    link.symlink_to(place.database)
    with closing(held(place.database, NEW_ROW.format("NEW"))) as con:
        export(link, place.lake, SWEDEN)
        con.execute(NEW_ROW.format("NEWER"))
        con.commit()
        export(link, place.lake, SWEDEN)
    assert "NEWER" in Lake(place.lake).prices().collect()["ticker"]


def test_a_transaction_that_a_crash_cut_off_is_left_to_the_owner(place: Place) -> None:
    crash = "import os, sqlite3, sys; con = sqlite3.connect(sys.argv[1]);"
    crash += (
        "con.execute('PRAGMA cache_size = 1'); con.execute('UPDATE daily_prices SET close = 1');"
    )
    crash += "con.execute('UPDATE stocks SET name = 1'); os.kill(os.getpid(), 9)"
    done = subprocess.run([sys.executable, "-c", crash, place.database], check=False)
    assert done.returncode == -signal.SIGKILL
    assert place.database.with_name("app.db-journal").exists()
    refused(place, r"cannot read .*app\.db")


def test_a_locked_database_is_waited_for_and_then_named(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "BUSY_SECONDS", 0.1)
    with closing(sqlite3.connect(place.database)) as con:
        con.execute("BEGIN EXCLUSIVE")
        refused(place, r"cannot read .*app\.db: database is locked")


def test_a_database_that_is_locked_before_the_copy_is_not_waited_for_for_ever(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "BUSY_SECONDS", 0.1)
    errors: list[StockRankError] = []
    with closing(sqlite3.connect(place.database, check_same_thread=False)) as con:
        con.execute("BEGIN EXCLUSIVE")
        copying = threading.Thread(target=copied, args=(place, errors))
        copying.start()
        copying.join(2)
        waiting = copying.is_alive()
        con.rollback()
        copying.join()
    assert not waiting
    assert "locked" in str(errors)


def copied(place: Place, errors: list[StockRankError]) -> None:
    try:
        source.copy(place.database, place.top / "copy.db")
    except StockRankError as error:
        errors.append(error)


# ---------------------------------------------------------------------------------- the lake


def remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def replace_by_file(name: str) -> Callable[[Place], object]:
    def hurt(place: Place) -> None:
        remove(place.top / name)
        (place.top / name).write_text("a file")

    return hurt


def current_as_folder(place: Place) -> None:
    (place.lake / "current").unlink()
    (place.lake / "current").mkdir()


def overwritten(name: str, data: bytes) -> Callable[[Place], object]:
    """A file of the current version that was damaged."""
    return lambda place: (place.lake / "current" / name).write_bytes(data)


LAKES: dict[str, tuple[Callable[[Place], object], str]] = {
    "a file": (replace_by_file("lake"), "cannot write .*lake"),
    "versions a file": (replace_by_file("lake/versions"), "lake"),
    "current a folder": (current_as_folder, "current"),
}


@pytest.mark.parametrize(("hurt", "message"), LAKES.values(), ids=LAKES)
def test_a_bad_lake_is_one_line_that_names_what_is_wrong(
    place: Place, hurt: Callable[[Place], object], message: str
) -> None:
    hurt(place)
    change(place.database, "UPDATE daily_prices SET close = 9.5 WHERE ticker = 'GOOD'")
    before = listing(place.top)
    with pytest.raises(LakeError, match=message) as caught:
        place.export()
    assert "\n" not in str(caught.value)
    assert listing(place.top) == before


YEAR, BAD_ROWS = "prices/year=2022/0.parquet", "rejects/prices.parquet"
DAMAGES: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "manifest cut off": ("manifest.json", cut(200), "manifest.json of version {} is damaged"),
    "manifest empty": ("manifest.json", cut(0), "manifest.json of version {} is damaged"),
    "manifest no UTF-8": ("manifest.json", write(b'{"\xff'), "manifest.json of version {} is dam"),
    "manifest a list": ("manifest.json", write(b"[]"), "manifest.json of version {} is damaged"),
    "state cut off": ("source.state", cut(50), "version {} is damaged: source.state"),
    "state without hashes": (
        "source.state", write(b"[[], {}]\n"), "version {} is damaged: source.state"
    ),
    "state of another form": ("source.state", write(b"7\n"), "version {} is damaged: source.state"),
    "state gone": ("source.state", Path.unlink, "version {} is damaged: source.state"),
    "year cut off": (YEAR, cut(500), f"version {{}} is damaged: {YEAR} has other bytes"),
    "year gone": (YEAR, Path.unlink, f"version {{}} is damaged: {YEAR} is missing"),
    "a bit of a year": (YEAR, lambda p: flip(p, 100), f"version {{}} is damaged: {YEAR} has other"),
    "rankings": (
        "rankings/0.parquet", write(b"PAR1"), "version {} is damaged: rankings/0.parquet has other"
    ),
    "rejects": (BAD_ROWS, write(b"PAR1"), f"version {{}} is damaged: {BAD_ROWS} has other bytes"),
    "rejects gone": (BAD_ROWS, Path.unlink, f"version {{}} is damaged: {BAD_ROWS} is missing"),
}  # fmt: skip


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(("name", "hurt", "message"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_version_counts_as_none_and_is_named(
    place: Place, caplog: pytest.LogCaptureFixture,
    name: str, hurt: Callable[[Path], object], message: str, *, full: bool,
) -> None:  # fmt: skip
    add(place, "daily_prices", ROWS["daily_prices"] | TEXT_CLOSE | {"date": "2020-01-03"})
    before = published(place)
    hurt(before.path / name)
    change(place.database, "UPDATE daily_prices SET close = 9.5 WHERE ticker = 'GOOD'")
    caplog.clear()
    lake = published(place, full=full)
    (warned,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert message.format(before.version) in warned
    assert lake.prices().collect().height == 181
    assert counted(place, lake, "prices")[0] == {"text_in_number": 1}
    files = [lake.path / f["path"] for f in lake.manifest["datasets"]["prices"]["files"]]
    assert {path.stat().st_nlink for path in files} == {1}, "something was taken"


def test_a_version_that_cannot_become_current_does_not_stay(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def full(self: Path, target: Path) -> Path:
        if target.name == "current":
            raise OSError(ENOSPC, os.strerror(ENOSPC), str(target))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", full)
    change(place.database, "UPDATE daily_prices SET close = 9.5 WHERE ticker = 'GOOD'")
    refused(place, "cannot write .*current: No space left on device")


def test_where_nothing_is_published_there_is_nothing_to_list(tmp_path: Path) -> None:
    with pytest.raises(NothingPublished, match="nowhere"):
        versions.list_versions(root=tmp_path / "nowhere")
    assert not list(tmp_path.iterdir())


def test_a_damaged_version_is_told_of_by_the_commands(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    first = Lake(place.lake).version
    change(place.database, "UPDATE daily_prices SET close = 9.5 WHERE ticker = 'GOOD'")
    second = published(place).version
    (place.lake / "versions" / first / "manifest.json").write_text("{")
    versions.list_versions(root=place.lake)
    assert re.search(rf"{first} +damaged", capsys.readouterr().out)
    with pytest.raises(LakeError, match=f"no version before {second} that can be read"):
        versions.rollback(root=place.lake)
    with pytest.raises(LakeError, match=f"manifest.json of version {first} is damaged"):
        versions.rollback(first, root=place.lake)
    assert Lake(place.lake).version == second


def test_from_a_damaged_version_one_can_roll_back(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    first = Lake(place.lake).version
    change(place.database, "UPDATE daily_prices SET close = 9.5 WHERE ticker = 'GOOD'")
    (published(place).path / "manifest.json").write_text("{")
    versions.rollback(root=place.lake)
    assert Lake(place.lake).version == first
    assert "cannot be compared" in capsys.readouterr().out
    refused(place, "was rolled back, and its manifest.json is damaged.*--force")
    published(place, force=True)


# --------------------------------------------------------------------------------- the clock


def clock_says(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls.fromtimestamp(now.timestamp(), tz)

    for module in ("export", "lake", "building"):
        monkeypatch.setattr(f"pipelines.{module}.datetime", Clock)


def test_a_version_is_after_one_that_was_made_in_the_future(place: Place) -> None:
    late = "20990101T000000Z-abcdef"
    (place.lake / "current").resolve().rename(place.lake / "versions" / late)
    lake_module.point_current_to(place.lake, late)
    change(place.database, "UPDATE daily_prices SET close = 9.5 WHERE ticker = 'GOOD'")
    lake = published(place)
    assert lake.version.startswith("20990101T000001Z-")
    assert version_ids(place.lake) == [late, lake.version]


@pytest.mark.parametrize("full", [False, True])
def test_a_clock_that_went_back_is_named(
    place: Place, monkeypatch: pytest.MonkeyPatch, *, full: bool
) -> None:
    change(place.database, "UPDATE daily_prices SET close = 9.5 WHERE ticker = 'GOOD'")
    clock_says(monkeypatch, datetime(2024, 1, 1, 12, tzinfo=UTC))
    message = "the clock says 2024-01-01, but version .* has prices of 2024-01-03; set the clock"
    refused(place, message, full=full)


def test_a_clock_that_went_back_to_the_day_before_the_newest_price_is_none(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(place.database, "UPDATE daily_prices SET close = 9.5 WHERE ticker = 'GOOD'")
    clock_says(monkeypatch, datetime(2024, 1, 2, 12, tzinfo=UTC))
    assert published(place).as_of == date(2024, 1, 3)


def test_later_prices_are_left_out_if_that_is_forced(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(place.database, "UPDATE daily_prices SET close = 9.5 WHERE date LIKE '2021%'")
    clock_says(monkeypatch, datetime(2024, 1, 1, 12, tzinfo=UTC))
    lake = published(place, force=True)
    assert lake.as_of == date(2023, 3, 27)
    assert counted(place, lake, "prices")[0] == {"future_date": 1}
    assert "before that of the last version" in lake.manifest["failed_checks"][0]


def test_an_index_row_is_taken_when_its_day_has_come(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(place, "index_prices", ROWS["index_prices"] | {"date": LATE})
    assert counted(place, published(place), "index_prices")[0] == {"future_date": 1}
    clock_says(monkeypatch, datetime.now(UTC) + timedelta(days=3))
    assert counted(place, published(place), "index_prices")[0] == {}


# ---------------------------------------------------------------------------- other layouts


def test_a_version_of_another_layout_is_replaced_by_a_full_refresh(place: Place) -> None:
    manifest = place.lake / "current" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"schema_version": 1', '"schema_version": 0'))
    refused(place, "run python -m pipelines.export --full")
    published(place, full=True)


# ------------------------------------------------------------------------- disks and permissions


def succeeds(*words: Any) -> bool:
    """Whether a command is there and does what it should."""
    command = [str(word) for word in words]
    there = shutil.which(command[0])
    return bool(there) and not subprocess.run(command, capture_output=True, check=False).returncode


@pytest.fixture
def disk() -> Iterator[Path]:
    """A disk of four megabytes; not in a folder that pytest clears, in case it is killed."""
    path = Path(tempfile.mkdtemp(prefix="stockrank-disk-"))
    if not succeeds("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", path):
        path.rmdir()
        pytest.skip("needs the right to mount a tmpfs")
    yield path
    # Lazily, for readers of the lake may not have been collected yet.
    assert succeeds("umount", "--lazy", path)
    path.rmdir()


def on_disk(made: Place, disk: Path, top: Path) -> Place:
    """A larger database outside the disk, and its lake as a link to a copy on the disk."""
    place = Place(top)
    place.database.parent.mkdir(parents=True)
    shutil.copy(made.database, place.database)
    shutil.copytree(made.lake, disk / "lake", symlinks=True)
    place.lake.symlink_to(disk / "lake")
    rng = random.Random(1)
    with closing(sqlite3.connect(place.database)) as con, con:
        for n in range(8000):
            row = {c: rng.uniform(5, 6) for c in ("open", "close")} | {"low": 4.5, "high": 7.5}
            insert(con, "daily_prices", row | {"ticker": f"N{n}", "date": "2024-01-02",
                                               "volume": float(rng.randrange(10**9))})  # fmt: skip
    return place


def fill(disk: Path, left: int) -> None:
    """Leave so many bytes free."""
    stat = os.statvfs(disk)
    with (disk / "filler").open("ab") as filler:
        filler.write(bytes(stat.f_bavail * stat.f_bsize - left))


@pytest.mark.parametrize(
    ("room", "message"),
    [
        (-100_000, r"cannot copy .*app\.db to .*: No space left"),
        (30_000, "cannot write .*No space left"),
    ],
    ids=["no room for the copy", "no room to spill"],
)
def test_a_full_disk_is_one_line_and_leaves_nothing(
    made: Place, disk: Path, tmp_path: Path, room: int, message: str
) -> None:
    place = on_disk(made, disk, tmp_path / "place")
    fill(disk, place.database.stat().st_size + room)
    before = listing(disk)
    refused(place, message)
    assert listing(disk) == before
    (disk / "filler").unlink()
    assert "N1" in published(place).prices().collect()["ticker"]


def test_a_disk_that_others_fill_while_files_are_written_is_one_line_and_leaves_nothing(
    made: Place, disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = on_disk(made, disk, tmp_path / "place")

    def filling(*args: Any) -> Iterator[pl.DataFrame]:
        for group in _groups(*args):
            fill(disk, 0)
            yield group

    with monkeypatch.context() as patch:
        patch.setattr("pipelines.ingest._groups", filling)
        before = listing(place.top)
        with pytest.raises(LakeError, match=r"cannot write .*No space left"):
            place.export()
    assert listing(place.top) == before
    (disk / "filler").unlink()
    assert "N1" in published(place).prices().collect()["ticker"]


def test_a_lake_on_a_disk_that_is_read_only_is_named(
    made: Place, disk: Path, tmp_path: Path
) -> None:
    place = on_disk(made, disk, tmp_path / "place")
    assert succeeds("mount", "-o", "remount,ro", disk)
    refused(place, "cannot write .*lake.*: Read-only file system")


# ------------------------------------------------------------------------------- the command


def run(
    place: Place, *options: Any, before: list[str] | None = None, **env: str
) -> tuple[int, str]:
    """The exit code, and what is on stderr besides the log."""
    command = [*(before or []), *COMMAND, "--lake", place.lake, *options]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | env, capture_output=True, text=True, check=False
    )
    log = str(datetime.now(UTC).year)
    shown = [line for line in done.stderr.splitlines() if not line.startswith(log)]
    return done.returncode, "\n".join(shown)


COMMANDS: dict[str, tuple[Make, str]] = {
    "missing": (Path.unlink, r"error: no database at \S+; name one with --source .*"),
    "text": (write(b"x" * 200), r"error: \S+ is not a SQLite database; .*"),
    "no column": (SOURCES["no sector"][0], r"error: the table stocks has no column sector"),
    "no price": (SOURCES["no price"][0], r"error: \S+ has no valid row in daily_prices, .*"),
}


@pytest.mark.parametrize(("make", "line"), COMMANDS.values(), ids=COMMANDS)
def test_the_command_exits_1_with_one_line(place: Place, make: Make, line: str) -> None:
    make(place.database)
    before = listing(place.top)
    code, shown = run(place, "--source", place.database)
    assert (code, listing(place.top)) == (1, before)
    assert re.fullmatch(line, shown)


def test_the_command_exits_0_though_rows_are_bad(place: Place) -> None:
    add(place, "daily_prices", ROWS["daily_prices"] | TEXT_CLOSE)
    assert run(place, "--source", place.database) == (0, "")
    assert counted(place, Lake(place.lake), "prices")[0] == {"text_in_number": 1}


# Root may read everything; without these capabilities it may not.
UNPRIVILEGED = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
PERMISSIONS: dict[str, tuple[str, int, str]] = {
    "file not readable": ("in/app.db", 0o000, r"error: cannot read \S+app\.db: Permission denied"),
    "folder closed": ("in", 0o000, r"error: cannot read \S+app\.db: Permission denied"),
    "lake closed": ("lake", 0o000, r"error: cannot \w+ \S+: Permission denied"),
    "versions not writable": (
        "lake/versions",
        0o555,
        r"error: cannot write \S+: Permission denied",
    ),
}


@pytest.mark.parametrize(("name", "mode", "line"), PERMISSIONS.values(), ids=PERMISSIONS)
def test_what_is_not_permitted_is_one_line(place: Place, name: str, mode: int, line: str) -> None:
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("root may do everything, and there is no setpriv")
    before = UNPRIVILEGED if os.geteuid() == 0 else []
    change(place.database, "UPDATE daily_prices SET close = 9.5 WHERE ticker = 'GOOD'")
    (place.top / name).chmod(mode)
    code, shown = run(place, before=before, STOCKRANK_SOURCE=str(place.database))
    (place.top / name).chmod(0o755)
    assert code == 1
    assert re.fullmatch(line, shown)
    assert version_ids(place.lake) == [Lake(place.lake).version]
