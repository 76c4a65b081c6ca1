"""Queries beyond the rankings, over lakes of literal rows."""

from dataclasses import replace
from datetime import date
from typing import cast

import polars as pl

from app.serving import Version, queries
from pipelines.lake import Lake, lake_schema
from pipelines.refresh.splits import decide
from pipelines.universe import SWEDEN, Universe
from tests.factories import FrameLake, closes, jumps_of

NEWEST = date(2026, 11, 20)
PRICES = pl.DataFrame(
    {
        "ticker": ["A", "A", "B", "A"],
        "date": [date(2026, 11, 18), date(2026, 11, 19), date(2026, 11, 20), date(2026, 11, 20)],
        "close": pl.Series([278.1, 278.2, 5.0, 278.3], dtype=pl.Float32),
    }
)
FUNDAMENTALS = pl.DataFrame(
    {
        "ticker": ["A", "B", "A", "A"],
        "source": ["snapshots", "snapshots", "snapshots", "fundamentals"],
        "known_from": [date(2026, 11, 7), date(2026, 11, 7), date(2026, 11, 14), NEWEST],
    }
)
LAKE = cast("Lake", FrameLake(prices=PRICES, fundamentals=FUNDAMENTALS, jumps=jumps_of(PRICES)))
LAKE.as_of = NEWEST
VERSION = Version(LAKE, SWEDEN, pl.DataFrame(), {})


def test_the_last_closes_are_those_of_the_stock_oldest_first() -> None:
    found = queries.closes(VERSION, "A", NEWEST, 2).collect()
    assert found.rows() == [(date(2026, 11, 19), 278.2), (date(2026, 11, 20), 278.3)]


def test_prices_are_the_decimals_that_were_written() -> None:
    frame = pl.DataFrame({"close": pl.Series([278.3, 0.1, None], dtype=pl.Float32)})
    assert frame.select(queries.quoted("close"))["close"].to_list() == [278.3, 0.1, None]


def test_weekly_copies_are_counted_newest_first() -> None:
    found = queries.snapshots(LAKE).collect()
    assert found.rows() == [(date(2026, 11, 14), 1), (date(2026, 11, 7), 2)]


def test_the_newest_day_of_the_fundamentals() -> None:
    assert queries.newest_fundamental(LAKE).collect().item() == NEWEST


def ranked(currency: str) -> pl.DataFrame:
    """What a ranking says of a stock whose last close is 150."""
    facts = {"ticker": "A", "close": 150.0, "close_date": NEWEST, "currency": currency}
    return pl.DataFrame([facts | {"as_of": NEWEST}])


def test_closes_and_returns_go_over_a_split() -> None:
    prices = pl.DataFrame(
        closes("A", {"2025-12-30": 300.0, "2026-10-20": 240.0, "2026-10-21": 80.0,
                     "2026-11-20": 150.0}),
        schema=lake_schema("prices"),
    )  # fmt: skip
    known = pl.DataFrame(
        [("A", date(2026, 10, 21), 3.0)], schema=lake_schema("splits"), orient="row"
    )
    splits = decide(known, prices.lazy())
    lake = FrameLake(prices=prices, splits=splits, jumps=jumps_of(prices, splits))
    lake.as_of = NEWEST
    version = Version(lake, SWEDEN, ranked("SEK"), {})
    shown = queries.closes(version, "A", NEWEST, 9).collect()
    assert shown["close"].to_list() == [80.0, 80.0, 150.0]
    assert queries.one_month_return(version, "A").collect().item() == 150 / 80 - 1
    assert queries.year_to_date(version).collect().rows() == [("A", 0.5)]


def test_returns_are_in_the_currency_of_the_universe() -> None:
    prices = pl.DataFrame(
        closes("A", {"2025-12-30": 100.0, "2026-10-20": 120.0, "2026-11-20": 150.0}),
        schema=lake_schema("prices"),
    )
    days = [date(2025, 12, 29), date(2026, 10, 20), date(2026, 11, 20)]
    rates = pl.DataFrame({"currency": "EUR", "date": days, "rate": [32.0, 16.0, 8.0]})
    lake = FrameLake(prices=prices, jumps=jumps_of(prices), fx_rates=rates)
    lake.as_of = NEWEST

    def returns(universe: Universe, currency: str = "EUR") -> tuple[object, object]:
        version = Version(lake, universe, ranked(currency), {})
        month, year = queries.one_month_return(version, "A"), queries.year_to_date(version)
        return month.collect().item(), year.select("return").collect().item()

    in_kronor = replace(SWEDEN, returns_in="SEK")
    assert returns(SWEDEN) == (0.25, 0.5)
    assert returns(in_kronor) == (1.25 * 8 / 16 - 1, 1.5 * 8 / 32 - 1)
    assert returns(in_kronor, "SEK") == (0.25, 0.5)
    assert returns(in_kronor, "DKK") == (None, None)
