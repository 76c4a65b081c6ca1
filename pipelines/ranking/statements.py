"""The statements of the three newest fiscal years that are known on a date.

Nothing here collects. Frames of more than one date have `as_of` among their keys `by`.
"""

from collections.abc import Iterator
from datetime import date
from typing import Final

import polars as pl

from pipelines.lake import Lake
from pipelines.ranking.expressions import has_any
from pipelines.ranking.factors import STATEMENT_ITEMS
from pipelines.ranking.windows import (
    STATEMENT_HISTORY,
    STATEMENT_MONTHS,
    YEAR_BEFORE,
    days_before,
    months_before,
)

Keys = tuple[str, ...]

VENDOR_F_SCORE: Final = "piotroski_f_score"
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
    rows = _marked(_since_newest_year(fundamentals, day, by), by)
    for year in (1, 2):
        rows = _with_year_before(rows, year, by)
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
    return lake.filings(known_by=last, known_since=since).filter(
        pl.col("fiscal_date") >= months_before(pl.lit(first), STATEMENT_HISTORY)
    )


def _since_newest_year(fundamentals: pl.LazyFrame, day: pl.Expr, by: Keys) -> pl.LazyFrame:
    """Return the rows with items or a score, of tickers whose newest year counts, as `year_0`.

    Rows of days that can be the end of neither `year_0` nor one of the two years before it are left
    out: where each fetch has a fiscal date of its own, that is most of them.
    """
    fiscal = pl.col("fiscal_date")
    rows = fundamentals.filter(has_any((*STATEMENT_ITEMS, VENDOR_F_SCORE)))
    newest = (
        rows.group_by(by)
        .agg(year_0=fiscal.max())
        .filter(pl.col("year_0") >= months_before(day, STATEMENT_MONTHS))
        .with_columns(_ends_before())
    )
    is_before = (fiscal.is_between(f"first_{year}_", f"last_{year}_") for year in (1, 2))
    return (
        rows.join(newest, on=by)
        .filter(pl.any_horizontal(fiscal == pl.col("year_0"), *is_before))
        .with_columns(key_=packed(pl.col("known_from"), pl.col("id")))
    )


def _ends_before() -> Iterator[pl.Expr]:
    """Yield the first and the last day on which the year one, and two, before `year_0` may end."""
    least, most = YEAR_BEFORE
    for year in (1, 2):
        # Two steps may end up to three days before one of twice the months, which differ in length.
        first = months_before(pl.col("year_0"), year * most).dt.offset_by("-3d")
        yield first.alias(f"first_{year}_")
        yield months_before(pl.col("year_0"), year * least).alias(f"last_{year}_")


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


def _with_year_before(rows: pl.LazyFrame, year: int, by: Keys) -> pl.LazyFrame:
    """Add the fiscal year before `year_<n-1>` as `year_<n>`."""
    fiscal, later = pl.col("fiscal_date"), pl.col(f"year_{year - 1}")
    least, most = YEAR_BEFORE
    distance = (fiscal - months_before(later, 12)).dt.total_days().abs()
    candidate = fiscal.is_between(months_before(later, most), months_before(later, least))
    return (
        rows.with_columns(distance_=pl.when(candidate).then(-distance))
        .with_columns(year_=pl.when(pl.col("distance_") == _most("distance_", by)).then(fiscal))
        .with_columns(_most("year_", by).alias(f"year_{year}"))
    )


def _most(column: str, by: Keys) -> pl.Expr:
    return pl.col(column).max().over(by)


def _of_year(item: str, year: int) -> pl.Expr:
    row = pl.col("is_newest") & (pl.col("fiscal_date") == pl.col(f"year_{year}"))
    return pl.when(row).then(item).max().alias(f"{item}_{year}")


def packed(day: pl.Expr, low: pl.Expr, bits: int = ID_BITS) -> pl.Expr:
    """Return a date and a number below 2**bits as one Int64 that orders by the date first."""
    room: int = 2**bits
    return day.cast(pl.Int32).cast(pl.Int64) * room + low
