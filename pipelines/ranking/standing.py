"""For how long an observation stands: until another one in its file takes its place.

A refresh writes these days beside the rows of a file, and a ranking reads those alone that stand on
its date. They rest on the rows of one file, so a file that is linked stays as it is; of several
files, more rows than one may stand, and the rules of the ranking choose.
"""

from collections.abc import Iterator
from datetime import date
from typing import Final

import polars as pl

from pipelines.digest import digest
from pipelines.lake import COUNTING, Lake
from pipelines.ranking.expressions import has_any
from pipelines.ranking.factors import STATEMENT_ITEMS, VENDOR_F_SCORE
from pipelines.ranking.ratios import RATIO_COLUMNS
from pipelines.ranking.windows import YEAR_BEFORE, months_before

STANDING_VERSION: Final = 1
"""Raise it whenever the days below are found in another way."""
ITEMS: Final = (*STATEMENT_ITEMS, VENDOR_F_SCORE)
OF_FUNDAMENTALS: Final = ("ratios_until", "items_until", "year_until", "before_until")
"""The days from which a row no longer matters: for its ratios, for its items, for these as those of
the newest fiscal year, of the one before. Null without end; `NEVER` where a row has none of them.
Where another row stands for it from the first, it is its own day."""
NEVER: Final = date(1900, 1, 1)
LONGEST: Final = YEAR_BEFORE[1]
SLACK: Final = 7
"""Days, for steps of months there and back may end some days from where they began."""
OF_STOCKS: Final = ("stands_from", "stands_until")
"""The first day of a listing, null for the first one of a stock; the day that ends it, or null."""
LASTING: Final = ("ratios_until", "year_until", "stands_from", "stands_until")
"""Where one of these is null, the row matters beyond the years of its file."""
STANDING: Final = {"observed_fundamentals": OF_FUNDAMENTALS, "observed_stocks": OF_STOCKS}
"""The columns by dataset."""


def standing_hash() -> str:
    """Return a hash of what the days rest on, which a version has that was written with them."""
    return digest([STANDING_VERSION, RATIO_COLUMNS, ITEMS, COUNTING, YEAR_BEFORE, SLACK])


# ------------------------------------------------------------------------- what a ranking reads


def ratios_stand(lake: Lake, first: date) -> list[pl.Expr]:
    """Return rules of the observed rows whose ratios stand on a date or after it.

    Where the rows do not tell, there is none.
    """
    return [_after("ratios_until", first)] if is_marked(lake, "observed_fundamentals") else []


def filings_with_ratios(lake: Lake) -> pl.LazyFrame:
    """Return the rows that have ratios, without snapshots where there are observations."""
    if is_marked(lake, "observed_fundamentals"):
        return lake.filings(rules=[_after("ratios_until", NEVER)])
    return lake.filings().filter(has_any(RATIO_COLUMNS))


def statements_stand(lake: Lake, first: date, last: date) -> list[pl.Expr]:
    """Return rules of the observed rows whose items or score may count on one of some dates.

    They do as those of the newest fiscal year; where this one ended ten months before or earlier,
    as those of the year before it; and where twice that, as those of the second one.
    """
    if not is_marked(lake, "observed_fundamentals"):
        return []
    fiscal, day, least = pl.col("fiscal_date"), pl.lit(last), YEAR_BEFORE[0]
    before = (fiscal <= months_before(day, least)) & _after("before_until", first)
    second = fiscal <= months_before(day, 2 * least).dt.offset_by(f"{SLACK}d")
    return [_after("items_until", first), _after("year_until", first) | before | second]


def listings_stand(lake: Lake, first: date, last: date) -> list[pl.Expr]:
    """Return rules of the observed stocks that stand on one of some dates, or may be the first."""
    if not is_marked(lake, "observed_stocks"):
        return []
    begun = pl.col("stands_from").is_null() | (pl.col("stands_from") <= last)
    return [begun, _after("stands_until", first)]


def is_marked(lake: Lake, dataset: str) -> bool:
    """Return True if the observations of a version have these days, by the rules of now."""
    return lake.marked_by(dataset) == standing_hash()


def _after(until: str, day: date) -> pl.Expr:
    return pl.col(until).is_null() | (pl.col(until) > day)


# ------------------------------------------------------------------------- what a refresh writes


def with_standing(dataset: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Add the days to the observations of a file."""
    unmarked = rows.drop(STANDING[dataset], strict=False)
    if dataset == "observed_stocks":
        return _listings(unmarked)
    ordered = unmarked.sort("ticker", "known_from", "id", "observed_on").with_row_index("row_")
    counting = ordered.filter(pl.col("state").is_in(COUNTING))
    own = pl.col("known_from")
    ratios = _with_later_year(counting.filter(has_any(RATIO_COLUMNS))).select(
        "row_", one_="row_",
        ratios_until=pl.min_horizontal(own.shift(-1).over("ticker", "fiscal_date"), "later_"),
    )  # fmt: skip
    items = counting.filter(has_any(ITEMS))
    for name, months in (("second_", 2 * LONGEST), ("before_until", LONGEST), ("later_", 0)):
        items = _with_later_year(items, months, name)
    until = pl.min_horizontal(_next_of_year(), "second_")
    items = items.with_columns(items_until=until).select(
        "row_", "before_until", "items_until", two_="row_",
        year_until=pl.min_horizontal("later_", "items_until"),
    )  # fmt: skip
    found = ordered.join(ratios, on="row_", how="left").join(items, on="row_", how="left")
    return found.with_columns(
        *_where_there("one_", "ratios_until"), *_where_there("two_", *OF_FUNDAMENTALS[1:])
    ).drop("row_", "one_", "two_")


def _where_there(row: str, *columns: str) -> Iterator[pl.Expr]:
    """Let the rows that count for nothing never stand."""
    for column in columns:
        yield pl.when(pl.col(row).is_null()).then(NEVER).otherwise(column).alias(column)


def _with_later_year(rows: pl.DataFrame, months: int = 0, name: str = "later_") -> pl.DataFrame:
    """Add the day from which a fiscal year is known that ends more than so many months later."""
    fiscal, found = pl.col("fiscal_date"), pl.col("found_")
    end = fiscal.dt.offset_by(f"{months}mo").dt.offset_by(f"{SLACK}d") if months else fiscal
    dated = rows.filter(fiscal.is_not_null())
    before = fiscal.cum_max().shift(1).over("ticker")
    newest = dated.filter(before.is_null() | (fiscal > before))
    later = dated.select("row_", "ticker", "known_from", end_=end).sort("end_").join_asof(
        newest.select("ticker", end_="fiscal_date", found_="known_from").sort("end_"),
        on="end_", by="ticker", strategy="forward", allow_exact_matches=False,
        check_sortedness=False,
    )  # fmt: skip
    day = pl.when(found.is_not_null()).then(pl.max_horizontal("found_", "known_from"))
    return rows.join(
        later.select("row_", day.alias(name)), on="row_", how="left", maintain_order="left"
    )


def _next_of_year() -> pl.Expr:
    """Return the day of the next row of the same year; of one with a score, of the next scored."""
    day, scored = pl.col("known_from"), pl.col(VENDOR_F_SCORE).is_not_null()
    next_scored = pl.when(scored).then(day).shift(-1).fill_null(strategy="backward")
    return pl.when(scored).then(next_scored).otherwise(day.shift(-1)).over("ticker", "fiscal_date")


def _listings(rows: pl.DataFrame) -> pl.DataFrame:
    counts, day = pl.col("state").is_in(COUNTING), pl.col("observed_on")
    among = ("ticker", "counts_")
    return (
        rows.sort("ticker", "observed_on")
        .with_columns(counts_=counts)
        .with_columns(
            stands_from=pl.when(day.shift(1).over(among).is_null(), "counts_").then(None)
            .otherwise(day),
            stands_until=pl.when("counts_").then(day.shift(-1).over(among)).otherwise(day),
        )
        .drop("counts_")
    )  # fmt: skip
