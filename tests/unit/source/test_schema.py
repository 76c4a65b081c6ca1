"""The tables and columns that a database must have."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pipelines.errors import SourceBusy, SourceError
from pipelines.source.schema import preflight
from pipelines.source.tables import TABLES
from tests.factories import database


def test_the_tables_that_are_there_are_listed(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db", splits=(), dividend_events=(), fx_rates=())
    assert [table.name for table in preflight(path)] == list(TABLES)
    names = {table.name for table in TABLES.values() if table.optional}
    for name in sorted(names):
        run(path, f"DROP TABLE {name}")
    assert {table.name for table in preflight(path)} == TABLES.keys() - names
    assert names == {
        *("fundamentals_snapshots", "index_prices", "splits", "dividend_events", "fx_rates")
    }


@pytest.mark.parametrize("column", ["ratio", "date", "ticker"])
def test_an_optional_table_without_a_column_is_refused(tmp_path: Path, column: str) -> None:
    path = database(tmp_path / "x.db")
    columns = {"ticker": "TEXT", "date": "DATE", "ratio": "FLOAT"}
    rest = ", ".join(f"{name} {kind}" for name, kind in columns.items() if name != column)
    run(path, f"CREATE TABLE splits ({rest})")
    message = (
        rf"^the table splits has no column {column}; add it, or rename the table, which may be "
        r"absent; see source_schema in the README$"
    )
    with pytest.raises(SourceError, match=message):
        preflight(path)


def test_a_ratio_declared_as_text_is_refused(tmp_path: Path) -> None:
    path = run(
        database(tmp_path / "x.db"), "CREATE TABLE splits (ticker TEXT, date DATE, ratio TEXT)"
    )
    with pytest.raises(
        SourceError, match=r"^splits\.ratio is declared TEXT; expected FLOAT or REAL"
    ):
        preflight(path)


def run(path: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(path)) as con, con:
        for statement in statements:
            con.execute(statement)
    return path


PRICES = "ticker TEXT, date DATE, open REAL, high REAL, low REAL, volume REAL"


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (f"{PRICES}, close TEXT", r"^daily_prices\.close is declared TEXT; expected FLOAT or REAL"),
        (f"{PRICES}, close", r"^daily_prices\.close is declared without a type; expected FLOAT"),
        (PRICES, "^the table daily_prices has no column close; add it; see source_schema in"),
        (f"{PRICES}, close REAL, rowid TEXT", "has a column named rowid, which hides"),
        (f"{PRICES}, close REAL, RowId INT PRIMARY KEY", "has a column named RowId, which hides"),
    ],
)
def test_a_column_that_cannot_be_read_is_named(tmp_path: Path, columns: str, message: str) -> None:
    path = database(tmp_path / "x.db")
    run(path, "DROP TABLE daily_prices", f"CREATE TABLE daily_prices ({columns})")
    with pytest.raises(SourceError, match=message):
        preflight(path)


@pytest.mark.parametrize("columns", ["close DOUBLE PRECISION", "close real(8, 2)",
                                     "close REAL, rowid INTEGER PRIMARY KEY"])  # fmt: skip
def test_a_column_that_can_be_read_is_not(tmp_path: Path, columns: str) -> None:
    path = database(tmp_path / "x.db")
    run(path, "DROP TABLE daily_prices", f"CREATE TABLE daily_prices ({PRICES}, {columns})")
    assert len(preflight(path)) == 5


def test_a_locked_database_is_told_from_others(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db")
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(SourceBusy, match=r"is locked for 0\.05 s; stop what uses it"):
            preflight(path, busy_seconds=0.05)


def test_a_table_without_rowid_is_named(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db")
    made = f"CREATE TABLE daily_prices ({PRICES}, close REAL, PRIMARY KEY (date)) WITHOUT ROWID"
    run(path, "DROP TABLE daily_prices", made)
    with pytest.raises(SourceError, match=r"^the table daily_prices has no rowid; make it without"):
        preflight(path)


def test_a_table_that_must_be_there_is_named(tmp_path: Path) -> None:
    path = run(database(tmp_path / "x.db"), "DROP TABLE stocks")
    with pytest.raises(SourceError, match=r"^the database has no table stocks; see source_schema"):
        preflight(path)


def test_an_id_must_be_the_rowid(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db")
    with closing(sqlite3.connect(path)) as con:
        sql = con.execute("SELECT sql FROM sqlite_master WHERE name = 'fundamentals'").fetchone()[0]
    other = re.sub(r"\bid INTEGER PRIMARY KEY( AUTOINCREMENT)?", "id INTEGER", sql)
    assert other != sql
    run(path, "DROP TABLE fundamentals", other)
    with pytest.raises(SourceError, match=r"^fundamentals\.id is not its INTEGER PRIMARY KEY$"):
        preflight(path)
