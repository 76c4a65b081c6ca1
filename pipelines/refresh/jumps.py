"""Jumps: pairs of closes between which a price moved so far that no rank may stand on it.

They are searched for while prices are written, a year or a part of one at a time. What a year does
not know is the close before the first one of each stock, so the years are joined in their order.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple, Self

import polars as pl

from pipelines.universe import JUMP_THRESHOLD

LARGEST_REST: Final = 1.5
"""A run has reverted if its two jumps together move the price by less than this many times."""
LONGEST_RUN: Final = timedelta(days=400)
SLACK: Final = 1e-6
"""By how much a ratio may miss a bound, as a share of it: closes are kept in single precision."""

SPLITS: Final = pl.Schema({"ticker": pl.String, "date": pl.Date, "ratio": pl.Float64})
"""Splits that are applied: the first day of trade at the new price, new shares for one old."""
NO_SPLITS: Final = pl.DataFrame(schema=SPLITS)


class Jump(NamedTuple):
    """A jump as the search for runs needs it."""

    ticker: str
    date: date
    ratio: float


# -------------------------------------------------------------------------------- the search


@dataclass(frozen=True)
class Closes:
    """The first and the last close of each stock in some rows, and the far pairs among them."""

    first: pl.DataFrame
    last: pl.DataFrame
    pairs: pl.DataFrame

    @classmethod
    def of(cls, rows: pl.DataFrame, least: float = JUMP_THRESHOLD) -> Self:
        """Return the closes of rows that are sorted by ticker and date.

        Closes are far apart if one is at least `least` times the other.
        """
        rows = rows.select("ticker", "date", "close")
        ticker, close = pl.col("ticker"), pl.col("close").cast(pl.Float64)
        begins, far = rows.select(
            begins=ticker.ne_missing(ticker.shift()), far=is_far(close / close.shift(), least)
        )
        ends = begins.shift(-1, fill_value=True)
        pairs = _pairs(rows, (far & ~begins).arg_true())
        return cls(rows[begins.arg_true()], rows[ends.arg_true()], pairs)


def _pairs(rows: pl.DataFrame, at: pl.Series) -> pl.DataFrame:
    """Return the rows at some places, each with the close before it.

    Columns: `ticker, date, close, date_before, close_before`.
    """
    before = rows[at - 1].select(date_before="date", close_before="close")
    return rows[at].hstack(before)


class Search:
    """Joins the closes of years in their order: those that are added, and those that are there.

    `none` is an empty frame of closes; `there` has the closes of each year that is not added.
    `least` is that of all closes.
    """

    def __init__(
        self,
        none: pl.DataFrame,
        there: Mapping[int, Iterable[Closes]],
        least: float = JUMP_THRESHOLD,
    ) -> None:
        self._least: Final = least
        self.newest = none.select("ticker", "date", "close")
        """The newest close of each stock."""
        self._there: Final = dict(there)
        self._pairs: Final = [Closes.of(self.newest).pairs]

    def add(self, year: int, closes: Iterable[Closes]) -> None:
        """Add the closes of a year, after those of all earlier years."""
        for earlier in sorted(y for y in self._there if y < year):
            self._join(self._there.pop(earlier))
        self._join(closes)

    def finish(self) -> None:
        """Add the years that are there and newer than those added."""
        for year in sorted(self._there):
            self._join(self._there.pop(year))

    @property
    def pairs(self) -> pl.DataFrame:
        """All pairs of closes that are far apart, by ticker and date."""
        return pl.concat(self._pairs).sort("ticker", "date")

    def _join(self, parts: Iterable[Closes]) -> None:
        for closes in parts:
            before = self.newest.select("ticker", date_before="date", close_before="close")
            borders = closes.first.join(before, on="ticker").filter(is_far(_ratio(), self._least))
            self._pairs.extend([closes.pairs, borders])
            older = self.newest.join(closes.last, on="ticker", how="anti")
            self.newest = pl.concat([older, closes.last])


def _ratio() -> pl.Expr:
    """Return the close by the one before."""
    return pl.col("close").cast(pl.Float64) / pl.col("close_before").cast(pl.Float64)


def is_far(ratio: pl.Expr, least: float) -> pl.Expr:
    """Return true for a ratio of at least `least`, or at most its inverse."""
    return (ratio >= least * (1 - SLACK)) | (ratio <= (1 + SLACK) / least)


# ------------------------------------------------------------------------------ the judgment


def judged(
    pairs: pl.DataFrame, splits: pl.DataFrame, least: float = JUMP_THRESHOLD
) -> pl.DataFrame:
    """Return jumps, by ticker and date, from pairs of closes and the splits that are applied.

    Adds `ratio`, `split_known`, `reverted_on` and `reverts`, as the contract of jumps tells them.
    """
    raw = pairs.with_columns(ratio=_ratio())
    applied = _applied(raw, splits)
    moved = raw.join(applied, on=("ticker", "date"), how="left", maintain_order="left")
    jumps = moved.with_columns(pl.col("ratio") * pl.col("split_").fill_null(1.0)).select(
        *raw.columns, split_known=~is_far(pl.col("ratio"), least)
    )
    open_ = jumps.filter(~pl.col("split_known")).select(Jump._fields)
    runs = _runs([Jump(*row) for row in open_.iter_rows()])
    first = runs.select("ticker", date="first", reverted_on="last")
    last = runs.select("ticker", date="last", reverts="first")
    for part in (first, last):
        jumps = jumps.join(part, on=("ticker", "date"), how="left", maintain_order="left")
    return jumps


def _applied(pairs: pl.DataFrame, splits: pl.DataFrame) -> pl.DataFrame:
    """Return `ticker, date, split_`: the product of the splits between two closes."""
    between = pairs.join(
        splits.select("ticker", day_="date", split_="ratio"), on="ticker"
    ).filter(
        pl.col("day_").is_between("date_before", "date", closed="right")
    )  # fmt: skip
    return between.group_by("ticker", "date").agg(pl.col("split_").product())


def _runs(jumps: Sequence[Jump]) -> pl.DataFrame:
    """Return `ticker, first, last` of the runs that reverted; the jumps are in order."""
    found: list[tuple[str, date, date]] = []
    for ticker, of_one in groupby(jumps, key=itemgetter(0)):
        found.extend((ticker, first, last) for first, last in _runs_of(list(of_one)))
    schema = {"ticker": pl.String, "first": pl.Date, "last": pl.Date}
    return pl.DataFrame(found, schema=schema, orient="row")


def _runs_of(jumps: list[Jump]) -> list[tuple[date, date]]:
    """Return the days of both jumps of each run of a stock: a jump belongs to one run."""
    taken: set[date] = set()
    runs = []
    for at, jump in enumerate(jumps):
        if jump.date in taken:
            continue
        for later in jumps[at + 1 :]:
            if later.date - jump.date > LONGEST_RUN:
                break
            if later.date not in taken and _rests(jump.ratio * later.ratio):
                taken.add(later.date)
                runs.append((jump.date, later.date))
                break
    return runs


def _rests(moved: float) -> bool:
    """Return true if a price is near to where it was."""
    most = LARGEST_REST * (1 + SLACK)
    return 1 / most <= moved <= most
