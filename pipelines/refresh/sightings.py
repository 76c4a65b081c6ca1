"""Which rows of the source a refresh sees for the first time, and which of them are kept.

The application overwrites its rows. A row that differs from those seen last in a column that
matters by itself is kept; of rows that differ in nothing but ratios, or a market cap, one a week.
The others wait: they count while they are in the source, and are kept if they are still there when
the next week begins.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

import polars as pl

from pipelines.lake import lake_schema
from pipelines.ranking import RATIO_COLUMNS, STANDING, STATEMENT_ITEMS

OWN_FISCAL: Final = "own_fiscal_"
"""The fiscal date of the source, null where the lake has the day of the fetch in its place."""
PERF: Final = ("perf_1m", "perf_3m", "perf_6m", "perf_12m")
ATTRIBUTES: Final = ("name", "isin", "sector", "market", "currency", "stock_type")
"""What is kept of a listing whenever it changes."""


@dataclass(frozen=True)
class Kind:
    """What is compared of the rows of a table."""

    dataset: str
    owner: tuple[str, ...]  # whose row it is
    slot: tuple[str, ...]  # of what it is
    row: tuple[str, ...]  # of which row of the table it is, which may come to another slot
    fixed: tuple[str, ...]  # a row that differs in these is kept
    loose: tuple[str, ...]  # of rows that differ in these alone, one a week is kept
    day: str  # the column with the day from which a row counts
    reasons: tuple[str, str]  # why a row is kept that differs in the first, in the second
    once: tuple[str, ...]  # why a row was kept that stands for its week

    @property
    def state(self) -> list[str]:
        """The columns of a row's state, which is kept whenever it changes."""
        return [*self.slot, *self.fixed]

    @property
    def content(self) -> list[str]:
        """The columns by which two rows are the same."""
        return [*self.state, *self.loose]

    def places(self, day: str) -> list[list[str]]:
        """The columns of what a row is of, and of which row, each with those of a day."""
        return [[*self.slot, day], [*self.row, day]]

    @property
    def schema(self) -> pl.Schema:
        """The columns of the observations."""
        written = lake_schema(self.dataset)
        return pl.Schema({c: t for c, t in written.items() if c not in STANDING[self.dataset]})


FUNDAMENTALS: Final = Kind(
    dataset="observed_fundamentals",
    owner=("ticker", "data_source"),
    slot=("ticker", "data_source", OWN_FISCAL),
    row=("ticker", "id", OWN_FISCAL),
    fixed=(*STATEMENT_ITEMS, "piotroski_f_score"),
    loose=("fetched_date", *RATIO_COLUMNS, *PERF),
    day="known_from",
    reasons=("statement", "ratios"),
    once=("ratios",),
)
STOCKS: Final = Kind(
    dataset="observed_stocks",
    owner=("ticker",),
    slot=("ticker",),
    row=("ticker",),
    fixed=("listed", *ATTRIBUTES),
    loose=("market_cap_msek",),
    day="observed_on",
    reasons=("changed", "cap"),
    once=("first", "new", "changed", "cap"),
)


@dataclass(frozen=True)
class Remembered:
    """What a refresh knows of earlier ones: the rows seen last, and observations that may matter.

    `waiting` are those that were not kept; `suspended` were, and count again if what was seen later
    on their day is gone from the source without being kept.
    """

    last: pl.DataFrame
    recent: pl.DataFrame
    waiting: pl.DataFrame
    suspended: pl.DataFrame


@dataclass(frozen=True)
class Sighting:
    """What becomes of the rows that a refresh sees, and of those kept before.

    `covered` were kept before and count no more, for another state of them was seen later on the
    day from which they count; `suspended` likewise, while that other state only waits.
    """

    kept: pl.DataFrame
    waiting: pl.DataFrame
    covered: pl.DataFrame
    suspended: pl.DataFrame


def of_fundamentals(rows: pl.LazyFrame) -> pl.DataFrame:
    """Return the rows of the table `fundamentals`, with `OWN_FISCAL`."""
    return rows.filter(source="fundamentals").with_columns(own_fiscal()).collect(engine="streaming")


def own_fiscal() -> pl.Expr:
    """Return the fiscal date as `OWN_FISCAL`."""
    fiscal, fetched = pl.col("fiscal_date"), pl.col("fetched_date")
    return pl.when(fiscal.ne_missing(fetched)).then(fiscal).alias(OWN_FISCAL)


def of_stocks(rows: pl.LazyFrame) -> pl.DataFrame:
    """Return the rows of `stocks`, as far as they are observed."""
    return rows.select(
        *("ticker", *ATTRIBUTES, *STOCKS.loose, "newest_date"),
        newest_close=pl.col("newest_close").cast(pl.Float32),
        listed=pl.lit(value=True),
        last_seen=pl.lit(None, pl.Date),
    ).collect(engine="streaming")


def with_gone(now: pl.DataFrame, last: pl.DataFrame, day: date) -> pl.DataFrame:
    """Add the stocks that are gone from the source since a day, as no longer listed."""
    gone = not_in(last, now, ["ticker"])
    return pl.concat([now, gone.with_columns(listed=pl.lit(value=False), last_seen=pl.lit(day))])


def first_sighting(kind: Kind, now: pl.DataFrame, day: date) -> Sighting:
    """Return all rows as kept; nobody knows when they came, so they count from their own day."""
    rows = _marked(kind, now, day).with_columns(why=pl.lit("first"))
    return Sighting(rows, rows.clear(), rows.clear(), rows.clear())


def sighting(kind: Kind, now: pl.DataFrame, known: Remembered, day: date) -> Sighting:
    """Compare the rows of now with those that earlier refreshes saw."""
    before = known.recent.filter(state="kept")
    kept, waiting = _divided(kind, now, known, day)
    # What was seen later on the same day stands for what was seen before it.
    earlier = not_in(pl.concat([before, known.suspended]), now, kind.content)
    places = kind.places(kind.day)
    covered, rest = divide(earlier, kept, places)
    suspended, _ = divide(rest, waiting, places)
    return Sighting(kept, waiting, covered, suspended)


def _divided(
    kind: Kind, now: pl.DataFrame, known: Remembered, day: date
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows to keep, and those that wait: not their week, or the owner struck them."""
    changed, loose = _candidates(kind, now, known, day)
    monday = day - timedelta(days=day.weekday())
    is_of_week = (pl.col("observed_on") >= monday) & pl.col("why").is_in(kind.once)
    taken, struck = known.recent.filter(is_of_week), known.recent.filter(state="struck")
    due = pl.concat([changed, not_in(loose, taken, kind.slot)])
    kept = not_in(due, struck, kind.content).with_columns(observed_on=pl.lit(day))
    rest = pl.concat([among(loose, taken, kind.slot), among(due, struck, kind.content)])
    return kept, rest.with_columns(state=pl.lit("waiting"))


def _candidates(
    kind: Kind, now: pl.DataFrame, known: Remembered, day: date
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows that were not kept before: those of another state, and the others.

    One that was suspended and comes back is none: the one that was kept counts again.
    """
    gone = not_in(known.last, now, kind.content)
    unlike = not_in(not_in(now, known.last, kind.content), known.suspended, kind.content)
    new = _marked(kind, _dated(kind, unlike, gone, day), day)
    changed = not_in(new, known.last, kind.state)
    strange = not_in(changed, known.last, kind.owner).with_columns(why=pl.lit("new"))
    familiar = among(changed, known.last, kind.owner)
    loose = among(new, known.last, kind.state).with_columns(why=pl.lit(kind.reasons[1]))
    waited = among(known.waiting, now, kind.content).with_columns(state=pl.lit("kept"))
    return pl.concat([strange, familiar]), pl.concat([waited, loose])


def _dated(kind: Kind, new: pl.DataFrame, gone: pl.DataFrame, day: date) -> pl.DataFrame:
    """Let rows count from the day on which they were seen, where their own day cannot be it.

    It cannot be where a row has no day of a fetch, or was changed in place without another one: on
    the days before, what was there before was known.
    """
    if kind.day not in new.columns:
        return new
    in_place, own = divide(new, gone, kind.places("fetched_date"))
    late = pl.max_horizontal(kind.day, pl.lit(day))
    known = pl.when(pl.col("fetched_date").is_null()).then(late).otherwise(kind.day)
    return pl.concat(
        [own.with_columns(known.alias(kind.day)), in_place.with_columns(late.alias(kind.day))]
    )


def _marked(kind: Kind, rows: pl.DataFrame, day: date) -> pl.DataFrame:
    """Return rows as observations of a day, with the columns by which they are compared."""
    why = pl.lit(kind.reasons[0])
    if "listed" in rows.columns:
        why = pl.when("listed").then(why).otherwise(pl.lit("gone"))
    return rows.with_columns(
        observed_on=pl.lit(day), why=why, state=pl.lit("kept"),
        struck_on=pl.lit(None, pl.Date), reason=pl.lit(None, pl.String),
    ).select(columns(kind))  # fmt: skip


def columns(kind: Kind) -> list[str]:
    """Return the columns of the observations, and those by which they are compared."""
    return list(dict.fromkeys([*kind.schema, *kind.slot]))


def divide(
    rows: pl.DataFrame, others: pl.DataFrame, keys: list[list[str]]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows that are among the others by one of the keys, and the rest, in order."""
    if rows.is_empty() or others.is_empty():
        return rows.clear(), rows
    rest = rows.with_row_index("row_")
    for by in keys:
        rest = not_in(rest, others, by)
    is_rest = pl.int_range(rows.height, eager=True).is_in(rest["row_"].to_list())
    return rows.filter(~is_rest), rows.filter(is_rest)


def among(rows: pl.DataFrame, others: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Return the rows that are among the others."""
    return _joined(rows, others, by, "semi") if others.height else rows.clear()


def not_in(rows: pl.DataFrame, others: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Return the rows that are not among the others."""
    return _joined(rows, others, by, "anti") if others.height else rows


def _joined(
    rows: pl.DataFrame, others: pl.DataFrame, by: Sequence[str], how: Literal["semi", "anti"]
) -> pl.DataFrame:
    if rows.is_empty():
        return rows
    return rows.join(others.select(by), on=by, how=how, nulls_equal=True, maintain_order="left")
