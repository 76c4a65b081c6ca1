"""Closes adjusted for splits, as they are known on a day; the files hold what was traded.

A split counts from the first close at the new price on, and changes the closes before it. Its
`divisor` is the product of the ratios of all applied splits of the ticker up to it, so that a close
is brought to the scale of a later one by the quotient of two divisors.
"""

from collections.abc import Mapping
from datetime import date

import polars as pl

from pipelines.lake import Lake


def applied_splits(lake: Lake) -> pl.LazyFrame | None:
    """Return the splits whose prices are raw; None where the lake has no table of splits.

    Columns: those of the dataset `splits`. The decision is known on `date_after`, the day of the
    first close at the new price.
    """
    return lake.splits().filter(decision="applied") if "splits" in lake.datasets else None


def adjusted(
    rows: pl.LazyFrame, splits: pl.LazyFrame | None, closes: Mapping[str, str]
) -> pl.LazyFrame:
    """Bring closes of each row to the scale of its `as_of`: what is known then.

    `closes` names the column with the day of each of them.
    """
    if splits is None:
        return rows
    now = _divisor("known_", "as_of")
    return (
        rows.join(_by_ticker(splits), on="ticker", how="left")
        .with_columns(
            pl.col(close).cast(pl.Float64) * _divisor("split_", day) / now
            for close, day in closes.items()
        )
        .drop("split_", "known_", "divisors_")
    )


def adjusted_closes(prices: pl.LazyFrame, splits: pl.LazyFrame | None, as_of: date) -> pl.LazyFrame:
    """Return `ticker, date, close` of prices up to a day, all on the scale of that day."""
    rows = prices.select("ticker", "date", "close", as_of=pl.lit(as_of, dtype=pl.Date))
    known = adjusted(rows, splits, {"close": "date"})
    return known.select("ticker", "date", "close")


def _by_ticker(splits: pl.LazyFrame) -> pl.LazyFrame:
    """Return a row a ticker with its splits in lists by date, so that no row is needed twice.

    `split_` and `known_` are days since 1970; `divisors_` has the 1 before the first split besides.
    """
    days = {"split_": "date", "known_": "date_after"}
    return (
        splits.sort("ticker", "date")
        .group_by("ticker", maintain_order=True)
        .agg(*(pl.col(c).cast(pl.Int32).alias(n) for n, c in days.items()), divisors_="divisor")
        .with_columns(divisors_=pl.concat_list(pl.lit(1.0), "divisors_"))
    )


def _divisor(splits: str, day: str) -> pl.Expr:
    """Return the divisor of the last of the days in a list up to a day; 1 without one."""
    since = pl.col(splits) - pl.col(day).cast(pl.Int32)
    count = since.list.eval(pl.element() <= 0).list.sum()
    return pl.col("divisors_").list.get(count).fill_null(1.0)
