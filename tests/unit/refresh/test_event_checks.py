"""Checks of splits, dividends and rates."""

from datetime import date
from typing import Any

import polars as pl

from pipelines.lake.contracts import lake_schema
from tests.factories import stock
from tests.integrity import checks, lake, value, week


def rows(dataset: str, *rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=lake_schema(dataset))


def test_a_version_without_events_has_no_check_of_them() -> None:
    found = checks(lake([stock("A")], week("A"), A=1))
    assert not found.keys() & {"known_splits", "dividends", "fx_rates"}


def test_tickers_of_no_stock_are_counted_and_named() -> None:
    made = lake([stock("A")], week("A"), A=1)
    day = date(2026, 5, 4)
    made.datasets["splits"] = rows(
        "splits", *({"ticker": t, "date": day, "ratio": 2.0} for t in ("A", "X"))
    )
    made.datasets["dividends"] = rows(
        "dividends", {"ticker": "A", "ex_date": day, "amount": 1.0, "id": 1}
    )
    found = checks(made)
    splits, dividends = found["known_splits"], found["dividends"]
    assert (splits.status, splits.message) == (
        "ok", "2 splits are known; tickers of theirs that are not in stocks: 1, that is X"
    )  # fmt: skip
    assert value(splits) == {"count": 2, "unknown": 1, "cases": [{"ticker": "X", "rows": 1}]}
    assert dividends.message == (
        "1 dividends are known; tickers of theirs that are not in stocks: 0"
    )


def test_currencies_without_a_rate_are_counted_and_named() -> None:
    listed = [stock("A"), *(stock(c, currency=c) for c in ("EUR", "NOK", "DKK"))]
    made = lake(listed, week("A", "EUR", "NOK", "DKK"), A=1)
    made.datasets["fx_rates"] = rows(
        "fx_rates",
        {"currency": "EUR", "date": date(2026, 11, 10), "rate": 11.0},
        {"currency": "DKK", "date": date(2026, 11, 9), "rate": 1.5},
    )
    found = checks(made)["fx_rates"]
    assert found.message == (
        "2 rates are known; currencies of stocks without one in the 10 days to 2026-11-20: 2, "
        "that is DKK, NOK"
    )
    assert value(found)["missing"] == 2
