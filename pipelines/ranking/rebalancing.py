"""The day on which a portfolio is rebalanced next."""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise

from pipelines.ranking.strategy import Strategy


def next_rebalance(strategy: Strategy, calendar: Sequence[date], today: date) -> date | None:
    """Return the first trading day, today or later, of a month in which a strategy is rebalanced.

    None where the calendar does not reach so far.
    """
    for before, day in pairwise(calendar):
        opens_month = before.month != day.month
        if opens_month and day >= today and day.month in strategy.rebalance_months:
            return day
    return None


def last_rebalance(strategy: Strategy, first_days: Sequence[date], day: date) -> date | None:
    """Return the newest day up to `day`, of the first days of months, that rebalances a strategy.

    None where none of the days is one.
    """
    months = (one for one in first_days if one <= day and one.month in strategy.rebalance_months)
    return max(months, default=None)
