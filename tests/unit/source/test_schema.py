"""The tables and columns that a database must have."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import polars as pl
import pytest

from pipelines.errors import SourceError
from pipelines.source.batches import SqliteTable
from pipelines.source.changes import SourceState
from pipelines.source.schema import preflight
from pipelines.source.tables import TABLES
from pipelines.source.tuning import inspect
from tests.factories import database
from tests.unit.source.tables import PRICE, whole

SEE: Final = '; see "The database: source_schema" in docs/operations.md'


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
        r'absent; see "The database: source_schema" in docs/operations\.md$'
    )
    with pytest.raises(SourceError, match=message):
        preflight(path)


def test_a_ratio_declared_as_text_is_refused_if_one_is_there(tmp_path: Path) -> None:
    made = "CREATE TABLE splits (ticker TEXT, date DATE, ratio TEXT)"
    path = run(database(tmp_path / "x.db"), made)
    rows = "INSERT INTO splits VALUES ('A', '2024-01-02', NULL), ('B', '2024-01-02', '')"
    run(path, rows)
    assert TABLES["splits"] in preflight(path)
    run(path, "INSERT INTO splits VALUES ('A', '2024-01-03', 2.5)")
    assert refusal(path) == (
        "splits.ratio is declared TEXT and holds 2.5; "
        "make it FLOAT (pandas: dtype={'ratio': 'FLOAT'}), or rename the table, make the table "
        "splits as source_schema has it, and fill it with "
        f"INSERT INTO splits (…) SELECT … FROM the old one{SEE}"
    )


@pytest.mark.parametrize(("cell", "holds"), [("x'ff'", r"\xff"), (f"'{'7' * 50}'", "7" * 40)])
def test_a_cell_that_is_odd_is_shown_in_one_line(tmp_path: Path, cell: str, holds: str) -> None:
    path = database(tmp_path / "x.db")
    run(path, "CREATE TABLE splits (ticker TEXT, date DATE, ratio TEXT)",
        f"INSERT INTO splits VALUES ('A', '2024-01-02', CAST({cell} AS TEXT))")  # fmt: skip
    assert f" declared TEXT and holds {holds}; make it FLOAT" in refusal(path)


def refusal(path: Path) -> str:
    with pytest.raises(SourceError) as refused:
        preflight(path)
    return str(refused.value)


@pytest.mark.parametrize("declared", ["TIMESTAMP", "DATETIME", "timestamp(6)"])
def test_a_date_may_be_declared_as_a_time(tmp_path: Path, declared: str) -> None:
    path = database(tmp_path / "x.db")
    made_anew(path, "daily_prices", ("date DATE", f"date {declared}"))
    made_anew(path, "stocks", ("last_validated DATE", f"last_validated {declared}"))
    made_anew(path, "fundamentals", ("date DATE", f"date {declared}"))
    run(path, "INSERT INTO daily_prices (ticker, date) VALUES ('A', '2024-01-02 00:00:00')")
    assert len(preflight(path)) == 5
    table = SqliteTable(path, TABLES["daily_prices"])
    assert table.is_plain is True
    assert whole(table)["date"].to_list() == ["2024-01-02 00:00:00"]


def test_whole_numbers_declared_real_are_read(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db")
    made_anew(path, "fundamentals", ("piotroski_f_score INTEGER", "piotroski_f_score REAL"))
    run(path, "INSERT INTO fundamentals (ticker, piotroski_f_score) VALUES ('A', 7), ('A', NULL)")
    assert len(preflight(path)) == 5
    table = SqliteTable(path, TABLES["fundamentals"])
    assert table.is_plain is False
    assert pl.concat(table.batches([]))["piotroski_f_score"].to_list() == [7, None]
    run(path, "INSERT INTO fundamentals (ticker, piotroski_f_score) VALUES ('A', 7.5)")
    assert refusal(path).startswith(
        "fundamentals.piotroski_f_score is declared REAL and holds 7.5; "
        "make it INTEGER (pandas: dtype={'piotroski_f_score': 'INTEGER'}), or rename the table, "
    )


def test_a_text_declared_real_is_read_if_all_are_null(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db")
    changes = ("isin VARCHAR", "isin REAL"), ("is_active BOOLEAN DEFAULT 1", "is_active REAL")
    made_anew(path, "stocks", *changes, ("last_validated DATE", "last_validated REAL"))
    run(path, "INSERT INTO stocks (ticker) VALUES ('A')")
    assert len(preflight(path)) == 5
    row = pl.concat(SqliteTable(path, TABLES["stocks"]).batches([])).row(0, named=True)
    assert (row["ticker"], row["isin"], row["is_active"]) == ("A", None, None)
    assert row["last_validated"] == ""
    run(path, "UPDATE stocks SET isin = 7, last_validated = 5, is_active = 0.5")
    for fault in ("isin is declared REAL and holds 7.0; make it VARCHAR",
                  "last_validated is declared REAL and holds 5.0; make it DATE",
                  "is_active is declared REAL and holds 0.5; make it BOOLEAN"):  # fmt: skip
        assert f"stocks.{fault}" in refusal(path)


def test_all_faults_are_named_at_once(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db")
    made_anew(
        path, "fundamentals", ("id INTEGER PRIMARY KEY", "id INTEGER"), ("pe FLOAT", "pe BLOB")
    )
    run(path, "DROP TABLE stocks", "ALTER TABLE daily_prices DROP COLUMN close")
    assert refusal(path) == (
        "the database has 4 faults: (1) the database has no table stocks "
        "(2) the table daily_prices has no column close; add it (3) fundamentals.id is not its "
        "INTEGER PRIMARY KEY; make it INTEGER PRIMARY KEY (pandas: dtype={'id': 'INTEGER PRIMARY "
        "KEY'}) (4) fundamentals.pe is declared BLOB; "
        "make it FLOAT (pandas: dtype={'pe': 'FLOAT'}), or rename the table, make the table "
        "fundamentals as source_schema has it, and fill it with INSERT INTO "
        f"fundamentals (…) SELECT … FROM the old one{SEE}"
    )


def run(path: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(path)) as con, con:
        for statement in statements:
            con.execute(statement)
    return path


PRICES = "ticker TEXT, date DATE, open REAL, high REAL, low REAL, volume REAL"


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (f"{PRICES}, close BLOB", r"^daily_prices\.close is declared BLOB; make it FLOAT \(pandas"),
        (f"{PRICES}, close", r"^daily_prices\.close is declared without a type; make it FLOAT"),
        (
            PRICES,
            "^the table daily_prices has no column close; add it; see .The database: ",
        ),
        (f"{PRICES}, close REAL, rowid TEXT", "has a column named rowid, which hides"),
        (f"{PRICES}, close REAL, RowId INT PRIMARY KEY", "has a column named rowid, which hides"),
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


def test_a_table_without_rowid_is_named(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db")
    made = f"CREATE TABLE daily_prices ({PRICES}, close REAL, PRIMARY KEY (date)) WITHOUT ROWID"
    run(path, "DROP TABLE daily_prices", made)
    with pytest.raises(SourceError, match=r"^the table daily_prices has no rowid; make it without"):
        preflight(path)


def test_a_table_that_must_be_there_is_named(tmp_path: Path) -> None:
    path = run(database(tmp_path / "x.db"), "DROP TABLE stocks")
    with pytest.raises(SourceError, match=r"^the database has no table stocks; see .The"):
        preflight(path)


def test_an_id_must_be_the_rowid(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db")
    with closing(sqlite3.connect(path)) as con:
        sql = con.execute("SELECT sql FROM sqlite_master WHERE name = 'fundamentals'").fetchone()[0]
    other = re.sub(r"\bid INTEGER PRIMARY KEY( AUTOINCREMENT)?", "id INTEGER", sql)
    assert other != sql
    run(path, "DROP TABLE fundamentals", other)
    message = (
        "fundamentals.id is not its INTEGER PRIMARY KEY; make it INTEGER PRIMARY KEY "
        "(pandas: dtype={'id': 'INTEGER PRIMARY KEY'}), or rename the table, make the table "
        "fundamentals as source_schema has it, and fill it with "
        f"INSERT INTO fundamentals (…) SELECT … FROM the old one{SEE}"
    )
    with pytest.raises(SourceError, match=f"^{re.escape(message)}$"):
        preflight(path)


@pytest.mark.parametrize("table", ["daily_prices", "splits"])
def test_a_view_in_place_of_a_table_is_refused_also_where_the_table_may_be_absent(
    tmp_path: Path, table: str
) -> None:
    path = run(
        database(tmp_path / "x.db"), "ALTER TABLE daily_prices RENAME TO p",
        f"CREATE VIEW {table.upper()} AS SELECT * FROM p",
        *(["ALTER TABLE p RENAME TO daily_prices"] if table != "daily_prices" else []),
    )  # fmt: skip
    message = (
        f"{table} is a view, which cannot be read; give it another name, make the table {table} as "
        f"source_schema has it, and fill it with INSERT INTO {table} (…) SELECT … "
        f"FROM the view{SEE}"
    )
    with pytest.raises(SourceError, match=f"^{re.escape(message)}$"):
        preflight(path)


def made_anew(path: Path, table: str, *changes: tuple[str, str]) -> Path:
    """A database whose table is made anew by its own definition, with changes to that."""
    with closing(sqlite3.connect(path)) as con:
        query = "SELECT sql FROM sqlite_master WHERE name = ?"
        sql = str(con.execute(query, (table,)).fetchone()[0])
    for old, new in changes:
        assert old in sql, old
        sql = sql.replace(old, new)
    return run(path, f"DROP TABLE {table}", sql)


def test_columns_that_sqlite_computes_are_there(tmp_path: Path) -> None:
    computed = "close FLOAT AS (high - 1), other FLOAT AS (low) STORED, open FLOAT AS (low) STORED"
    table = f"ticker TEXT, date DATE, high REAL, low REAL, volume REAL, {computed}"
    path = database(tmp_path / "x.db")
    row = "INSERT INTO daily_prices (ticker, date, high, low) VALUES ('A', '2024-01-02', 5, 2)"
    run(path, "DROP TABLE daily_prices", f"CREATE TABLE daily_prices ({table})", row)
    assert len(preflight(path)) == 5
    read = whole(SqliteTable(path, TABLES["daily_prices"])).row(0, named=True)
    assert (read["close"], read["open"], read["high"], read["volume"]) == (4.0, 2.0, 5.0, None)


def test_names_may_be_in_another_case(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db")
    names = ("CREATE TABLE stocks", "CREATE TABLE Stocks"), ("ticker", "Ticker"), ("name", "NAME")
    made_anew(path, "stocks", *names)
    made_anew(path, "fundamentals", ("CREATE TABLE f", "CREATE TABLE F"), ("id INT", "ID INT"))
    run(path, "INSERT INTO Stocks (Ticker, NAME) VALUES ('A', 'Company')",
        "INSERT INTO Fundamentals (ticker, pe) VALUES ('A', 8.5)")  # fmt: skip
    assert len(preflight(path)) == 5
    row = whole(SqliteTable(path, TABLES["stocks"])).row(0, named=True)
    assert (row["ticker"], row["name"]) == ("A", "Company")
    row = whole(SqliteTable(path, TABLES["fundamentals"])).row(0, named=True)
    assert (row["id"], row["ticker"], row["pe"]) == (1, "A", 8.5)
    state = SourceState.of(path)
    assert state.widths["fundamentals"] == len(TABLES["fundamentals"].columns)
    assert "fundamentals" in state.digests
    assert all(inspect(path).plans.values())


def test_a_collation_of_another_program_is_read(tmp_path: Path) -> None:
    """Rows are read in the order of their rowids, and counted without an index."""
    path = database(tmp_path / "x.db")
    with closing(sqlite3.connect(path)) as con, con:
        con.create_collation("OWN", lambda a, b: (a > b) - (a < b))
        con.execute("DROP TABLE daily_prices")
        con.execute("CREATE TABLE daily_prices (ticker TEXT COLLATE OWN, date DATE COLLATE OWN, "
                    "open REAL, close REAL, high REAL, low REAL, volume REAL, "
                    "PRIMARY KEY (ticker, date))")  # fmt: skip
        con.execute("INSERT INTO daily_prices VALUES ('A', '2024-01-02', 1, 1, 1, 1, 1)")
    assert len(preflight(path)) == 5
    table = SqliteTable(path, TABLES["daily_prices"])
    assert table.rows == 1
    assert whole(table)["date"].to_list() == ["2024-01-02"]


def test_rows_are_counted_in_the_table_and_not_in_a_stale_index(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db", daily_prices=[PRICE, PRICE | {"ticker": "B"}])
    run(path, "CREATE INDEX by_date ON daily_prices (date)")
    with closing(sqlite3.connect(path, isolation_level=None)) as con:
        con.execute("PRAGMA writable_schema = ON")
        query = "SELECT * FROM sqlite_master WHERE name = 'by_date'"
        index = con.execute(query).fetchone()
        con.execute("DELETE FROM sqlite_master WHERE name = 'by_date'")
    with closing(sqlite3.connect(path, isolation_level=None)) as con:
        con.execute("DELETE FROM daily_prices WHERE ticker = 'B'")
        con.execute("PRAGMA writable_schema = ON")
        con.execute("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", index)
    with closing(sqlite3.connect(path)) as con:
        assert con.execute("SELECT count(*) FROM daily_prices").fetchone() == (2,)
    table = SqliteTable(path, TABLES["daily_prices"])
    assert (table.rows, whole(table).height) == (1, 1)
