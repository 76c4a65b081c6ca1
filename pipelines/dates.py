"""Dates as people write them."""

from datetime import date, datetime

from pipelines.errors import NotADate

Day = date | str
"""A date, or text such as `2026-03-02`."""


def day(value: Day) -> date:
    """Return the date of a text such as `2026-03-02`, or the date itself; `NotADate` for others."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        found = date.fromisoformat(str(value))
    except ValueError:
        raise NotADate(value) from None
    # Python also reads 20260302 and weeks such as 2026-W10-1.
    if found.isoformat() != value:
        raise NotADate(value)
    return found


def day_or_none(value: Day | None) -> date | None:
    """Return the date of a value, None for None."""
    return None if value is None else day(value)
