"""The integrity report of a version: coverage, outliers, orphans and the exchange's trading days.

It is made after the rankings, and kept in the manifest. The age of the prices depends on the day on
which it is asked for: see `pipelines.lake.freshness`.

The checks look at stocks on the markets of the universe, which can be traded. A single odd value is
a warning if a ranked stock has it, for someone may buy on it; of other stocks it is only listed.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final

import polars as pl
from pydantic import JsonValue

from pipelines.lake import Check, Lake, Report, Status
from pipelines.ranking import REPORT_WINDOW, is_financial, is_on_market, is_stock, share
from pipelines.refresh.day_checks import closes_by_day, missing_days, newest_day
from pipelines.refresh.event_checks import converted_check, event_checks
from pipelines.refresh.f_score_gate import f_score_checks
from pipelines.refresh.findings import WEEK, cases, check
from pipelines.refresh.identities import (
    isins_check,
    markets_check,
    orphans_check,
    sectors_check,
)
from pipelines.refresh.jump_checks import jump_checks
from pipelines.refresh.outliers import price_checks, ratio_check
from pipelines.refresh.trading_days import exchange_of
from pipelines.refresh.unit_breaks import unit_breaks_check
from pipelines.refresh.unit_checks import units_check
from pipelines.universe import Universe

PRICE_FLOORS: Final = (0.90, 0.75)
"""Stocks with a close this week, as a share of those with one in the window: a warning below the
first, critical below the second. Some 3 to 6 per cent of a market leave it in that time; with a
quarter missing, the ranking is of another market."""
FUNDAMENTALS_FLOORS: Final = (0.80, 0.50)
"""The same for fundamentals. New listings lack them; with half missing, ranks are mere chance."""
GRADES: Final[tuple[Status, ...]] = ("ok", "warning", "critical")


def report(
    lake: Lake,
    *,
    as_of: date,
    universe: Universe,
    others: Sequence[Universe] = (),
    calendar: Sequence[date],
) -> Report:
    """Return the report of a version with its rankings; `calendar` is that of `around`.

    Of the `others`, whose rankings the version has too, only the rates that they lack are told.
    """
    stocks = _stocks(lake, universe)
    active = stocks.filter(pl.col("newest_date") > as_of - WEEK)
    days = closes_by_day(lake, active, as_of)
    priced_to, newest = newest_day(days, active.height, as_of)
    exchange, trading = exchange_of(universe.markets)
    return Report(
        as_of=as_of,
        priced_to=priced_to,
        exchange=exchange,
        calendar=tuple(calendar),
        checks=(
            trading,
            _prices(stocks, active, as_of),
            newest,
            missing_days(days, active.height, calendar),
            _fundamentals(lake, active, as_of),
            *price_checks(lake, stocks, as_of),
            *jump_checks(lake, stocks, universe),
            ratio_check(lake, stocks, as_of),
            *f_score_checks(lake),
            orphans_check(lake, as_of),
            isins_check(stocks),
            markets_check(lake, universe),
            sectors_check(stocks),
            units_check(lake, stocks),
            unit_breaks_check(lake),
            *event_checks(lake, stocks, as_of),
            *converted_check(lake, universe, others),
        ),
    )


def _stocks(lake: Lake, universe: Universe) -> pl.DataFrame:
    """Return the stocks to check, with their `newest_date`, best `rank`, `share` and `sector`."""
    best = lake.rankings().group_by("ticker").agg(pl.col("rank").min())
    return (
        lake.stocks()
        .filter(is_stock(), is_on_market(universe))
        .select("ticker", "newest_date", "sector", share=share(), financial=is_financial())
        .join(best, on="ticker", how="left")
        .sort("ticker")
        .collect(engine="streaming")
    )


# ---------------------------------------------------------------------------------- coverage


def _prices(stocks: pl.DataFrame, active: pl.DataFrame, as_of: date) -> Check:
    """Return the check of stocks with a close in the last week, of those with one in the window."""
    left = pl.col("newest_date") < as_of - REPORT_WINDOW
    living = stocks.filter(~left.fill_null(value=False))
    silent = living.join(active, on="ticker", how="anti").sort("newest_date", "ticker")
    return _share(
        "price_coverage",
        f"have a close in the week to {as_of}",
        (active.height, living.height),
        PRICE_FLOORS,
        silent.select("ticker", "newest_date"),
    )


def _fundamentals(lake: Lake, active: pl.DataFrame, as_of: date) -> Check:
    """Return the check of trading stocks with fundamentals that are less than a year old."""
    young = pl.col("known_from") >= pl.lit(as_of).dt.offset_by("-12mo")
    is_later = pl.col("known_from") > as_of
    # By the day, too, so that only the years from it on are read.
    rows = lake.fundamentals(known_since=as_of - REPORT_WINDOW)
    found = rows.group_by("ticker").agg(
        (young & ~is_later).any().alias("young"), is_later.any().alias("late")
    )
    known = found.collect(engine="streaming")
    missing = active.join(known.filter("young"), on="ticker", how="anti")
    late = missing.join(known.filter("late"), on="ticker").height
    return _share(
        "fundamentals_coverage",
        "that trade have fundamentals younger than 12 months",
        (active.height - missing.height, active.height),
        FUNDAMENTALS_FLOORS,
        missing.select("ticker").sort("ticker"),
        f"; those of {late} became known after {as_of}, the day of the newest close, and do not "
        "count on it"
        if late
        else "",
    )


def _share(
    name: str, what: str, part: tuple[int, int], floors: tuple[float, float],
    missing: pl.DataFrame, more: str = "",
) -> Check:  # fmt: skip
    """Return a check of a share: a warning below the first floor, critical below the second."""
    share = part[0] / part[1] if part[1] else 0.0
    status = GRADES[sum(share < floor for floor in floors)]
    message = f"{part[0]} of {part[1]} stocks {what} ({share:.1%}){more}"
    value: JsonValue = {"share": round(share, 4), "stocks": part[1], "missing": cases(missing)}
    return check(name, status, message, value)
