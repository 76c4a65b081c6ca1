"""The decision on each known split: are the prices around it raw, or adjusted for it already."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import polars as pl

from pipelines.ranking import MAX_PRICE_AGE

DECIDED: Final = pl.Schema(
    {
        "date_before": pl.Date,
        "close_before": pl.Float32,
        "date_after": pl.Date,
        "close_after": pl.Float32,
        "decision": pl.String,
        "divisor": pl.Float64,
    }
)
"""The columns that each split gets from the prices.

`divisor` is the product of the ratios of all splits of the ticker that are applied, up to this one.
"""
LATEST_CLOSE: Final = timedelta(days=MAX_PRICE_AGE)
"""How long after a split the first close at the new price may be."""


def decide(splits: pl.DataFrame, closes: pl.LazyFrame) -> pl.DataFrame:
    """Return the splits with the closes around each, the decision and the divisor.

    Reads `ticker, date, ratio` of splits and `ticker, date, close` of prices; adds the columns of
    `DECIDED`, by ticker and date. The prices are raw where the first close on or after the date,
    at most ten days after it, over the last close before it is nearer to 1 / ratio than to 1 by
    its logarithm: then the split is `applied`. Else it is `in_prices`; without one of the two
    closes there is nothing to adjust, and it is `no_closes`.
    """
    around = _around(splits.lazy(), closes).collect(engine="streaming")
    rows = splits.join(around, on=("ticker", "date"), how="left").sort("ticker", "date")
    schema = {name: DECIDED[name] for name in ("decision", "divisor")}
    return rows.hstack(pl.DataFrame(list(_decisions(rows)), schema=schema, orient="row"))


def _decisions(rows: pl.DataFrame) -> Iterator[tuple[str, float]]:
    """Yield the decision and the divisor of each split, by ticker and date.

    Of splits between the same two closes, each is to explain what those before it left.
    """
    columns = ("ticker", "ratio", "date_before", "close_before", "close_after")
    ticker_before, day_before, left, divisor = None, None, 1.0, 1.0
    for ticker, ratio, day, before, after in rows.select(columns).iter_rows():
        if ticker != ticker_before:
            ticker_before, day_before, divisor = ticker, None, 1.0
        if before is None or after is None:
            yield "no_closes", divisor
            continue
        if day != day_before:
            day_before, left = day, after / before
        if _times(left * ratio) < _times(left):
            left *= ratio
            divisor *= ratio
            yield "applied", divisor
        else:
            yield "in_prices", divisor


def _times(move: float) -> float:
    """Return how many times up or down a price moved; its logarithm is the distance from 1."""
    return max(move, 1 / move)


def _around(splits: pl.LazyFrame, closes: pl.LazyFrame) -> pl.LazyFrame:
    """Return the last close before each split, and the first on or after it, with their days."""
    day, split = pl.col("date"), pl.col("split_")
    before = pl.when(day < split).then(day)
    after = pl.when(day.is_between(split, split + LATEST_CLOSE)).then(day)
    return (
        closes.select("ticker", "date", "close")
        .join(splits.select("ticker", split_="date"), on="ticker")
        .filter(day <= split + LATEST_CLOSE)
        .group_by("ticker", "split_")
        .agg(
            date_before=before.max(), close_before=pl.col("close").max_by(before),
            date_after=after.min(), close_after=pl.col("close").min_by(after),
        )
        .rename({"split_": "date"})
    )  # fmt: skip
