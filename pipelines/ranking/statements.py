"""The statements of the three newest fiscal years that are known on a date.

Nothing here collects. Frames of more than one date have `as_of` among their keys `by`.
"""

from datetime import date
from typing import Final

import polars as pl

from pipelines.lake import Lake
from pipelines.ranking.expressions import has_any
from pipelines.ranking.factors import STATEMENT_ITEMS, VENDOR_F_SCORE
from pipelines.ranking.standing import ITEMS, statements_stand
from pipelines.ranking.windows import (
    STATEMENT_HISTORY,
    STATEMENT_MONTHS,
    YEAR_BEFORE,
    days_before,
    months_before,
)

Keys = tuple[str, ...]

LONGEST_MONTH: Final = 31
ID_BITS: Final = 45
"""The bits of an id in the packed sort keys; the contract of `fundamentals` admits no larger id."""


def statements(fundamentals: pl.LazyFrame, day: pl.Expr, by: Keys = ("ticker",)) -> pl.LazyFrame:
    """Return the statement items of t, t-1 and t-2 as `<item>_0`, `_1`, `_2`.

    Beside them the ends of t and t-1, `fiscal_date` and `fiscal_date_before`, the `vendor_f_score`
    of t, and `mixes_periods`, true where t is of `tradingview`.

    t is the newest known fiscal year; if it ended more than 18 months ago, all items are null. The
    year before one is the known year that ended 10 to 14 months earlier: the nearest to 12 months,
    and of two equally near the later.
    """
    rows = _marked(_of_years(fundamentals.filter(has_any(ITEMS)), day, by), by)
    return rows.group_by(by).agg(
        pl.col("year_0").first().alias("fiscal_date"),
        pl.col("year_1").first().alias("fiscal_date_before"),
        pl.when("is_scored").then(VENDOR_F_SCORE).max().alias("vendor_f_score"),
        (pl.col("is_newest") & (pl.col("fiscal_date") == pl.col("year_0")) & _mixes_periods())
        .any()
        .alias("mixes_periods"),
        *(_of_year(item, 0) for item in STATEMENT_ITEMS),
        *(_of_year(item, 1) for item in STATEMENT_ITEMS),
        _of_year("total_assets_ccy", 2),
    )


def recent_statements(lake: Lake, first: date, last: date) -> pl.LazyFrame:
    """Return the rows, known on the last of some dates, whose items or score count on one of them.

    A row is known once its fiscal year is over, so those known before that of t-2 are not read.
    """
    since = days_before(first, STATEMENT_HISTORY * LONGEST_MONTH)
    rules = statements_stand(lake, first, last)
    # Rows without items never stand, so that those that are left need not be asked for them.
    rows = lake.filings(known_by=last, known_since=since, rules=rules).filter(
        pl.col("fiscal_date") >= months_before(pl.lit(first), STATEMENT_HISTORY),
        *(() if rules else [has_any(ITEMS)]),
    )
    # Named as shared, for it is used twice, and would be read as often.
    return rows.select("ticker", "known_from", "fiscal_date", "id", "data_source", *ITEMS).cache()


def _of_years(rows: pl.LazyFrame, day: pl.Expr, by: Keys) -> pl.LazyFrame:
    """Return the rows of t, t-1 and t-2, of tickers whose t counts, with their ends as `year_<n>`.

    The ends are found in a list a ticker, for of many rows few are of these years.
    """
    fiscal = pl.col("fiscal_date")
    # Sorted, for lists are made by the streaming engine of sorted rows alone.
    ends = (
        rows.select(*by, "fiscal_date")
        .sort(by)
        .group_by(by, maintain_order=True)
        .agg(ends_=fiscal.cast(pl.Int32), year_0=fiscal.max())
        .filter(pl.col("year_0") >= months_before(day, STATEMENT_MONTHS))
    )
    for year in (1, 2):
        ends = _with_year_before(ends, year)
    years = [f"year_{year}" for year in (0, 1, 2)]
    return (
        rows.join(ends.select(*by, *years), on=by)
        .filter(pl.any_horizontal(fiscal == pl.col(year) for year in years))
        .with_columns(key_=packed(pl.col("known_from"), pl.col("id")))
    )


def _with_year_before(ends: pl.LazyFrame, year: int) -> pl.LazyFrame:
    """Add the fiscal year before `year_<n-1>` as `year_<n>`, of those in the list `ends_`."""
    later, (least, most) = pl.col(f"year_{year - 1}"), YEAR_BEFORE
    nearest = months_before(later, 12).cast(pl.Int32)
    off, here = pl.col("ends_") - nearest, pl.element()
    first, last = (months_before(later, n).cast(pl.Int32) - nearest for n in (most, least))
    after = off.list.eval(pl.when(here >= 0).then(here)).list.min()
    before = off.list.eval(pl.when(here < 0).then(here)).list.max()
    nearer = pl.when(pl.col("before_").is_null() | (pl.col("after_") <= -pl.col("before_")))
    return (
        ends.with_columns(after_=after, before_=before)
        .with_columns(
            after_=pl.when(pl.col("after_") <= last).then("after_"),
            before_=pl.when(pl.col("before_") >= first).then("before_"),
        )
        .with_columns(
            (nearest + nearer.then("after_").otherwise("before_")).cast(pl.Date)
            .alias(f"year_{year}")
        )
    )  # fmt: skip


def _marked(rows: pl.LazyFrame, by: Keys) -> pl.LazyFrame:
    """Mark the newest row of each fiscal year, and of t the newest row with a vendor's score."""
    of_t = pl.col("fiscal_date") == pl.col("year_0")
    scored = of_t & pl.col(VENDOR_F_SCORE).is_not_null()
    return rows.with_columns(scored_=pl.when(scored).then("key_")).with_columns(
        is_scored=pl.col("scored_") == _most("scored_", by),
        is_newest=pl.col("key_") == pl.col("key_").max().over(*by, "fiscal_date"),
    )


def _mixes_periods() -> pl.Expr:
    """Return true for a row whose items are of periods of different lengths.

    `tradingview` has a quarter's net income beside twelve months' cash flow.
    """
    return (pl.col("data_source").str.to_lowercase() == "tradingview").fill_null(value=False)


def _most(column: str, by: Keys) -> pl.Expr:
    return pl.col(column).max().over(by)


def _of_year(item: str, year: int) -> pl.Expr:
    row = pl.col("is_newest") & (pl.col("fiscal_date") == pl.col(f"year_{year}"))
    return pl.when(row).then(item).max().alias(f"{item}_{year}")


def packed(day: pl.Expr, low: pl.Expr, bits: int = ID_BITS) -> pl.Expr:
    """Return a date and a number below 2**bits as one Int64 that orders by the date first."""
    room: int = 2**bits
    return day.cast(pl.Int32).cast(pl.Int64) * room + low
