"""Where the facts of a stock in a ranking are from: the table, and the day on which it was seen."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

import polars as pl

from pipelines.lake import COUNTING, Lake, readable
from pipelines.ranking.expressions import has_any
from pipelines.ranking.factors import STATEMENT_ITEMS
from pipelines.ranking.ratios import RATIO_COLUMNS
from pipelines.terminal_table import Table

COLUMNS: Final = ("fact", "source", "known_from", "fiscal_date", "observed_on")
ITEMS: Final = (*STATEMENT_ITEMS, "piotroski_f_score")

Fact = Literal["ratios", "statements", "listing"]


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The row that a fact is from; `observed_on` is null for a snapshot, which is not observed."""

    fact: Fact
    source: str
    known_from: date
    observed_on: date | None


def origin_plan(lake: Lake, ticker: str, as_of: date) -> pl.LazyFrame:
    """Return the rows of a stock that may be behind its facts on a date; none in an old version."""
    if "observed_stocks" not in lake.datasets or "observed_fundamentals" not in lake.datasets:
        schema = dict.fromkeys(("fact", "source"), pl.String) | dict.fromkeys(COLUMNS[2:], pl.Date)
        return pl.LazyFrame(schema=schema)
    counts = pl.col("state").is_in(COUNTING)
    none = pl.lit(None, pl.Date)
    listed = lake.observed("stocks").filter(counts, ticker=ticker).select(
        fact=pl.lit("listing"), source=pl.lit("stocks"), known_from="observed_on",
        fiscal_date=none, observed_on="observed_on",
    )  # fmt: skip
    filed = lake.observed("fundamentals").filter(counts, pl.col("known_from") <= as_of)
    copied = lake.source_fundamentals(known_by=as_of).filter(source="snapshots")
    rows = [filed, copied.with_columns(observed_on=none)]
    facts = [
        part.filter(has_any(columns), ticker=ticker).with_columns(fact=pl.lit(fact))
        for fact, columns in (("ratios", RATIO_COLUMNS), ("statements", ITEMS))
        for part in rows
    ]
    return pl.concat([listed.select(COLUMNS), *(part.select(COLUMNS) for part in facts)])


def origins(
    rows: pl.DataFrame, *, as_of: date, ratios_known_from: date | None, fiscal_date: date | None
) -> Iterator[Origin]:
    """Yield where the facts of a stock are from, by rows as `origin_plan` returns them."""
    listed = rows.filter(fact="listing").sort("observed_on")
    before = listed.filter(pl.col("observed_on") <= as_of)
    yield from _of(before.tail(1) if before.height else listed.head(1))
    known = pl.lit(ratios_known_from, pl.Date)  # null, of which nothing is from a row
    is_ratios = (pl.col("fact") == "ratios") & (pl.col("known_from") == known)
    # Of one day, statements come before snapshots.
    yield from _of(rows.filter(is_ratios).sort("source", "observed_on").head(1))
    year = pl.lit(fiscal_date, pl.Date)
    is_year = (pl.col("fact") == "statements") & (pl.col("fiscal_date") == year)
    yield from _of(rows.filter(is_year).sort("known_from", "observed_on").tail(1))


def origin_tables(lake: Lake, rows: pl.DataFrame, as_of: date) -> Iterator[Table]:
    """Yield a table of where the facts in a ranking's rows of a stock are from.

    There is none where the last refresh saw them first.
    """
    fact = rows.row(0, named=True)
    with readable():
        known = origin_plan(lake, fact["ticker"], as_of).collect()
    found = list(
        origins(known, as_of=as_of, ratios_known_from=fact["ratios_known_from"],
                fiscal_date=fact["fiscal_date"])
    )  # fmt: skip
    seen = [one.observed_on for one in found if one.observed_on]
    if lake.observed_until and seen and min(seen) < lake.observed_until:
        columns = ("fact", "table", "known from", "observed on")
        lines = [
            (one.fact, one.source, str(one.known_from), str(one.observed_on or "")) for one in found
        ]
        yield Table(f"where the facts of {fact['ticker']} are from", columns, lines)


def _of(rows: pl.DataFrame) -> Iterator[Origin]:
    for row in rows.drop("fiscal_date").iter_rows(named=True):
        yield Origin(**row)
