"""Checks of splits, dividends and rates."""

from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl

from pipelines.lake.contracts import lake_schema
from pipelines.refresh.splits import decide
from pipelines.universe import NORDIC, SWEDEN
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
    known = rows("splits", *({"ticker": t, "date": day, "ratio": 2.0} for t in ("A", "X")))
    made.datasets["splits"] = decide(known, made.prices())
    made.datasets["dividends"] = rows(
        "dividends", {"ticker": "A", "ex_date": day, "amount": 1.0, "id": 1}
    )
    found = checks(made)
    splits, dividends = found["known_splits"], found["dividends"]
    assert (splits.status, splits.message) == (
        "ok", "2 splits are known (0 applied, 0 in the prices already, 2 without closes around); "
        "tickers of theirs that are not in stocks: 1, that is X"
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


def test_stocks_without_returns_in_kronor_are_counted_by_currency() -> None:
    listed = [stock("A"), *(stock(f"{c} {n}", currency=c) for c in ("EUR", "NOK") for n in "12")]
    made = lake([*listed, stock("X", currency=None)], week("A"), A=1)
    lacks = pl.when(pl.col("currency").eq_missing(pl.lit("SEK"))).then(None)
    made.datasets["rankings"] = made.datasets["rankings"].with_columns(
        excluded_by=lacks.otherwise(pl.lit("no_rate"))
    )
    in_kronor = replace(SWEDEN, returns_in="SEK")
    found = checks(made, universe=in_kronor)["converted_returns"]
    assert (found.status, found.message) == (
        "warning", "5 stocks have no returns in SEK for want of a rate, that is of no currency, "
        "EUR, NOK; add rates to the table fx_rates, or the currency to stocks"
    )  # fmt: skip
    assert value(found)["cases"][1:] == [
        {"currency": "EUR", "stocks": 2}, {"currency": "NOK", "stocks": 2}
    ]  # fmt: skip
    assert "converted_returns" not in checks(made)


def test_rates_that_another_published_universe_lacks_are_told_once_a_stock() -> None:
    made = lake([stock("A"), stock("B", currency="EUR")], week("A", "B"), A=1)
    plain = made.datasets["rankings"]
    lacks = plain.filter(ticker="B").with_columns(excluded_by=pl.lit("no_rate"))
    made.datasets["other_rankings"] = pl.concat(
        rows.select(pl.lit(name).alias("universe"), pl.all())
        for name, rows in (("nordic", plain), ("in_kronor", lacks), ("twice", lacks))
    )
    others = [NORDIC, *(replace(NORDIC, name=n, returns_in="SEK") for n in ("in_kronor", "twice"))]
    found = checks(made, others=others)["converted_returns"]
    assert found.status == "warning"
    assert value(found) == {"count": 1, "cases": [{"currency": "EUR", "stocks": 1}]}
    assert "converted_returns" not in checks(made, others=[NORDIC])


def test_returns_in_kronor_that_all_stocks_have_are_well() -> None:
    found = checks(lake([stock("A")], week("A"), A=1), universe=replace(SWEDEN, returns_in="SEK"))
    assert (found["converted_returns"].status, found["converted_returns"].message) == (
        "ok", "0 stocks have no returns in SEK for want of a rate"
    )  # fmt: skip
