"""Lazy queries that handlers need beyond the rankings themselves."""

from collections.abc import Mapping
from datetime import date, timedelta

import polars as pl

from app.serving.published import Version
from pipelines.lake import Lake
from pipelines.ranking import (
    DAYS_WITH_VOLUME,
    MAX_PRICE_AGE,
    adjusted,
    adjusted_closes,
    applied_splits,
    converted,
    good_prices,
    price_return,
)


def year_to_date(version: Version) -> pl.LazyFrame:
    """Return `ticker, return` since the last close of the year before, of stocks that have one.

    It is in the currency of the universe's returns; null without a rate for it.
    """
    as_of = version.lake.as_of
    last = date(as_of.year - 1, 12, 31)
    base = (
        _good(version, last - timedelta(days=MAX_PRICE_AGE), last)
        .group_by("ticker")
        .agg(base=pl.col("close").max_by("date").cast(pl.Float64), base_date=pl.col("date").max())
    )
    closes = _facts(version, "close", "close_date", "currency", "as_of")
    both = closes.join(base, on="ticker", how="inner")
    known = adjusted(both, applied_splits(version.lake), {"base": "base_date"})
    change = pl.col("close").cast(pl.Float64) / pl.col("base") - 1
    returns = known.with_columns(change.alias("return"))
    return _in_currency(version, returns, {"return": "base_date"}).select("ticker", "return")


def one_month_return(version: Version, ticker: str) -> pl.LazyFrame:
    """Return `return_1m` of a stock: one row, or none where it has no close in the window.

    It is in the currency of the universe's returns; null without a rate for it.
    """
    as_of = version.lake.as_of
    rows = _good(version, as_of - timedelta(days=50), as_of).filter(ticker=ticker)
    splits = applied_splits(version.lake)
    returns = price_return(rows, splits, as_of=as_of, months=1)
    listed = returns.join(_facts(version, "currency"), on="ticker")
    return _in_currency(version, listed, {"return_1m": "base_date_1m"}).select("return_1m")


def closes(version: Version, ticker: str, newest: date, days: int) -> pl.LazyFrame:
    """Return `date, close` of the last `days` good closes of a stock, oldest first.

    Those before a split whose prices are raw are brought to the new price.
    """
    # Three calendar days for each close, where five in seven would do: some stocks trade seldom.
    since = date.fromordinal(max(1, newest.toordinal() - 3 * days - 30))
    rows = _good(version, since, version.lake.as_of).filter(ticker=ticker)
    known = adjusted_closes(rows, applied_splits(version.lake), version.lake.as_of)
    return known.select("date", quoted("close")).sort("date").tail(days)


def _facts(version: Version, *columns: str) -> pl.LazyFrame:
    """Return facts of each stock on the newest date, with its ticker."""
    return version.rankings.lazy().select("ticker", *columns).unique("ticker")


def _in_currency(version: Version, returns: pl.LazyFrame, bases: Mapping[str, str]) -> pl.LazyFrame:
    """Return returns up to the newest date in the currency of the universe's returns."""
    lake, day = version.lake, version.lake.as_of
    return converted(returns, lake, version.universe, bases, first=day, last=day)


def _good(version: Version, since: date, until: date) -> pl.LazyFrame:
    """Return daily prices without those that are known now to be bad."""
    lake, universe = version.lake, version.universe
    return good_prices(lake, since=since, until=until, as_of=lake.as_of, universe=universe)


def quoted(*columns: str) -> pl.Expr:
    """Write Float32 prices as the shortest decimals that round to them: 278.3, not 278.29998779."""
    return pl.col(*columns).cast(pl.Float32).cast(pl.String).cast(pl.Float64)


def snapshots(lake: Lake) -> pl.LazyFrame:
    """Return `date, stocks` of the weekly copies of the ratios, newest first."""
    rows = lake.fundamentals().filter(source="snapshots")
    counts = rows.group_by(date="known_from").agg(stocks=pl.col("ticker").n_unique())
    return counts.sort("date", descending=True)


def newest_fundamental(lake: Lake) -> pl.LazyFrame:
    """Return `date`: the newest day on which a row became known."""
    return lake.fundamentals().select(date=pl.col("known_from").max())


def turnover(version: Version, as_of: date) -> pl.LazyFrame:
    """Return `ticker, turnover`: the factor `turnover_3m` of every stock, ranked or not."""
    rows = _good(version, as_of - timedelta(days=93), as_of)
    in_quarter = pl.col("date") >= pl.lit(as_of).dt.offset_by("-3mo")
    traded = pl.col("close").cast(pl.Float64) * pl.col("volume").cast(pl.Float64)
    enough = traded.count() >= DAYS_WITH_VOLUME
    return (
        rows.filter(in_quarter)
        .group_by("ticker")
        .agg(turnover=pl.when(enough).then(traded.median()))
    )


def first_days(lake: Lake, until: date) -> pl.LazyFrame:
    """Return `date`: the first day with a price of each month of the year before a day."""
    days = lake.prices(since=until - timedelta(days=400), until=until).select("date").unique()
    return (
        days.group_by(month=pl.col("date").dt.truncate("1mo"))
        .agg(pl.col("date").min())
        .select("date")
    )
