"""The trading days of an exchange, asked of the calendar library once for all tests."""

from datetime import UTC, date, datetime, timedelta
from functools import cache

from pipelines.refresh.calendar import sessions

FIRST_DAY = date(2015, 1, 1)
LAST_DAY = datetime.now(UTC).date() + timedelta(days=600)


@cache
def all_sessions(exchange: str) -> tuple[date, ...]:
    """Every trading day of the years in which tests take place."""
    return tuple(sessions(exchange, FIRST_DAY, LAST_DAY))


def known_sessions(exchange: str, first: date, last: date) -> list[date]:
    """The trading days that the library itself would name."""
    if first < FIRST_DAY or last > LAST_DAY:
        return sessions(exchange, first, last)
    return [day for day in all_sessions(exchange) if first <= day <= last]
