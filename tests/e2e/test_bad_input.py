"""Bad input, one case a line: what is refused by name, what goes to the rejects, what is left.

Every case runs against a lake that already has a version, so that it also goes through what a
refresh takes from the version before. Cases marked `defect` show what is wrong today.
"""

import math
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines import source
from pipelines.demo import SCHEMA
from pipelines.errors import LakeError, SourceError, StockRankError
from pipelines.export import export
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
                insert(con, "daily_prices", good | {"date": f"{year}-{n % 3 + 1:02}-{n % 28 + 1:02}",
                                                    "ticker": f"T{n}"})  # fmt: skip
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
    """Every file below a folder with its bytes, every link with its target."""
    return {
        str(path.relative_to(top)): path.readlink() if path.is_symlink()
        else path.is_file() and path.read_bytes()
        for path in top.rglob("*") if path.name != ".lock"
    }  # fmt: skip


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


@dataclass(frozen=True)
class Defect:
    """What is wrong today: the case fails, with an exception of this type."""

    reason: str
    raises: type[BaseException] = AssertionError

    @property
    def mark(self) -> Any:
        return pytest.mark.xfail(strict=True, reason=self.reason, raises=self.raises)


def cases(table: dict[str, tuple[Any, ...]], defects: dict[str, Defect]) -> list[Any]:
    """The parameters of a table of cases; those in `defects` fail today."""
    assert defects.keys() <= table.keys()
    return [
        pytest.param(*values, id=name, marks=defects[name].mark if name in defects else ())
        for name, values in table.items()
    ]


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
    "zeroed root of prices": (damaged("daily_prices", b"\0"), r"cannot read .*app\.db: .*malformed"),
    "damaged page of prices": (damaged_leaf(b"\xff"), "cannot read .*malformed"),
    "zeroed page of prices": (damaged_leaf(b"\0"), "cannot read .*malformed"),
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
    "id a key of another type": (remake(("id INTEGER PRIMARY KEY, ticker", "id INT PRIMARY KEY, ticker")),
                                 "fundamentals.id is not its INTEGER PRIMARY KEY"),
    "a column named rowid": (sql("ALTER TABLE daily_prices ADD COLUMN rowid INTEGER"),
                             "daily_prices.*column.*rowid"),
    # the rows
    "no price": (sql("DELETE FROM daily_prices"), "no valid row in daily_prices"),
    "no valid price": (sql("UPDATE daily_prices SET close = 0"), "no valid row in daily_prices"),
    "no readable price": (sql("UPDATE daily_prices SET close = 'x'"), "no valid row in daily_pric"),
    "older than the version before": (
        sql("DELETE FROM daily_prices WHERE date > '2021-'"),
        "newest price is of 2020.*before that of the last version 2024-01-03",
    ),
}  # fmt: skip
UNWRAPPED = Defect("a traceback: sqlite3.Error is not told as a SourceError", sqlite3.Error)
SOURCE_DEFECTS = {
    "damaged page of prices": UNWRAPPED,
    "zeroed page of prices": UNWRAPPED,
    "a column named rowid": Defect("it hides the real rowid: 'read 0 of 181 rows, try again'"),
}


@pytest.mark.parametrize(("make", "message"), cases(SOURCES, SOURCE_DEFECTS))
def test_a_bad_database_is_refused_in_one_line_that_names_what_is_wrong(
    place: Place, make: Make, message: str
) -> None:
    make(place.database)
    refused(place, message)


# ------------------------------------------------------------------------------ rows rejected


BAD_UTF8 = Sql("CAST(x'ff41' AS TEXT)", r"\xffA")
LATE = (datetime.now(UTC).date() + timedelta(days=3)).isoformat()
NO_UTF8_YEARS = Defect("a traceback: found_years reads the date as text", sqlite3.Error)

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
    "score of -1": (
        "fundamentals", {"piotroski_f_score": -1}, "f_score_out_of_range", ("piotroski_f_score",)
    ),
    "score of 2**40": (
        "fundamentals", {"piotroski_f_score": 2**40}, "f_score_out_of_range",
        ("piotroski_f_score",),
    ),
    "infinite market cap": (
        "stocks", {"market_cap_msek": math.inf}, "not_finite", ("market_cap_msek",)
    ),
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


def group(reason: str) -> str:
    """Cases that are exported together: a reader stops at some of them."""
    return reason if reason in ("text_in_number", "blob_in_text", "bad_text") else "readable"


@pytest.fixture(scope="module")
def noted(made: Place, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Noted]:
    """The refresh of each group of cases, and of the values that are given up."""
    reasons = {name: group(reason) for name, (_, _, reason) in REJECTED.items()}
    groups = reasons | dict.fromkeys(GIVEN_UP, "given up")
    return {
        name: refresh(made, tmp_path_factory.mktemp("noted"), [c for c in groups if groups[c] == name])
        for name in set(groups.values())
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
    of = noted[group(reason)]
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
    row = next(r for r in rows(of.lake, DATASETS[table]) if r[key_of(table)] == clean(name))
    ours = intact(table) | {key_of(table): clean(name)} | dict.fromkeys(nulls)
    assert {column: row[column] for column in ours} == ours


def clean(name: str) -> str:
    return name.replace("-", " ")


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
        reasons = [reason for table, _, reason, _ in GIVEN_UP.values() if DATASETS[table] == dataset]
        assert counted(of.place, of.lake, dataset) == ({}, Counter(reasons))
