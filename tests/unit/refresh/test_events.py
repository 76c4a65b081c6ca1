"""Splits, dividends and rates from the source to the lake."""

from datetime import date
from pathlib import Path

import polars as pl

from pipelines.lake import lake_schema
from pipelines.refresh import datasets
from tests.factories import FrameLake
from tests.tasks import table, task, written


def test_splits_are_sorted_and_the_last_of_one_key_stays(tmp_path: Path) -> None:
    made = task(tmp_path, splits=[
        {"ticker": "B", "date": "2024-01-02", "ratio": 2},
        {"ticker": "A-B", "date": "2030-01-02", "ratio": 3.0},
        {"ticker": "A B", "date": "2023-05-02", "ratio": 0.1},
        {"ticker": "A_B", "date": "2023-05-02", "ratio": 1.5},
    ])  # fmt: skip
    prices = FrameLake(prices=pl.DataFrame(schema=lake_schema("prices")))
    entry = datasets.splits(made, table(made, "splits"), prices, None)
    assert written(made, "splits/0.parquet").select("ticker", "date", "ratio").rows() == [
        ("A B", date(2023, 5, 2), 1.5), ("A B", date(2030, 1, 2), 3.0), ("B", date(2024, 1, 2), 2.0)
    ]  # fmt: skip
    assert (entry.rows_in, entry.rows, entry.rejected) == (4, 3, {"duplicate_key": 1})
    assert entry.schema == {
        "ticker": "String", "date": "Date", "ratio": "Float64", "date_before": "Date",
        "close_before": "Float32", "date_after": "Date", "close_after": "Float32",
        "decision": "String", "divisor": "Float64",
    }  # fmt: skip


def test_two_dividends_of_one_day_stay(tmp_path: Path) -> None:
    row = {"ticker": "A-B", "ex_date": "2024-04-02", "payment_date": "2024-04-09", "amount": 2.5}
    made = task(tmp_path, dividend_events=[
        row, row | {"amount": 1, "dividend_type": "special", "currency": "EUR"},
        row | {"ex_date": "2026-04-02", "payment_date": None, "currency": None},
        row | {"ex_date": "2010-01-04"},
        row | {"payment_date": "soon"},
    ])  # fmt: skip
    entry = datasets.dividends(made, table(made, "dividend_events"))
    day, paid = date(2024, 4, 2), date(2024, 4, 9)
    assert written(made, "dividends/year=2026/0.parquet").rows() == [
        ("A B", date(2010, 1, 4), paid, 2.5, "SEK", "regular", 4),
        ("A B", day, paid, 2.5, "SEK", "regular", 1), ("A B", day, paid, 1.0, "EUR", "special", 2),
        ("A B", date(2026, 4, 2), None, 2.5, None, "regular", 3),
    ]  # fmt: skip
    assert [(f.first_year, f.year) for f in entry.files] == [(2010, 2026)]
    assert (entry.rows_in, entry.rows, entry.rejected) == (5, 4, {"bad_date": 1})


def test_rates_of_days_to_come_wait(tmp_path: Path) -> None:
    made = task(tmp_path, fx_rates=[
        {"currency": "NOK", "date": "2024-05-31", "rate": 1.0},
        {"currency": "EUR", "date": "2024-06-01", "rate": 11.25},
        {"currency": "EUR", "date": "2024-06-02", "rate": 11.5},
    ])  # fmt: skip
    entry = datasets.fx_rates(made, table(made, "fx_rates"))
    assert written(made, "fx_rates/year=2024/0.parquet").rows() == [
        ("EUR", date(2024, 6, 1), 11.25),
        ("NOK", date(2024, 5, 31), 1.0),
    ]
    assert (entry.rows_in, entry.rows, entry.rejected) == (3, 2, {"future_date": 1})


def test_empty_tables_become_empty_datasets(tmp_path: Path) -> None:
    made = task(tmp_path, dividend_events=[], fx_rates=[])
    for name in ("dividend_events", "fx_rates"):
        entry = datasets.OPTIONAL[name](made, table(made, name))
        assert (entry.rows_in, entry.rows, entry.rejected) == (0, 0, {})
