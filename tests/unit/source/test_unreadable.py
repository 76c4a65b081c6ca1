"""Rows that connectorx cannot read are found, each with its reason, and the others are read."""

from pathlib import Path
from typing import Any

import pytest

from pipelines.source.batches import TableReader
from pipelines.source.tables import STOCKS, TABLES
from pipelines.source.unreadable import BAD, BadRow, UnreadableRow
from tests.factories import database, stock
from tests.unit.source.tables import change, prices, whole


def test_a_value_that_cannot_be_read_stops_the_stream(tmp_path: Path) -> None:
    table = prices(tmp_path, {}, {"close": "x"}, {})
    with pytest.raises(UnreadableRow, match="daily_prices has a value that cannot be read"):
        whole(table)


def test_without_the_bad_rows_the_rest_is_read(tmp_path: Path) -> None:
    table = prices(tmp_path, {}, {"close": "x"}, {"open": b"x"}, {})
    bad = table.unreadable()
    assert bad == [BadRow(2, "text_in_number"), BadRow(3, "text_in_number")]
    assert whole(table, *bad)["rowid_"].to_list() == [1, 4]


def test_all_rows_may_be_bad(tmp_path: Path) -> None:
    table = prices(tmp_path, {"close": "x"}, {"close": "y"})
    assert list(table.batches(table.unreadable())) == []


CENSUS = [
    ("stocks", "name", b"x", "text"),
    ("stocks", "market_cap_msek", "x", "float"),
    ("stocks", "market_cap_msek", b"1", "float"),
    ("stocks", "is_active", "yes", "bool"),
    ("stocks", "is_active", 0.5, "bool"),
    ("daily_prices", "ticker", b"x", "text"),
    ("daily_prices", "volume", "x", "float"),
    ("index_prices", "low", "x", "float"),
    ("fundamentals", "piotroski_f_score", 1.5, "int"),
    ("fundamentals", "piotroski_f_score", "x", "int"),
    ("fundamentals_snapshots", "pe", "x", "float"),
]


@pytest.mark.parametrize(("name", "column", "value", "kind"), CENSUS)
def test_what_stops_the_reader_is_found_by_the_census(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, column: str, value: Any, kind: Any
) -> None:
    key = "index_id" if name == "index_prices" else "ticker"
    row = {key: "A", "date": "2024-01-02"} if name.endswith("_prices") else {key: "A"}
    table = TableReader(
        database(tmp_path / "x.db", **{name: [row | {column: value}]}), TABLES[name]
    )
    with pytest.raises(UnreadableRow):
        whole(table)
    assert table.unreadable() == [BadRow(1, BAD[kind][1])]
    assert capfd.readouterr().err == ""


def test_text_that_is_no_utf_8_is_found(tmp_path: Path) -> None:
    table = TableReader(database(tmp_path / "x.db", stocks=[stock("A"), stock("B")]), STOCKS)
    change(table, "UPDATE stocks SET sector = CAST(x'ff' AS TEXT) WHERE ticker = 'B'")
    with pytest.raises(UnreadableRow):
        whole(table)
    assert table.unreadable() == [BadRow(2, "bad_text")]
    assert whole(table, *table.unreadable())["ticker"].to_list() == ["A"]


def test_both_kinds_of_unreadable_rows_are_found(tmp_path: Path) -> None:
    table = TableReader(database(tmp_path / "x.db", stocks=[stock("A"), stock("B")]), STOCKS)
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
