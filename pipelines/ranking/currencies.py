"""Returns in the currency of a universe: those of the listing, times the change of its rate."""

from collections.abc import Collection, Mapping
from datetime import date
from typing import Final

import polars as pl

from pipelines.lake import Lake
from pipelines.ranking import factors
from pipelines.ranking.windows import MAX_PRICE_AGE, MONTHS, PRICE_WINDOW, days_before
from pipelines.universe import Universe

RATES: Final = pl.Schema({"currency": pl.String, "date": pl.Date, "rate": pl.Float64})
NEWEST: Final = "close_date"
OF_MONTHS: Final = {f"return_{months}m": f"base_date_{months}m" for months in MONTHS}
"""The returns of a cross-section, each with the column of the day of its base."""


def in_currency(
    stocks: pl.LazyFrame, lake: Lake, universe: Universe, *, first: date, last: date,
    also: Collection[str] = (),
) -> pl.LazyFrame:  # fmt: skip
    """Return the cross-sections of dates from `first` to `last` with the returns of a universe.

    `also` names price windows that they have; the return over a month is converted too. Without a
    rate for it that return is null, but no stock leaves for it.
    """
    if universe.returns_in == "local":
        return stocks
    bases = OF_MONTHS | ({"return_1m": "base_date_1m"} if "return_1m" in also else {})
    found = converted(stocks, lake, universe, bases, first=first, last=last)
    return found.with_columns(factors.momentum())


def converted(
    stocks: pl.LazyFrame, lake: Lake, universe: Universe, bases: Mapping[str, str], *, first: date,
    last: date,
) -> pl.LazyFrame:  # fmt: skip
    """Return rows with their returns, of `bases`, in the currency of a universe.

    Reads `currency` and `close_date`; `bases` names the day of the base of each return. Each close
    is converted at the last rate on or before its day, at most `MAX_PRICE_AGE` days old; null
    without one. `lacks_rate` is true for a stock with a close of today, or of a base of the
    momentum, but no such rate. Without the dataset
    `fx_rates` no rate is known. Returns in the currency of the listing are left as they are.
    """
    if universe.returns_in == "local":
        return stocks
    days = (NEWEST, *bases.values())
    for day in days:
        rates = _rates(lake, first, last).rename({"day_": day, "rate_": f"rate_{day}"})
        stocks = stocks.join(rates, on=["currency", day], how="left")
    own = pl.col("currency").eq_missing(pl.lit(universe.returns_in))
    return stocks.with_columns(
        *(_converted(name, base, own) for name, base in bases.items()),
        lacks_rate=~own
        & pl.any_horizontal(_lacks_rate(d) for d in days if d in (NEWEST, *OF_MONTHS.values())),
    )


def _rates(lake: Lake, first: date, last: date) -> pl.LazyFrame:
    """Return the rate of each currency that holds on each day."""
    if "fx_rates" not in lake.datasets:
        rates = pl.LazyFrame(schema=RATES)
    else:
        rates = lake.fx_rates(since=days_before(first, PRICE_WINDOW + MAX_PRICE_AGE), until=last)
    days = pl.date_ranges("date", pl.col("date").dt.offset_by(f"{MAX_PRICE_AGE}d"))
    by_day = rates.with_columns(day_=days).explode("day_").group_by("currency", "day_")
    return by_day.agg(rate_=pl.col("rate").max_by("date"))


def rates_on(lake: Lake, day: date) -> pl.LazyFrame:
    """Return `currency, rate`: what one unit was worth in SEK on a day, where that is known.

    A rate counts as in `converted`: the last on or before the day, at most `MAX_PRICE_AGE` days
    old.
    """
    rates = _rates(lake, day, day).filter(pl.col("day_") == day)
    return rates.select("currency", rate="rate_").sort("currency")


def _lacks_rate(day: str) -> pl.Expr:
    return pl.col(day).is_not_null() & pl.col(f"rate_{day}").is_null()


def _converted(name: str, base: str, own: pl.Expr) -> pl.Expr:
    """Return a return in the universe's currency; that of a stock listed in it stays exactly."""
    local = pl.col(name)
    change = pl.col(f"rate_{NEWEST}") / pl.col(f"rate_{base}")
    return pl.when(own).then(local).otherwise((local + 1) * change - 1).alias(name)
