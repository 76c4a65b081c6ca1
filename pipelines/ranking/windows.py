"""How old a close, a ratio or a statement may be, and the windows of dates that follow from it."""

from datetime import date, timedelta
from typing import Final

import polars as pl

MONTHS: Final = (3, 6, 12)
"""Calendar months of the returns whose mean is the momentum."""
ANCHORS: Final = (0, *MONTHS)
"""Calendar months before a date at which a close is needed; 0 is the date itself."""
MAX_PRICE_AGE: Final = 10
"""How many days older than its date a close may be: enough for holidays, not for a trading halt."""
PRICE_WINDOW: Final = 377
"""Days before a date that hold its prices: twelve months of at most 366 days, `MAX_PRICE_AGE`, and
one day to spare."""
REPORT_WINDOW: Final = timedelta(days=400)
"""How far the integrity report looks back: the prices and ratios that move a ranking lie in
`PRICE_WINDOW`, and a stock without a close for longer has left its market."""

RATIO_MONTHS: Final = 12
"""Months that ratios stay known: companies report every year, so older ones were superseded."""
RATIO_WINDOW: Final = 366
"""Days before a date from which ratios are known: twelve months of at most this many."""
STATEMENT_MONTHS: Final = 18
"""Months after a fiscal year's end in which its statements count: the year that follows, and half a
year to publish the statements of that one."""
YEAR_BEFORE: Final = (10, 14)
"""Months between the ends of two successive fiscal years, at least and at most: a company that
moves the end of its year has one that is shorter or longer."""
STATEMENT_HISTORY: Final = STATEMENT_MONTHS + 2 * YEAR_BEFORE[1]
"""Months before a date in which the fiscal years t, t-1 and t-2 end."""


def months_before(day: pl.Expr, months: int) -> pl.Expr:
    """Return the same day of an earlier month, or its last: 31 May - 3 months = 28 or 29 February.

    Zero months give the day itself.
    """
    return day.dt.offset_by(f"-{months}mo") if months else day


def earliest(day: pl.Expr) -> pl.Expr:
    """Return the oldest date whose close may stand for a day."""
    return day.dt.offset_by(f"-{MAX_PRICE_AGE}d")


def in_window(as_of: pl.Expr, months: int) -> pl.Expr:
    """Return true where a close of `date` may stand for the day `months` before `as_of`."""
    day = months_before(as_of, months)
    return pl.col("date").is_between(earliest(day), day)


def days_before(day: date, days: int) -> date:
    """Return the date `days` before a day, or the first date that Python has."""
    return date.fromordinal(max(day.toordinal() - days, 1))
