"""Statistics of a factor: rank correlations, quantiles, turnover; of rows of dates and stocks."""

from typing import Final, NamedTuple

import numpy as np
import polars as pl

from pipelines.research.arrays import Floats

DAY: Final = "as_of"


class Mean(NamedTuple):
    """A mean over dates, its t value, and the half of its interval of 95 per cent."""

    mean: float | None
    t: float | None
    half: float | None
    dates: int


def mean_of(values: pl.Series, overlap: int) -> Mean:
    """Return the mean of values in the order of time, with errors of Newey and West.

    `overlap` is how many values after one share time with it; 0 gives the usual errors but for the
    divisor, n. Without a spread there is no t.
    """
    known: Floats = values.drop_nulls().drop_nans().to_numpy()
    if not len(known):
        return Mean(None, None, None, 0)
    mean, rest = float(known.mean()), known - known.mean()
    variance = float(rest @ rest)
    for lag in range(1, min(overlap, len(known) - 1) + 1):
        variance += 2 * (1 - lag / (overlap + 1)) * float(rest[lag:] @ rest[:-lag])
    if len(known) < 2 or not variance > 0:
        return Mean(mean, None, None, len(known))
    error = float(np.sqrt(variance)) / len(known)
    return Mean(mean, mean / error, 1.96 * error, len(known))


def information_coefficient(rows: pl.DataFrame, by: tuple[str, ...] = (DAY,)) -> pl.DataFrame:
    """Return the rank correlation of `factor` and `forward` by date: `as_of, ic`."""
    return (
        rows.group_by(*by)
        .agg(ic=pl.corr("factor", "forward", method="spearman"))
        .with_columns(pl.col("ic").fill_nan(None))
        .sort(*by)
    )


def with_quantiles(rows: pl.DataFrame, count: int) -> pl.DataFrame:
    """Add the quantile of each `factor` among those of its date, 1 for the lowest.

    The edges are interpolated; a value at an edge is in the quantile below it.
    """
    value = pl.col("factor")
    edges = [value.quantile(n / count, "linear").over(DAY) for n in range(1, count)]
    above = pl.sum_horizontal((value > edge).cast(pl.Int32) for edge in edges)
    return rows.with_columns(quantile=above + 1)


def returns_by_quantile(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the mean of `forward` by date and quantile."""
    by = (DAY, "quantile")
    return rows.group_by(*by).agg(pl.col("forward").mean(), names=pl.len()).sort(*by)


def rank_autocorrelation(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the correlation of the ranks of a date with those of the date before: `as_of, value`.

    Only stocks that have a value on both dates count.
    """
    ranked = rows.select(DAY, "ticker", rank=pl.col("factor").rank().over(DAY))
    return (
        _beside_the_date_before(ranked)
        .group_by(DAY)
        .agg(value=pl.corr("rank", "rank_before"))
        .with_columns(pl.col("value").fill_nan(None))
        .sort(DAY)
    )


def quantile_turnover(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the share of a quantile's stocks that were not in it on the date before."""
    days = rows.select(pl.col(DAY).unique().sort())
    before = days.select(DAY, day_before=pl.col(DAY).shift()).drop_nulls()
    keys = rows.select(DAY, "ticker", "quantile").join(before, on=DAY)
    there = rows.select("ticker", "quantile", day_before=DAY, was=pl.lit(1))
    both = keys.join(there, on=["ticker", "quantile", "day_before"], how="left")
    by = (DAY, "quantile")
    return both.group_by(*by).agg(value=pl.col("was").is_null().mean()).sort(*by)


def _beside_the_date_before(ranked: pl.DataFrame) -> pl.DataFrame:
    days = ranked.select(pl.col(DAY).unique().sort())
    before = days.select(DAY, day_before=pl.col(DAY).shift()).drop_nulls()
    past = ranked.select("ticker", day_before=DAY, rank_before="rank")
    return ranked.join(before, on=DAY).join(past, on=["ticker", "day_before"])
