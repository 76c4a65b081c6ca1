"""Rows of the rankings as the answers show them."""

from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace
from typing import cast

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from app.serving import views
from app.serving.published import Version
from pipelines.lake import Lake
from pipelines.ranking import STRATEGIES
from pipelines.universe import SWEDEN
from tests.factories import integrity, manifest

FRIDAY, MONDAY = date(2026, 11, 20), date(2026, 11, 23)
DAYS = tuple(
    day for n in range(-60, 20) if (day := FRIDAY + timedelta(days=n)).weekday() < 5
)  # fmt: skip
STRATEGY = STRATEGIES["sammansatt_momentum"]
RANKINGS = pl.DataFrame(
    {
        "strategy": ["sammansatt_momentum"] * 3 + ["trendande_varde"],
        "ticker": ["AA", "BB", "CC", "AA"],
        "name": ["A", "B", "C", "A"],
        "market": ["stockholmsborsen", "stockholmsborsen", "oslo", "stockholmsborsen"],
        "rank": [1, 2, None, 1],
        "score": [0.5, 0.4, None, 0.5],
        "excluded_by": [None, None, "other_market", None],
        "close_date": [FRIDAY, date(2026, 11, 16), None, FRIDAY],
    }
)


@pytest.fixture
def version() -> Version:
    newest = {"AA": FRIDAY, "BB": date(2026, 11, 16), "CC": None}
    made = manifest(integrity=replace(integrity(), calendar=DAYS))
    lake = cast("Lake", SimpleNamespace(manifest=made, as_of=FRIDAY))
    return Version(lake, SWEDEN, RANKINGS, newest)


def test_ranked_stocks_are_those_of_the_strategy_with_a_rank() -> None:
    assert views.ranked(RANKINGS, STRATEGY)["ticker"].to_list() == ["AA", "BB"]


def test_a_portfolio_is_as_large_as_the_strategy_says() -> None:
    small = replace(STRATEGY, portfolio_size=1)
    assert views.portfolio_rows(RANKINGS, small)["ticker"].to_list() == ["AA"]


def test_json_gets_null_for_nan_and_infinities() -> None:
    found = views.finite(pl.DataFrame({"x": [1.0, float("nan"), float("inf"), None], "n": [1] * 4}))
    assert_frame_equal(found, pl.DataFrame({"x": [1.0, None, None, None], "n": [1] * 4}))


def test_age_counts_trading_days_up_to_today(version: Version) -> None:
    rows = views.with_age(RANKINGS.head(3), version, FRIDAY, MONDAY)
    assert rows.select("ticker", "data_age_days", "freshness").rows() == [
        ("AA", 1, "fresh"),
        ("BB", 5, "very_stale"),
        ("CC", None, "no_data"),
    ]


def test_age_counts_weekdays_up_to_a_past_date(version: Version) -> None:
    rows = views.with_age(RANKINGS.head(2), version, date(2026, 11, 19), MONDAY)
    assert rows.select("ticker", "data_age_days", "freshness").rows() == [
        ("AA", 0, "fresh"),
        ("BB", 3, "stale"),
    ]


def test_stocks_of_the_market_are_counted_by_freshness(version: Version) -> None:
    assert views.fresh_counts(version, MONDAY) == {
        "fresh": 1, "stale": 0, "very_stale": 1, "no_data": 0,
    }  # fmt: skip
