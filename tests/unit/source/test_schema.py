"""The tables and columns that a database must have."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pipelines.errors import SourceError
from pipelines.source.schema import preflight
from pipelines.source.tables import TABLES
from tests.factories import database


def test_the_tables_that_are_there_are_listed(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db")
    assert [table.name for table in preflight(path)] == list(TABLES)
    with closing(sqlite3.connect(path)) as con:
        con.execute("DROP TABLE index_prices")
    assert [table.name for table in preflight(path)] == list(TABLES)[:-1]


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
        (PRICES, "^the table daily_prices has no column close$"),
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
    assert len(preflight(path)) == len(TABLES)


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
