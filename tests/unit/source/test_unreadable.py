"""Rows that connectorx cannot read are found, each with its reason, and the others are read."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.source.batches import SqliteTable
from pipelines.source.tables import STOCKS, TABLES
from pipelines.source.unreadable import BadRow, UnreadableRow
from tests.factories import database, stock
from tests.unit.source.tables import change, prices, whole


def test_a_value_that_cannot_be_read_stops_the_stream(tmp_path: Path) -> None:
    table = prices(tmp_path, {}, {"close": "x"}, {})
    with pytest.raises(UnreadableRow, match="daily_prices has a value that cannot be read"):
        whole(table)


def test_without_the_bad_rows_the_rest_is_read(tmp_path: Path) -> None:
    table = prices(tmp_path, {}, {"close": "x"}, {"close": b"x"}, {})
    bad = table.unreadable()
    assert bad == [BadRow(2, "text_in_number"), BadRow(3, "text_in_number")]
    assert whole(table, *bad)["rowid_"].to_list() == [1, 4]


def test_all_rows_may_be_bad(tmp_path: Path) -> None:
    table = prices(tmp_path, {"close": "x"}, {"close": "y"})
    assert list(table.batches(table.unreadable())) == []


CENSUS = [
    ("stocks", "sector", b"x", "blob_in_text"),
    ("stocks", "market_cap_msek", "x", "text_in_number"),
    ("stocks", "market_cap_msek", b"1", "text_in_number"),
    ("daily_prices", "ticker", b"x", "blob_in_text"),
    ("daily_prices", "close", "x", "text_in_number"),
    ("daily_prices", "close", " ", "text_in_number"),
    ("index_prices", "close", "x", "text_in_number"),
    ("fundamentals", "piotroski_f_score", 1.5, "text_in_number"),
    ("fundamentals", "piotroski_f_score", "x", "text_in_number"),
    ("fundamentals_snapshots", "pe", "x", "text_in_number"),
]


def with_a_value(path: Path, name: str, column: str, value: Any) -> SqliteTable:
    key = "index_id" if name == "index_prices" else "ticker"
    row = {key: "A", "date": "2024-01-02"} if name.endswith("_prices") else {key: "A"}
    return SqliteTable(database(path, **{name: [row | {column: value}]}), TABLES[name])


@pytest.mark.parametrize(("name", "column", "value", "reason"), CENSUS)
def test_what_stops_the_reader_is_found_by_the_census(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, column: str, value: Any,
    reason: str,
) -> None:  # fmt: skip
    table = with_a_value(tmp_path / "x.db", name, column, value)
    with pytest.raises(UnreadableRow):
        whole(table)
    assert table.unreadable() == [BadRow(1, reason)]
    assert table.bad_cells() == [BadRow(1, reason)]
    assert list(table.batches(table.unreadable())) == []
    assert capfd.readouterr().err == ""


SPARE = [
    ("stocks", "name", b"x", "unusable_value"),
    ("stocks", "is_active", "yes", "is_active_out_of_range"),
    ("stocks", "is_active", 0.5, "is_active_out_of_range"),
    ("daily_prices", "open", "x", "ohl_inconsistent"),
    ("daily_prices", "volume", b"x", "volume_out_of_range"),
    ("index_prices", "low", "x", "ohl_inconsistent"),
    ("fundamentals", "perf_12m", "x", "unusable_value"),
]


@pytest.mark.parametrize(("name", "column", "value", "code"), SPARE)
def test_a_value_that_no_ranking_needs_costs_no_row(
    tmp_path: Path, name: str, column: str, value: Any, code: str
) -> None:
    table = with_a_value(tmp_path / "x.db", name, column, value)
    with pytest.raises(UnreadableRow):
        whole(table)
    assert table.unreadable() == []
    row = pl.concat(table.batches([])).row(0, named=True)
    assert row[column] is None
    flags = {name: flag for name, flag in row.items() if name.startswith("warn_")}
    assert flags == {name: name == f"warn_{code}" for name in flags}


def test_a_text_that_is_no_utf_8_and_that_no_ranking_needs_costs_no_row(tmp_path: Path) -> None:
    table = SqliteTable(database(tmp_path / "x.db", stocks=[stock("A"), stock("B")]), STOCKS)
    change(table, "UPDATE stocks SET name = CAST(x'ff' AS TEXT), country = CAST(x'fe' AS TEXT) "
                  "WHERE ticker = 'B'")  # fmt: skip
    bad = table.unreadable()
    assert bad == [BadRow(2, "bad_text", "name"), BadRow(2, "bad_text", "country")]
    rows = whole(table, *bad)
    assert rows["ticker"].to_list() == ["A", "B"]
    assert rows["name"].to_list() == [stock("A")["name"], None]
    assert rows["warn_unusable_value"].to_list() == [False, True]


def test_text_that_is_no_utf_8_is_found(tmp_path: Path) -> None:
    table = SqliteTable(database(tmp_path / "x.db", stocks=[stock("A"), stock("B")]), STOCKS)
    change(table, "UPDATE stocks SET sector = CAST(x'ff' AS TEXT) WHERE ticker = 'B'")
    with pytest.raises(UnreadableRow):
        whole(table)
    assert table.unreadable() == [BadRow(2, "bad_text")]
    assert whole(table, *table.unreadable())["ticker"].to_list() == ["A"]


def test_a_letter_that_is_cut_is_not_made_whole_by_the_next_text(tmp_path: Path) -> None:
    tickers = ("A", "B\u00c5", "C", "D", "E", "F\u00c4")
    table = prices(tmp_path, *({"ticker": ticker} for ticker in tickers))
    change(table, "UPDATE daily_prices SET ticker = CAST(x'c3' AS TEXT), "
           "date = CAST(x'85' AS TEXT) WHERE rowid = 3")  # fmt: skip
    change(table, "UPDATE daily_prices SET date = CAST(x'ff' AS TEXT) WHERE rowid = 5")
    assert {row.rowid for row in table.unreadable()} == {3, 5}


def test_both_kinds_of_unreadable_rows_are_found(tmp_path: Path) -> None:
    table = SqliteTable(database(tmp_path / "x.db", stocks=[stock("A"), stock("B")]), STOCKS)
    change(table, "UPDATE stocks SET sector = CAST(x'ff' AS TEXT) WHERE ticker = 'B'")
    change(table, "UPDATE stocks SET market_cap_msek = 'x' WHERE ticker = 'A'")
    assert {row.rowid for row in table.unreadable()} == {1, 2}


def test_a_table_may_be_read_twice_without_its_bad_rows(tmp_path: Path) -> None:
    table = prices(tmp_path, {}, {"close": "x"})
    bad = table.unreadable()
    assert whole(table, *bad).equals(whole(table, *bad))


def test_a_reason_is_the_same_whatever_else_is_unreadable(tmp_path: Path) -> None:
    table = prices(tmp_path, {"date": b"\xff"}, {"date": b"2024"}, {"close": "x"})
    change(table, "UPDATE daily_prices SET date = CAST(x'ff' AS TEXT) WHERE rowid = 2")
    assert table.unreadable() == [BadRow(3, "text_in_number"), BadRow(2, "bad_text")]
    assert whole(table, *table.unreadable())["rowid_"].to_list() == [1]
