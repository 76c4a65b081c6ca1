"""Closes adjusted for splits, as they are known on a day; the files hold what was traded.

A split counts from the first close at the new price on, and changes the closes before it. Its
`divisor` is the product of the ratios of all applied splits of the ticker up to it, so that a close
is brought to the scale of a later one by the quotient of two divisors.
"""

from collections.abc import Sequence

import polars as pl

from pipelines.lake import Lake
from pipelines.ranking.windows import MONTHS

Keys = tuple[str, ...]


def applied_splits(lake: Lake) -> pl.LazyFrame | None:
    """Return `ticker, split_date, known_on, divisor` of the splits whose prices are raw.

    `known_on` is the day of the first close at the new price. None without a table of splits.
    """
    if "splits" not in lake.datasets:
        return None
    applied = lake.splits().filter(decision="applied")
    return applied.select("ticker", "divisor", split_date="date", known_on="date_after")


def divisors(
    rows: pl.LazyFrame, splits: pl.LazyFrame, days: Sequence[str], by: Keys
) -> pl.LazyFrame:
    """Return `<day>_divisor` for each column of days: that of the last split up to the day.

    There is a row for each key of a ticker with splits; null stands for 1.
    """
    split = pl.col("split_date")
    return (
        rows.select(*by, *days)
        .join(splits, on="ticker")
        .group_by(by)
        .agg(
            pl.col("divisor").max_by(pl.when(split <= pl.col(day)).then(split)).alias(_of(day))
            for day in days
        )
    )


def adjusted_anchors(
    stocks: pl.LazyFrame, splits: pl.LazyFrame | None, by: Keys = ("ticker",)
) -> pl.LazyFrame:
    """Bring the earlier closes of each stock, and its newest one, to the scale of `close`.

    The newest close belongs to the market cap of today, so that splits after the date count in it.
    """
    if splits is None:
        return stocks
    closes = {f"base_close_{n}m": f"base_date_{n}m" for n in MONTHS} | {
        "newest_close": "newest_date"
    }
    days = ("close_date", *closes.values())
    scaled = stocks.join(divisors(stocks, splits, days, by), on=by, how="left")
    scaled = scaled.with_columns(pl.col(_of(day)).fill_null(1.0) for day in days)
    return scaled.with_columns(
        pl.col(close).cast(pl.Float64) * pl.col(_of(day)) / pl.col(_of("close_date"))
        for close, day in closes.items()
    ).drop(_of(day) for day in days)


def _of(day: str) -> str:
    return f"{day}_divisor"
