"""The integrity report of a version: coverage, outliers, orphans and the exchange's trading days.

It is made at export, when the rankings are there, and kept in the manifest. What depends on the
day on which it is read, above all how old the prices are, is `pipelines.lake.freshness`.

Checks look at what can be traded: stocks on the universe's markets. A single odd value is a
warning where a ranked stock has it, for then someone may buy on it; elsewhere it is only listed.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import polars as pl
from pydantic import JsonValue

from pipelines.lake import Check, Lake, Report, Status
from pipelines.ranking import REPORT_WINDOW, is_on_market, is_stock
from pipelines.refresh.findings import WEEK, cases, check, counted, some
from pipelines.refresh.outliers import price_checks, ratio_check
from pipelines.refresh.trading_days import exchange_of
from pipelines.universe import Universe

PRICE_FLOORS: Final = (0.90, 0.75)
"""Least share, for no warning and for not being critical, of stocks with a close this week, of
those with one in the window. Some 3 to 6 per cent of a market leave it in that time; with a
quarter missing, another market is ranked."""
FUNDAMENTALS_FLOORS: Final = (0.80, 0.50)
"""New listings and late reports lack them; with half missing, the best 40 per cent are chance."""
MOST: Final = 0.5
"""On a trading day nearly all stocks trade; with fewer, the day's prices are not in yet."""

GRADES: Final[tuple[Status, ...]] = ("ok", "warning", "critical")


def report(lake: Lake, *, as_of: date, universe: Universe, calendar: Sequence[date]) -> Report:
    """Return the report of a version with its rankings; see `trading_days.around`."""
    stocks = _stocks(lake, universe)
    active = stocks.filter(pl.col("newest_date") > as_of - WEEK)
    priced_to, newest_day = _newest_day(lake, active, as_of)
    exchange, trading = exchange_of(universe.markets)
    return Report(
        as_of=as_of,
        priced_to=priced_to,
        exchange=exchange,
        calendar=tuple(calendar),
        checks=(
            trading,
            _prices(stocks, active, as_of),
            newest_day,
            _fundamentals(lake, active, as_of),
            *price_checks(lake, stocks, as_of),
            ratio_check(lake, stocks, as_of),
            _orphans(lake, as_of),
            _isins(stocks),
        ),
    )


def _stocks(lake: Lake, universe: Universe) -> pl.DataFrame:
    """`ticker, isin, newest_date, rank` of the markets' stocks; rank is the best of each."""
    best = lake.rankings().group_by("ticker").agg(pl.col("rank").min())
    return (
        lake.stocks()
        .filter(is_stock(), is_on_market(universe))
        .select("ticker", "isin", "newest_date")
        .join(best, on="ticker", how="left")
        .sort("ticker")
        .collect(engine="streaming")
    )


# ---------------------------------------------------------------------------------- coverage


def _prices(stocks: pl.DataFrame, active: pl.DataFrame, as_of: date) -> Check:
    """How many stocks have a close in the last week, of those that did not leave long ago."""
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
    """How many stocks that trade have a row of fundamentals that became known in twelve months."""
    known = (
        lake.fundamentals(known_by=as_of)
        .filter(pl.col("known_from") >= pl.lit(as_of).dt.offset_by("-12mo"))
        .select(pl.col("ticker").unique())
        .collect(engine="streaming")
    )
    missing = active.join(known, on="ticker", how="anti")
    return _share(
        "fundamentals_coverage",
        "that trade have fundamentals younger than 12 months",
        (active.height - missing.height, active.height),
        FUNDAMENTALS_FLOORS,
        missing.select("ticker").sort("ticker"),
    )


def _share(
    name: str, what: str, part: tuple[int, int], floors: tuple[float, float], missing: pl.DataFrame
) -> Check:
    """A check of a share, whose floors are those of a warning and of what is critical."""
    share = part[0] / part[1] if part[1] else 0.0
    status = GRADES[sum(share < floor for floor in floors)]
    message = f"{part[0]} of {part[1]} stocks {what} ({share:.1%})"
    value: JsonValue = {"share": round(share, 4), "stocks": part[1], "missing": cases(missing)}
    return check(name, status, message, value)


def _newest_day(lake: Lake, active: pl.DataFrame, as_of: date) -> tuple[date | None, Check]:
    """The newest day on which most of the active stocks have a close, if there is one."""
    days = (
        lake.prices(since=as_of - WEEK, until=as_of)
        .join(active.lazy().select("ticker"), on="ticker", how="semi")
        .group_by("date")
        .len("closes")
        .sort("date")
        .collect(engine="streaming")
    )
    complete: Any = days.filter(pl.col("closes") >= MOST * active.height)["date"].max()
    closes = days.filter(date=as_of)["closes"].sum()
    message = f"{closes} of {active.height} stocks that trade have a close on {as_of}"
    if complete == as_of:
        return as_of, check("newest_day", "ok", message, {"date": as_of.isoformat()})
    last = f"; most have one on {complete}" if complete else "; there is no day when most have one"
    value: JsonValue = {"date": complete.isoformat() if complete else None}
    return complete, check("newest_day", "warning", message + last, value)


# --------------------------------------------------------------------------------- identities


def _orphans(lake: Lake, as_of: date) -> Check:
    """Tickers with prices that are not among the stocks, and so are not ranked on any market."""
    orphans = (
        lake.prices(since=as_of - REPORT_WINDOW, until=as_of)
        .group_by("ticker")
        .agg(newest_date=pl.col("date").max())
        .join(lake.stocks().select("ticker"), on="ticker", how="anti")
        .sort("newest_date", "ticker", descending=[True, False])
        .collect(engine="streaming")
    )
    trade = orphans.filter(pl.col("newest_date") > as_of - WEEK)["ticker"].to_list()
    named = f", of which {some(trade)} still trade" if trade else ""
    message = f"tickers with prices that are not in stocks: {orphans.height}{named}"
    return check("orphans", "warning" if trade else "ok", message, counted(orphans))


def _isins(stocks: pl.DataFrame) -> Check:
    """ISINs of more than one ticker, such as a share under its old and its new name."""
    twice = (
        stocks.filter(pl.col("isin") != "")
        .group_by("isin")
        .agg("ticker")
        .filter(pl.col("ticker").list.len() > 1)
        .sort("isin")
        .select("isin", tickers="ticker")
    )
    message = f"ISINs of more than one ticker: {twice.height}"
    return check("isins", "ok", message, counted(twice))
