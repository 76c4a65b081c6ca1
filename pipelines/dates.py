"""Dates as people write them."""

from datetime import UTC, date, datetime

from pipelines.errors import InTheFuture, NotADate

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


def until_today(day: date, newest: date, name: str) -> date:
    """Return a day that is no later than today or the newest price; else `InTheFuture`."""
    if day > max(datetime.now(UTC).date(), newest):
        raise InTheFuture(name, day, newest)
    return day


def day_or_none(value: Day | None) -> date | None:
    """Return the date of a value, None for None."""
    return None if value is None else day(value)
