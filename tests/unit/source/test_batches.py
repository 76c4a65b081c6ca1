"""A table as batches: nothing is lost or guessed, and rows keep their order and rowids."""

import sqlite3
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

from pipelines.source import batches as reading
from pipelines.source.batches import SqliteTable
from pipelines.source.tables import DECLARED, FUNDAMENTALS, STOCKS
from tests.factories import Row, database, stock
from tests.unit.source.tables import change, prices, whole


def test_every_declared_type_is_read_as_its_kind_even_if_the_first_row_is_null(
    tmp_path: Path,
) -> None:
    """connectorx guesses the type of a column that it does not know from the first row."""
    column = {"text": "name", "time": "last_updated", "float": "market_cap_msek",
              "bool": "is_active", "day": "last_validated"}  # fmt: skip
    values: Row = {"text": "x", "time": "2024-01-02 10:00", "float": 1.5, "bool": True,
                   "day": "2024-01-02"}  # fmt: skip
    for number in range(max(len(types) for types in DECLARED.values())):
        types = {kind: DECLARED[kind][number % len(DECLARED[kind])] for kind in column}
        names = ", ".join(f"{column[kind]} {declared}" for kind, declared in types.items())
        rest = [c for c in STOCKS.columns if c not in column.values()]
        path = tmp_path / f"{number}.db"
        with closing(sqlite3.connect(path)) as con, con:
            con.execute(f"CREATE TABLE stocks ({names}, {', '.join(f'{c} TEXT' for c in rest)})")
            con.execute("INSERT INTO stocks (ticker) VALUES (NULL)")
            marks = ", ".join(f":{kind}" for kind in column)
            con.execute(
                f"INSERT INTO stocks ({', '.join(column.values())}) VALUES ({marks})", values
            )
        table = SqliteTable(path, STOCKS)
        rows = pl.concat(table.batches(table.bad_cells()))
        assert {kind: rows[name][1] for kind, name in column.items()} == values, types


@pytest.mark.parametrize("values", [1, 24, 8000])
def test_batches_are_small_and_in_the_order_of_rowids(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: int
) -> None:
    monkeypatch.setattr(reading, "BATCH_VALUES", 16)
    monkeypatch.setattr(reading, "STRETCH_VALUES", values)
    table = prices(tmp_path, *[{}] * 7)
    change(table, "UPDATE daily_prices SET rowid = -9 WHERE ticker = 'T6'")
    change(table, "UPDATE daily_prices SET rowid = ? WHERE ticker = 'T0'", 2**63 - 1)
    batches = list(table.batches())
    assert all(0 < batch.height <= 2 for batch in batches)
    rows = pl.concat(batches)
    assert rows["rowid_"].to_list() == [-9, 2, 3, 4, 5, 6, 2**63 - 1]
    assert rows["ticker"].to_list() == ["T6", "T1", "T2", "T3", "T4", "T5", "T0"]


@pytest.mark.parametrize("last", [3, 9, 2**63 - 1])
@pytest.mark.parametrize("gap", [0, 1])
@pytest.mark.parametrize("count", [4, 5])
def test_rows_have_their_rowids_whether_some_are_missing_in_between_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: int, gap: int, count: int
) -> None:
    monkeypatch.setattr(reading, "BATCH_VALUES", 16)
    monkeypatch.setattr(reading, "STRETCH_VALUES", 24 if count == 5 else 8000)
    table = prices(tmp_path)
    rowids = [last - count + 1, *range(last - count + 2 + gap, last + 1)]
    for n, rowid in enumerate(rowids):
        sql = "INSERT INTO daily_prices (rowid, ticker, date) VALUES (?, ?, '2024-01-02')"
        change(table, sql, rowid, f"T{n}")
    rows = whole(SqliteTable(table.copy, table.table))
    assert dict(rows.select("ticker", "rowid_").iter_rows()) == {
        f"T{n}": rowid for n, rowid in enumerate(rowids)
    }


def test_a_table_without_rows_has_no_batches(tmp_path: Path) -> None:
    assert list(prices(tmp_path).batches()) == []


def test_dates_are_text_as_they_are_and_null_is_empty(tmp_path: Path) -> None:
    dates = ["2024-1-3", " 2024-01-03", 20240103, "", "x"]
    table = prices(tmp_path, *[{"date": date} for date in dates])
    assert whole(table)["date"].to_list() == ["2024-1-3", " 2024-01-03", "20240103", "", "x"]
    path = database(tmp_path / "y.db", fundamentals=[{"ticker": "A", "fiscal_date": None}])
    assert whole(SqliteTable(path, FUNDAMENTALS))["fiscal_date"].to_list() == [""]


def test_a_blob_is_never_a_date(tmp_path: Path) -> None:
    assert whole(prices(tmp_path, {"date": b"2024-01-03"}))["date"].to_list() != ["2024-01-03"]


def test_only_the_rows_that_are_asked_for_are_read(tmp_path: Path) -> None:
    table = prices(tmp_path, {}, {"date": "2023-01-02"}, {})
    some = SqliteTable(table.copy, table.table, where="date >= '2024-'")
    assert whole(some)["rowid_"].to_list() == [1, 3]
    assert some.rows == 3


def test_a_number_is_no_boolean(tmp_path: Path) -> None:
    """connectorx takes any whole number but 0 for true."""
    rows = [stock(str(n), is_active=n) for n in (None, 1, 2, 0, -1, 2**40)]
    table = SqliteTable(database(tmp_path / "x.db", stocks=rows), STOCKS)
    read = pl.concat(table.batches(table.bad_cells()))
    assert read["is_active"].to_list() == [None, True, None, False, None, None]
    assert read["warn_is_active_out_of_range"].to_list() == [False, False, True, False, True, True]


def test_a_table_is_plain_if_connectorx_reads_its_declared_types(tmp_path: Path) -> None:
    table = prices(tmp_path)
    assert table.is_plain
    change(table, "DROP TABLE daily_prices")
    change(table, "CREATE TABLE daily_prices (ticker TEXT, date TEXT, open REAL, high REAL, "
                  "low REAL, close NUMERIC(8, 2), volume INTEGER)")  # fmt: skip
    change(table, "INSERT INTO daily_prices VALUES ('A', '2024-01-02', 1, 1, 1, 12, 7), "
                  "('B', '2024-01-02', 1, 1, 1, 12.5, NULL)")  # fmt: skip
    there = SqliteTable(table.copy, table.table)
    assert not there.is_plain
    read = pl.concat(there.batches(there.bad_cells()))
    assert read["close"].to_list() == [12.0, 12.5]
    assert read["volume"].to_list() == [7.0, None]


def test_originals_are_every_value_as_text(tmp_path: Path) -> None:
    table = prices(tmp_path, {"close": b"\xff\x00", "open": 1e39, "date": 20240103, "volume": "x"})
    change(table, "UPDATE daily_prices SET ticker = CAST(x'ff41' AS TEXT)")
    row = dict(zip(table.columns, next(table.originals([1])), strict=True))
    assert row == {"ticker": r"\xffA", "date": "20240103", "open": "1e+39", "high": None,
                   "low": None, "close": "\\xff\0", "volume": "x"}  # fmt: skip


def test_the_source_year_is_what_a_text_begins_with(tmp_path: Path) -> None:
    dates = ["2024-01-03", "24-1-3", "x", "", 20240103, b"2024-01-03"]
    table = prices(tmp_path, *[{"date": date} for date in dates])
    assert table.source_years(range(1, 7)) == ["2024", "24-1", "x", "", "", ""]
