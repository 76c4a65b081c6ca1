"""The stocks of a date, as the lake observed them: the last time on that date or before.

Before the first observation of a stock, the first holds. One that is gone from the source is not of
the days after it was seen last.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

import polars as pl

from pipelines.lake import COUNTING, Lake
from pipelines.ranking.standing import listings_stand

COLUMNS: Final = (
    "listed", "name", "isin", "market_cap_msek", "sector", "market", "currency", "stock_type",
    "newest_close", "newest_date",
)  # fmt: skip
"""What is observed of a stock. Its market cap belongs to `newest_close`, if the date is earlier."""


def listed_on(lake: Lake, day: date) -> pl.LazyFrame:
    """Return the stocks of a date, one row each."""
    if (rows := _observed(lake, day, day)) is None:
        return lake.stocks()
    seen = pl.col("observed_on").to_physical()
    # The last day up to the date, else the first after it.
    key = pl.when(pl.col("observed_on") <= day).then(seen).otherwise(-seen)
    rows = rows.with_columns(key_=key)
    # The keys alone are compared first, for of many rows a stock one is taken.
    newest = rows.group_by("ticker").agg(pl.col("key_").max())
    found = rows.join(newest, on=("ticker", "key_"), how="semi")
    return found.group_by("ticker").agg(pl.col(COLUMNS).first()).filter("listed").drop("listed")


def all_listed(lake: Lake) -> pl.LazyFrame:
    """Return `ticker, currency` of all stocks that a version knows of.

    One that is gone from the source has the currency that it had when it was seen last.
    """
    now = lake.stocks().select("ticker", "currency")
    if "observed_stocks" not in lake.datasets:
        return now
    rows = lake.observed("stocks").filter(pl.col("state").is_in(COUNTING))
    last = rows.group_by("ticker").agg(pl.col("currency").max_by("observed_on"))
    return pl.concat([now, last.join(now, on="ticker", how="anti")])


def listed_on_dates(lake: Lake, dates: Sequence[date]) -> pl.LazyFrame:
    """Return the stocks of some dates, oldest first, a row a stock and date, with `as_of`."""
    days = pl.LazyFrame({"as_of": dates}, schema={"as_of": pl.Date})
    if (rows := _observed(lake, dates[0], dates[-1])) is None:
        return lake.stocks().join(days, how="cross")
    ahead = days.select(first_="as_of").join(days, how="cross")
    ahead = ahead.filter(pl.col("as_of") >= pl.col("first_"))
    # Of what was seen between two of the dates, the last is enough.
    newest = (
        _with_first_date(rows, dates)
        .group_by("ticker", "first_")
        .agg(pl.col(COLUMNS).max_by("key_"), pl.col("key_").max())
    )
    beside = newest.join(ahead, on="first_")
    found = beside.group_by("as_of", "ticker").agg(pl.col(COLUMNS).max_by("key_"))
    return found.filter("listed").drop("listed")


def _with_first_date(rows: pl.LazyFrame, dates: Sequence[date]) -> pl.LazyFrame:
    """Add the first of the dates on which each row counts, and a key that orders a stock's rows.

    The first row of a stock is there once more, for all dates, with the least key.
    """
    first = rows.group_by("ticker").agg(pl.col(COLUMNS).min_by("observed_on"))
    always = first.with_columns(key_=pl.lit(-1, pl.Int32), first_=pl.lit(dates[0]))
    known = pl.max_horizontal("observed_on", pl.lit(dates[0]))
    seen = rows.with_columns(key_=pl.col("observed_on").to_physical(), known_=known).join(
        _first_dates(dates).lazy(), on="known_"
    )
    columns = ("ticker", *COLUMNS, "key_", "first_")
    return pl.concat([always.select(columns), seen.select(columns)])


def _first_dates(dates: Sequence[date]) -> pl.DataFrame:
    """Return each day from the first date to the last as `known_`, and the next date, `first_`."""
    starts = [dates[0], *(day + timedelta(days=1) for day in dates[:-1])]
    days = pl.DataFrame({"from_": starts, "first_": dates})
    return days.select("first_", known_=pl.date_ranges("from_", "first_")).explode("known_")


def _observed(lake: Lake, first: date, last: date) -> pl.LazyFrame | None:
    """Return the observations that may count on some dates; None where the stocks do on all.

    They do on the day of the last refresh, and later, and in a version without observations.
    """
    if "observed_stocks" not in lake.datasets or first >= (lake.observed_until or date.max):
        return None
    rules = listings_stand(lake, first, last)
    rows = lake.observed("stocks").filter(pl.col("state").is_in(COUNTING), *rules)
    # Named as shared, for it is used twice, and would be read as often.
    return rows.select("ticker", "observed_on", *COLUMNS).cache()
