"""Checks of the days with closes: the newest one with most of them, and trading days without."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

import polars as pl
from pydantic import JsonValue

from pipelines.lake import Check, Lake
from pipelines.refresh.findings import LISTED, WEEK, check, some

WINDOW: Final = timedelta(days=45)
"""The days up to the newest close of which the closes are counted."""
MOST: Final = 0.5
"""The share of stocks with a close that makes a day complete; nearly all trade on each day."""
FEW: Final = 0.1
"""A trading day on which a smaller share of the stocks has a close is missing."""

DAILY: Final = 0.25
"""The share of the trading days with closes below which a source is not daily."""


def closes_by_day(lake: Lake, active: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Return `date, closes`: how many of the stocks that trade have a close on each late day."""
    return (
        lake.prices(since=as_of - WINDOW, until=as_of)
        .join(active.lazy().select("ticker"), on="ticker", how="semi")
        .group_by("date")
        .len("closes")
        .sort("date")
        .collect(engine="streaming")
    )


def newest_day(days: pl.DataFrame, stocks: int, as_of: date) -> tuple[date | None, Check]:
    """Return the newest day on which most of the active stocks have a close, and a check of it."""
    late = days.filter(pl.col("date") >= as_of - WEEK)
    newest = late.filter(pl.col("closes") >= MOST * stocks)["date"].max()
    complete = newest if isinstance(newest, date) else None
    closes = days.filter(date=as_of)["closes"].sum()
    message = f"{closes} of {stocks} stocks that trade have a close on {as_of}"
    if complete == as_of:
        return as_of, check("newest_day", "ok", message, {"date": as_of.isoformat()})
    last = f"; most have one on {complete}" if complete else "; there is no day when most have one"
    value: JsonValue = {"date": complete.isoformat() if complete else None}
    return complete, check("newest_day", "warning", message + last, value)


def missing_days(days: pl.DataFrame, stocks: int, calendar: Sequence[date]) -> Check:
    """Return the check of trading days between others on which hardly any stock has a close.

    Only days of the calendar count: that of a version reaches some weeks back. Of a source that has
    closes of single days only, such as Fridays, none is missing.
    """
    priced = days.filter(pl.col("closes") >= max(1, FEW * stocks))["date"].to_list()
    there = set(priced)
    first, last = (priced[0], priced[-1]) if priced else (date.max, date.max)
    between = calendar[bisect_left(calendar, first) : bisect_left(calendar, last)]
    missing = [day.isoformat() for day in between if day not in there]
    if len(between) - len(missing) < DAILY * len(between):
        missing = []
    value: JsonValue = {"count": len(missing), "days": list[JsonValue](missing[:LISTED])}
    if not missing:
        return check("missing_days", "ok", "no trading day of late is without closes", value)
    many = f"{len(missing)} trading days" if missing[1:] else "1 trading day"
    message = (
        f"{many} of late, after which there are others, have hardly any close: {some(missing)}; "
        "check the feed of the database, or whether the exchange was closed"
    )
    return check("missing_days", "warning", message, value)
