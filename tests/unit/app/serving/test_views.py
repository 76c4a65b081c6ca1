"""What is told of a ranking: the band of a portfolio, and the next rebalancing."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from app.serving.views import BUY_RANK, SELL_RANK, banding, next_rebalance
from pipelines.ranking import STRATEGIES

RANKED = [{"ticker": f"S{n:02}", "rank": n, "excluded_by": None} for n in range(1, 31)]
OUT = {"ticker": "OUT", "rank": None, "excluded_by": "financial"}
TEN = [f"S{n:02}" for n in range(1, 11)]


def names(first: int, last: int) -> list[str]:
    return [f"S{n:02}" for n in range(first, last + 1)]


def decided(held: Sequence[str], size: int = 10) -> dict[str, Any]:
    """What is kept and bought, and why the rest is sold."""
    found = banding([*RANKED, OUT], held, size)
    return {
        "keep": [row["ticker"] for row in found["keep"]],
        "sell": {row["ticker"]: row["reason"] for row in found["sell"]},
        "buy": [row["ticker"] for row in found["buy"]],
        "portfolio": found["portfolio"],
    }


# ------------------------------------------------------------------------------------ banding


def test_the_band() -> None:
    assert (BUY_RANK, SELL_RANK) == (10, 20)


def test_of_fifteen_inside_the_band_the_best_ten_stay() -> None:
    assert decided(names(3, 17)[::-1]) == {
        "keep": names(3, 12),
        "sell": dict.fromkeys(names(13, 17)[::-1], "beyond_10_names"),
        "buy": [],
        "portfolio": names(3, 12),
    }


def test_twenty_inside_the_band_are_told_with_their_ranks() -> None:
    found = banding(RANKED, names(1, 20), 10)
    assert found["portfolio"] == TEN
    assert found["sell"][0] == {"ticker": "S11", "rank": 11, "reason": "beyond_10_names"}
    assert len(found["sell"]) == 10


def test_what_is_sold_says_why() -> None:
    held = ["OUT", "S21", "NEW", *names(10, 20)]
    assert decided(held)["sell"] == {
        "OUT": "financial",
        "S21": "outside_rank_20",
        "NEW": "unknown_ticker",
        "S20": "beyond_10_names",
    }


@pytest.mark.parametrize(
    ("held", "buy"),
    [
        ([], TEN),
        (names(11, 20), []),
        (names(12, 20), ["S01"]),
        (names(2, 4), ["S01", *names(5, 10)]),
        (TEN, []),
    ],
)
def test_what_is_free_is_filled_from_the_best(held: list[str], buy: list[str]) -> None:
    found = decided(held)
    assert found["buy"] == buy
    assert found["portfolio"] == sorted([*held, *buy])
    assert found["sell"] == {}


def test_the_size_is_that_of_the_portfolio() -> None:
    assert decided(names(1, 4), size=3) == {
        "keep": names(1, 3),
        "sell": {"S04": "beyond_3_names"},
        "buy": [],
        "portfolio": names(1, 3),
    }


# -------------------------------------------------------------------------------- rebalancing

DAYS = [
    day
    for n in range(480)
    if (day := date(2026, 9, 24) + timedelta(days=n)).weekday() < 5
    and (day.month, day.day) != (1, 1)
]
"""Weekdays without New Year's Day, until January 2028."""


@pytest.mark.parametrize(
    ("months", "today", "day"),
    [
        ((3,), "2026-11-24", "2027-03-01"),
        ((3,), "2027-03-01", "2027-03-01"),
        ((3,), "2027-03-02", None),
        ((3, 9), "2027-03-02", "2027-09-01"),
        ((1,), "2026-11-24", "2027-01-04"),
        ((8, 5), "2026-11-24", "2027-05-03"),
        (tuple(range(1, 13)), "2026-11-24", "2026-12-01"),
        (tuple(range(1, 13)), "2026-12-31", "2027-01-04"),
        ((), "2026-11-24", None),
    ],
)
def test_the_next_rebalancing_is_on_the_first_trading_day_of_a_month(
    months: tuple[int, ...], today: str, day: str | None
) -> None:
    strategy = replace(STRATEGIES["trendande_varde"], rebalance_months=months)
    found = next_rebalance(strategy, DAYS, date.fromisoformat(today))
    assert found == (day and date.fromisoformat(day))
