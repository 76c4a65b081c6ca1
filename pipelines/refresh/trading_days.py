"""The trading days of a universe: the exchange that it follows, and the days around a day."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from pipelines.lake import Check, Report
from pipelines.refresh.calendar import sessions
from pipelines.refresh.findings import check, some
from pipelines.universe import market_key

DEFAULT_EXCHANGE: Final = "XSTO"
EXCHANGES: Final[Mapping[str, str]] = {
    "stockholmsborsen": "XSTO",
    "first_north": "XSTO",
    "helsinki": "XHEL",
    "oslo": "XOSL",
    "copenhagen": "XCSE",
    "reykjavik": "XICE",
    "sp500": "XNYS",
    "usa": "XNYS",
}
PAST_DAYS: Final = 30
"""Six weeks, so that a hole in the prices of the last month is seen."""
COMING_DAYS: Final = 260
"""A year and a week, so that the next rebalancing of an annual strategy is among them."""
LEAST_COMING_DAYS: Final = 254


def trading_days(market: str, first: date, last: date) -> list[date]:
    """Return the days on which a market's exchange is open, both ends and half days included.

    An unknown market has the days of Stockholm.
    """
    return sessions(_exchange(market) or DEFAULT_EXCHANGE, first, last)


def _exchange(market: str) -> str | None:
    keys = {market_key(name): exchange for name, exchange in EXCHANGES.items()}
    return keys.get(market_key(market))


def exchange_of(markets: Sequence[str]) -> tuple[str, Check]:
    """Return the exchange of the first market, whose trading days count, and a check of that."""
    unknown = [market for market in markets if _exchange(market) is None]
    exchanges = list(dict.fromkeys(_exchange(m) or DEFAULT_EXCHANGE for m in markets))
    message = f"age is counted in trading days of {exchanges[0]}"
    if unknown:
        message += f"; no exchange is known for {some(unknown)}, {DEFAULT_EXCHANGE} is assumed"
    if exchanges[1:]:
        message += f"; the universe is also on {some(exchanges[1:])}"
    return exchanges[0], check("calendar", "warning" if unknown else "ok", message, exchanges[0])


def around(markets: Sequence[str], now: date, earlier: Report | None = None) -> list[date]:
    """Return `PAST_DAYS` trading days up to a day, and `COMING_DAYS` after it.

    The calendar of `earlier`, the report of the version before, is returned while it reaches far
    enough: that saves a process.
    """
    exchange, _ = exchange_of(markets)
    if earlier and earlier.exchange == exchange:
        past = bisect_right(earlier.calendar, now)
        if past >= PAST_DAYS and len(earlier.calendar) - past >= LEAST_COMING_DAYS:
            return list(earlier.calendar)
    days = sessions(exchange, now - timedelta(days=60), now + timedelta(days=420))
    past = bisect_right(days, now)
    return days[past - PAST_DAYS : past + COMING_DAYS]
