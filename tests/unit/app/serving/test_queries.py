"""Queries beyond the rankings, over lakes of literal rows."""

from datetime import date
from typing import cast

import polars as pl

from app.serving import Version, queries
from pipelines.lake import Lake
from pipelines.universe import SWEDEN
from tests.factories import FrameLake, jumps_of

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
