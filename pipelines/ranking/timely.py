"""Multiples and the market cap, brought from the price that they were made with to that of a date.

C. Asness and A. Frazzini, The Devil in HML's Details (2013): a stale price in a multiple matters
most where value meets momentum.
"""

from collections.abc import Iterator
from datetime import date
from typing import Final

import polars as pl

from pipelines.ranking.jumps import NEWEST_JUMP, is_good, with_bad
from pipelines.ranking.ratios import RATIO_COLUMNS

RISE_WITH_PRICE: Final = ("market_cap_ccy", "pe", "pb", "ps", "p_fcf")
FALL_WITH_PRICE: Final = ("dividend_yield",)
"""EV/EBITDA is in neither: the net debt in it is not known."""
MULTIPLES: Final = (*RISE_WITH_PRICE[1:], *FALL_WITH_PRICE)
REPORTED: Final = tuple(f"{name}_reported" for name in MULTIPLES)
"""The columns of the multiples as they were reported."""


def priced_on() -> pl.Expr:
    """Return the day whose price is in the ratios of a row of `fundamentals`.

    It is the day of a snapshot, the end of the year of statements, else the day of the fetch.
    """
    of_year = pl.col("data_source").str.to_lowercase() == "statements"
    fetched = pl.when(~of_year.fill_null(value=False)).then("fetched_date")
    of_report = pl.coalesce(fetched, "fiscal_date")
    return pl.when(pl.col("source") == "snapshots").then("known_from").otherwise(of_report)


def with_prices(
    ratios: pl.LazyFrame, prices: pl.LazyFrame, jumps: pl.LazyFrame, day: pl.Expr,
    by: tuple[str, ...] = ("ticker",),
) -> pl.LazyFrame:  # fmt: skip
    """Add the close that is in the ratios, as `priced_close`, and its day, `priced_date`.

    `prices` are the closes of `ratio_prices`; those that are known on `day` to be bad count as
    missing. Both columns are null where no close is left.
    """
    closes = prices.rename({"close": "priced_close", "close_date": "date"})
    beside = ratios.join(closes, on=("ticker", "priced_on"), how="left")
    rows = with_bad(beside, jumps, since=date.min)
    good = pl.when(is_good(day)).then("date")
    return rows.group_by(by).agg(
        pl.col(*RATIO_COLUMNS, "ratios_known_from", "priced_on").first(),
        pl.col("priced_close").max_by(good).cast(pl.Float64),
        priced_date=good.max(),
    )


def brought_to_date() -> Iterator[pl.Expr]:
    """Yield the ratios with those that depend on a price brought to that of `as_of`.

    With them `REPORTED`, and `multiples_as_of`: the date, or where they stay as reported, for a
    close is missing or the price jumped in between, the day of the price that is in them.
    """
    change = pl.col("close") / pl.col("priced_close")
    jumped = (pl.col(NEWEST_JUMP) > pl.col("priced_date")).fill_null(value=False)
    is_brought = change.is_not_null() & ~jumped
    rise, fall = pl.col(*RISE_WITH_PRICE), pl.col(*FALL_WITH_PRICE)
    for reported, brought in ((rise, rise * change), (fall, fall / change)):
        yield pl.when(is_brought).then(brought).otherwise(reported)
    yield from (pl.col(name).alias(f"{name}_reported") for name in MULTIPLES)
    days = pl.when(is_brought).then("as_of").otherwise("priced_on")
    yield pl.when(pl.col("ratios_known_from").is_not_null()).then(days).alias("multiples_as_of")
