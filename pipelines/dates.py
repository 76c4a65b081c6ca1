"""Dates as people write them."""

from datetime import date, datetime

from pipelines.errors import NotADate

Day = date | str
"""A date, or text such as `2026-03-02`."""


def day(value: Day) -> date:
    """Return the day that an ISO text such as `2026-03-02` names, or the date itself."""
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
    """Return the day of a value, where there is one."""
    return None if value is None else day(value)
