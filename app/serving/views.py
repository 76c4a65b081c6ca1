"""Rows of the rankings as the answers show them. No input or output happens here."""

from datetime import date
from typing import Final

import polars as pl

from app.serving.published import Version
from pipelines.lake import Freshness, freshness
from pipelines.ranking import REPORT_WINDOW, Strategy, is_on_market


def ranked(rankings: pl.DataFrame, strategy: Strategy) -> pl.DataFrame:
    """Return the ranked stocks of a strategy, best first."""
    return rankings.filter(pl.col("strategy") == strategy.name, pl.col("rank").is_not_null())


def portfolio_rows(rankings: pl.DataFrame, strategy: Strategy) -> pl.DataFrame:
    """Return the stocks that the portfolio of a strategy holds, best first."""
    return ranked(rankings, strategy).head(strategy.portfolio_size)


def short(rows: pl.DataFrame) -> pl.DataFrame:
    """Return `rank, ticker, name, score`."""
    return rows.select("rank", "ticker", "name", "score")


def finite(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with null for NaN and the infinities, which JSON does not have."""
    floats = pl.selectors.float()
    return frame.with_columns(pl.when(floats.is_finite()).then(floats))


TABLE: Final = (
    "ticker", "name", "rank", "excluded_by", "sector", "market", "currency", "close_date",
    "f_score", "f_available", "primary_rank",
)  # fmt: skip
TABLE_NUMBERS: Final = (
    "score", "market_cap_msek", "return_3m", "return_6m", "return_12m", "pe", "pb", "ps", "p_fcf",
    "ev_ebitda", "roe", "roa", "roic", "fcfroe", "dividend_yield", "payout_ratio", "turnover",
)  # fmt: skip
DIGITS: Final = 5
"""Digits of the numbers of a table: a page shows fewer, and few travel faster."""


def whole_table(rows: pl.DataFrame, turnover: pl.DataFrame) -> pl.DataFrame:
    """Return all stocks of a ranking with what a page shows of them, ranked ones first."""
    numbers = pl.col(TABLE_NUMBERS).round_sig_figs(DIGITS)
    quoted = pl.col("close").cast(pl.Float32).cast(pl.String).cast(pl.Float64)
    known = finite(rows.join(turnover, on="ticker", how="left", maintain_order="left"))
    return known.sort("rank", "ticker", nulls_last=True).select(*TABLE, quoted, numbers)


# ---------------------------------------------------------------------------------------- age


def with_age(rows: pl.DataFrame, version: Version, as_of: date, today: date) -> pl.DataFrame:
    """Return `ticker, name, rank, score, last_updated, data_age_days, freshness` of a ranking.

    `last_updated` is the day of the last close. The age counts trading days up to today; for a
    ranking of a past date it counts weekdays up to that date, which no calendar covers.
    """
    days = rows["close_date"].unique().to_list()
    ages = {day: _age(day, version, as_of, today) for day in days}
    age_by_day = pl.DataFrame(
        {
            "close_date": list(ages),
            "data_age_days": [age.trading_days for age in ages.values()],
            "freshness": [age.label for age in ages.values()],
        },
        schema={"close_date": pl.Date, "data_age_days": pl.Int64, "freshness": pl.String},
    )
    return rows.join(age_by_day, on="close_date", how="left", nulls_equal=True).select(
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
    """Count Mondays to Fridays after one day, up to and including another."""
    days = range(after.toordinal() + 1, until.toordinal() + 1)
    return sum(date.fromordinal(n).weekday() < 5 for n in days)


def fresh_counts(version: Version, today: date) -> dict[str, int]:
    """Count the stocks of the universe's markets by the freshness of their prices.

    Stocks without a close in the window of the integrity report have left the market: not counted.
    """
    window_start = version.lake.as_of - REPORT_WINDOW
    on_market = is_on_market(version.universe)
    stocks = version.rankings.filter(on_market, pl.col("excluded_by").ne_missing("not_a_stock"))
    days = (version.newest[ticker] for ticker in stocks["ticker"].unique())
    ages = [
        freshness.age(day, version.calendar, today) for day in days if day and day > window_start
    ]
    labels = [age.label for age in ages]
    return {name: labels.count(name) for name in ("fresh", "stale", "very_stale", "no_data")}
