"""The table of closed days, made from the calendar library.

Example: python -W ignore -m tests.closed_days > pipelines/refresh/closed_days.toml
"""

import sys
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import groupby
from operator import attrgetter

from exchange_calendars import get_calendar

from pipelines.refresh.trading_days import EXCHANGES

FIRST, LAST = date(2015, 1, 1), date(2035, 12, 31)
AROUND = timedelta(days=14)  # the library's bounds must be trading days


def closed(exchange: str) -> list[date]:
    """The weekdays on which an exchange is closed."""
    found = get_calendar(exchange, start=FIRST - AROUND, end=LAST + AROUND).sessions.date
    days = (FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1))
    open_ = set(found)
    assert not any(day.weekday() >= 5 for day in open_)
    return [day for day in days if day.weekday() < 5 and day not in open_]


def table() -> Iterator[str]:
    """The lines of the table."""
    yield "# The weekdays without trade, by the calendar library: python -m tests.closed_days"
    yield f"first = {FIRST}"
    yield f"last = {LAST}"
    yield ""
    yield "[closed]"
    for exchange in sorted(set(EXCHANGES.values())):
        yield f'{exchange} = """'
        for _, days in groupby(closed(exchange), key=attrgetter("year")):
            yield " ".join(map(str, days))
        yield '"""'


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in table())
