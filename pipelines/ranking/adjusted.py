"""Closes adjusted for splits, as they are known on a day; the files hold what was traded.

A split counts from the first close at the new price on, and changes the closes before it. Its
`divisor` is the product of the ratios of all applied splits of the ticker up to it, so that a close
is brought to the scale of a later one by the quotient of two divisors.
"""

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from pipelines.lake import Lake

Keys = tuple[str, ...]


def applied_splits(lake: Lake) -> pl.LazyFrame | None:
    """Return the splits whose prices are raw; None where the lake has no table of splits.

    Columns: those of the dataset `splits`. The decision is known on `date_after`, the day of the
    first close at the new price.
    """
    return lake.splits().filter(decision="applied") if "splits" in lake.datasets else None


def adjusted(
    rows: pl.LazyFrame, splits: pl.LazyFrame | None, closes: Mapping[str, str], by: Keys
) -> pl.LazyFrame:
    """Bring closes of each row to the scale of its `as_of`: what is known then.

    `closes` names the column with the day of each of them.
    """
    if splits is None:
        return rows
    days = tuple(closes.values())
    scaled = rows.join(_divisors(rows, splits, days, by), on=by, how="left")
    return scaled.with_columns(
        pl.col(close).cast(pl.Float64) * _divisor(day) / _divisor("as_of")
        for close, day in closes.items()
    ).drop(_of(day) for day in ("as_of", *days))


def adjusted_closes(prices: pl.LazyFrame, splits: pl.LazyFrame | None, as_of: date) -> pl.LazyFrame:
    """Return `ticker, date, close` of prices up to a day, all on the scale of that day."""
    rows = prices.select("ticker", "date", "close", as_of=pl.lit(as_of, dtype=pl.Date))
    known = adjusted(rows, splits, {"close": "date"}, ("ticker", "date"))
    return known.select("ticker", "date", "close")


def _divisors(
    rows: pl.LazyFrame, splits: pl.LazyFrame, days: Sequence[str], by: Keys
) -> pl.LazyFrame:
    """Return the divisor of each day, and of `as_of`, with the keys of rows that have splits.

    It is that of the last split up to the day, or of the last one known; null stands for 1.
    """
    split, known = pl.col("split_"), {"split_": "date", "known_": "date_after"}
    counts = {day: split <= pl.col(day) for day in days}
    counts["as_of"] = pl.col("known_") <= pl.col("as_of")
    return (
        rows.select(*dict.fromkeys((*by, *days, "as_of")))
        .join(splits.select("ticker", "divisor", **known), on="ticker")
        .group_by(by)
        .agg(
            pl.col("divisor").max_by(pl.when(mask).then(split)).alias(_of(day))
            for day, mask in counts.items()
        )
    )


def _of(day: str) -> str:
    return f"{day}_divisor"


def _divisor(day: str) -> pl.Expr:
    return pl.col(_of(day)).fill_null(1.0)
