"""The trading days of an exchange: from a table of closed days, else from a calendar library.

The library imports pandas, whose 90 MB would stay in the memory of the refresh, so it runs in a
process of its own, which takes half a second. As a script,
`python pipelines/refresh/calendar.py XSTO 2026-12-21 2026-12-31` prints its days, one a line.
"""

import os
import subprocess
import sys
import tomllib
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

MARGIN: Final = timedelta(weeks=2)
"""The library refuses a range without any trading day."""
SATURDAY: Final = 5


def sessions(exchange: str, first: date, last: date) -> list[date]:
    """Return the days from `first` to `last` on which the exchange is open, half days included."""
    table = _table()
    if not (exchange in table["closed"] and table["first"] <= first and last <= table["last"]):
        return _of_library(exchange, first, last)
    closed = set(table["closed"][exchange].split())
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [day for day in days if day.weekday() < SATURDAY and f"{day}" not in closed]


@cache
def _table() -> dict[str, Any]:
    """Return the first and the last day of the table, and the weekdays without trade."""
    return tomllib.loads(Path(__file__).with_name("closed_days.toml").read_text("utf-8"))


def _of_library(exchange: str, first: date, last: date) -> list[date]:
    # -P: nothing is imported from this folder. -W: the library uses deprecated parts of pandas.
    command = [sys.executable, "-P", "-W", "ignore", __file__, exchange, str(first), str(last)]
    printed = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
    if printed.returncode:
        from pipelines.errors import CalendarFailed  # noqa: PLC0415 - the script has no package

        raise CalendarFailed(exchange, _last_line(printed))
    return [date.fromisoformat(day) for day in printed.stdout.split()]


def _last_line(ended: subprocess.CompletedProcess[str]) -> str:
    """Return the last words of a process that failed, or how it ended."""
    lines = ended.stderr.split("\n")
    how = f"it ended with code {ended.returncode}"  # minus the number of a signal
    return next((line.strip() for line in reversed(lines) if line.strip()), how)


def _print(exchange: str, first: str, last: str) -> None:
    os.nice(10)  # the refresh needs the days last, so it goes first
    from exchange_calendars import get_calendar  # noqa: PLC0415 - only in the process of its own

    start, end = date.fromisoformat(first), date.fromisoformat(last)
    calendar = get_calendar(exchange, start=start - MARGIN, end=end + MARGIN)
    days = (day.isoformat() for day in calendar.sessions.date if start <= day <= end)
    sys.stdout.write("".join(f"{day}\n" for day in days))


if __name__ == "__main__":
    _print(*sys.argv[1:])
