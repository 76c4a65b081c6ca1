"""The decision on each known split: are the prices around it raw, or adjusted for it already."""

import math
from collections.abc import Iterable, Iterator
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
KEY: Final = ("ticker", "date")
AROUND: Final = (*KEY, "date_before", "close_before", "date_after", "close_after")
"""What is known of the closes around a split."""
NONE_KNOWN: Final = pl.DataFrame(
    schema={"ticker": pl.String, "date": pl.Date, **{c: DECIDED[c] for c in AROUND[2:]}}
)
NEAR: Final = timedelta(days=60)
"""How long before a split its last close is looked for first."""
LATEST_CLOSE: Final = timedelta(days=MAX_PRICE_AGE)
"""How long after a split the first close at the new price may be."""


def decide(
    splits: pl.DataFrame, closes: pl.LazyFrame, known: pl.DataFrame = NONE_KNOWN
) -> pl.DataFrame:
    """Return the splits with the closes around each, the decision and the divisor.

    Reads `ticker, date, ratio` of splits and `ticker, date, close` of prices; adds the columns of
    `DECIDED`, by ticker and date. The prices are raw where the first close on or after the date,
    at most ten days after it, over the last close before it is nearer to 1 / ratio than to 1 by
    its logarithm: then the split is `applied`. Else it is `in_prices`; without one of the two
    closes there is nothing to adjust, and it is `no_closes`.

    `known` has the closes around some splits already, with the columns of `AROUND`.
    """
    asked = splits.join(known, on=KEY, how="anti")
    found = _around(asked, closes).select(known.columns) if asked.height else known.clear()
    around = pl.concat([known, found], how="vertical_relaxed")
    rows = splits.join(around, on=KEY, how="left").sort(KEY)
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
    return max(move, 1 / move) if move else math.inf


def _around(splits: pl.DataFrame, closes: pl.LazyFrame) -> pl.DataFrame:
    """Return the closes around each split; those years before it are looked for only if needed."""
    first = splits.select(pl.col("date").min() - NEAR)
    near = closest(splits, closes.filter(pl.col("date") >= first.item()))
    far = splits.join(near.drop_nulls("date_before"), on=KEY, how="anti")
    if far.is_empty():
        return near
    return pl.concat([near.join(far, on=KEY, how="anti"), closest(far, closes)])


def closest(splits: pl.DataFrame, closes: pl.LazyFrame) -> pl.DataFrame:
    """Return the last close before each split, and the first on or after it, with their days."""
    day, split = pl.col("date"), pl.col("split_")
    before = pl.when(day < split).then(day)
    after = pl.when(day.is_between(split, split + LATEST_CLOSE)).then(day)
    return (
        closes.select("ticker", "date", "close")
        .join(splits.lazy().select("ticker", split_="date"), on="ticker")
        .filter(day <= split + LATEST_CLOSE)
        .group_by("ticker", "split_")
        .agg(
            date_before=before.max(), close_before=pl.col("close").max_by(before),
            date_after=after.min(), close_after=pl.col("close").min_by(after),
        )
        .rename({"split_": "date"})
        .collect(engine="streaming")
    )  # fmt: skip


def still_known(decided: pl.DataFrame, changed: Iterable[int]) -> pl.DataFrame:
    """Return the closes around splits that were decided before, where no year of them changed.

    They lie between the year of the close before and that of the last day for the one after.
    """
    first = pl.col("date_before").dt.year().fill_null(0)
    last = (pl.col("date") + LATEST_CLOSE).dt.year()
    touched = [pl.lit(year).is_between(first, last) for year in changed]
    kept = decided.filter(~pl.any_horizontal(touched)) if touched else decided
    return kept.select(*AROUND)
