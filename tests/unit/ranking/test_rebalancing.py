"""The day of the next rebalancing."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from pipelines.ranking.rebalancing import next_rebalance
from pipelines.ranking.strategies import STRATEGIES

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
