"""Frames of a version → the columns and values of the contract. No I/O, nothing is collected."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any, Final

import polars as pl

from app.serving.published import Version
from pipelines.lake import Freshness, freshness
from pipelines.ranking import REPORT_WINDOW, Strategy

Row = dict[str, Any]

BUY_RANK: Final = 10
"""A stock is bought up to this rank."""
SELL_RANK: Final = 20
"""A stock that is held is sold beyond this rank."""


def ranked(rankings: pl.DataFrame, strategy: Strategy) -> pl.DataFrame:
    """The ranked stocks of a strategy, best first."""
    return rankings.filter(pl.col("strategy") == strategy.name, pl.col("rank").is_not_null())


def top(rankings: pl.DataFrame, strategy: Strategy) -> pl.DataFrame:
    """Return the stocks that the portfolio of a strategy holds, best first."""
    return ranked(rankings, strategy).head(strategy.portfolio_size)


def short(rows: pl.DataFrame) -> pl.DataFrame:
    """`rank, ticker, name, score`."""
    return rows.select("rank", "ticker", "name", "score")


# ---------------------------------------------------------------------------------------- age


def with_age(rows: pl.DataFrame, version: Version, as_of: date, today: date) -> pl.DataFrame:
    """`ticker, name, rank, score, last_updated, data_age_days, freshness` of a ranking.

    `last_updated` is the day of the last close. The age is in trading days up to today; for a
    ranking of a past date in weekdays up to that date, for no calendar reaches back.
    """
    days = rows["close_date"].unique().to_list()
    ages = {day: _age(day, version, as_of, today) for day in days}
    told = pl.DataFrame(
        {
            "close_date": list(ages),
            "data_age_days": [age.trading_days for age in ages.values()],
            "freshness": [age.label for age in ages.values()],
        },
        schema={"close_date": pl.Date, "data_age_days": pl.Int64, "freshness": pl.String},
    )
    return rows.join(told, on="close_date", how="left", nulls_equal=True).select(
        "ticker",
        "name",
        "rank",
        "score",
        pl.col("close_date").alias("last_updated"),
        "data_age_days",
        "freshness",
    )


def _age(day: date | None, version: Version, as_of: date, today: date) -> Freshness:
    if day is None or as_of >= version.lake.as_of:
        return freshness.age(day, version.calendar, today)
    days = _weekdays(day, as_of)
    return Freshness(freshness.label(days), days, exact=False)


def _weekdays(after: date, until: date) -> int:
    """Mondays to Fridays after a day, up to another one and with it."""
    days = range(after.toordinal() + 1, until.toordinal() + 1)
    return sum(date.fromordinal(n).weekday() < 5 for n in days)


def fresh_counts(version: Version, today: date) -> dict[str, int]:
    """How many stocks of the universe's markets have prices of each freshness.

    Stocks that left the market, without a close in the integrity report's window, do not count.
    """
    left = version.lake.as_of - REPORT_WINDOW
    on_market = pl.col("market").is_in(list(version.universe.markets))
    stocks = version.rankings.filter(on_market, pl.col("excluded_by").ne_missing("not_a_stock"))
    days = (version.newest[ticker] for ticker in stocks["ticker"].unique())
    ages = [freshness.age(day, version.calendar, today) for day in days if day and day > left]
    labels = [age.label for age in ages]
    return {name: labels.count(name) for name in ("fresh", "stale", "very_stale", "no_data")}


# ------------------------------------------------------------------------------------ banding


def banding(rows: Iterable[Row], holdings: Iterable[str], size: int) -> Mapping[str, Any]:
    """Return what to keep, sell and buy for a portfolio of `size` stocks, by a whole ranking.

    Of the held stocks up to `SELL_RANK` the best are kept; all others are sold. Stocks up to
    `BUY_RANK` fill what is free, best first. What is not in the lake is sold as `unknown_ticker`.
    """
    by_ticker = {row["ticker"]: row for row in rows}
    held = list(dict.fromkeys(holdings))
    ranks = {t: by_ticker[t]["rank"] if t in by_ticker else None for t in held}
    kept = sorted((rank, t) for t, rank in ranks.items() if rank and rank <= SELL_RANK)[:size]
    best = sorted((r["rank"], t) for t, r in by_ticker.items() if r["rank"])
    wanted = [(rank, t) for rank, t in best if rank <= BUY_RANK and t not in ranks]
    bought = wanted[: size - len(kept)]
    keeps = {t for _, t in kept}
    return {
        "keep": [{"ticker": t, "rank": rank} for rank, t in kept],
        "sell": [_sold(t, by_ticker.get(t), size) for t in held if t not in keeps],
        "buy": [{"ticker": t, "rank": rank} for rank, t in bought],
        "portfolio": [t for _, t in sorted([*kept, *bought])],
    }


def _sold(ticker: str, row: Row | None, size: int) -> Row:
    if row is None:
        return {"ticker": ticker, "rank": None, "reason": "unknown_ticker"}
    surplus = row["rank"] is not None and row["rank"] <= SELL_RANK
    by_rank = f"beyond_{size}_names" if surplus else f"outside_rank_{SELL_RANK}"
    return {"ticker": ticker, "rank": row["rank"], "reason": row["excluded_by"] or by_rank}


# ------------------------------------------------------------------------------- rebalancing


def next_rebalance(strategy: Strategy, calendar: Sequence[date], today: date) -> date | None:
    """The first trading day, today or later, of a month in which a strategy is rebalanced.

    None where the calendar does not reach so far.
    """
    for before, day in pairwise(calendar):
        opens = before.month != day.month
        if opens and day >= today and day.month in strategy.rebalance_months:
            return day
    return None


def finite(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with null for what JSON cannot say: NaN and the infinities."""
    floats = pl.selectors.float()
    return frame.with_columns(pl.when(floats.is_finite()).then(floats))
