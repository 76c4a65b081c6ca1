"""How many shares a unit is on each day: splits that are applied, and jumps that count as none."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

import numpy as np
import polars as pl

from pipelines.lake import Lake
from pipelines.ranking import applied_splits, counted_jumps
from pipelines.research.arrays import Days, Flags, Floats, Numbers
from pipelines.universe import TrustedJump

SUSPECT_DAYS: Final = 376
"""Days for which a jump keeps a stock from being bought: twelve months and ten days."""


class Step(NamedTuple):
    """A change of a unit's shares, from one row of days up to another."""

    stock: int
    first: int
    end: int
    times: float


@dataclass(frozen=True)
class Scales:
    """The shares of one unit, by day and stock; one where nothing changed it."""

    columns: Numbers
    """The column of `shares` for each stock, or -1."""
    shares: Floats
    steps: tuple[Step, ...]

    def to_units(self, prices: Floats) -> None:
        """Make the prices of shares those of units, in place."""
        changed = self.columns >= 0
        prices[:, changed] *= self.shares[:, self.columns[changed]]

    def at(self, days: Numbers | int, stocks: Numbers) -> Floats:
        """Return the shares of a unit on some days of some stocks, one by one; or all on one."""
        columns = self.columns[stocks]
        if not self.shares.shape[1]:
            return np.ones(len(stocks))
        return np.where(columns >= 0, self.shares[days, columns], 1.0)


def scales_of(
    lake: Lake, days: Days, tickers: tuple[str, ...], trusted: tuple[TrustedJump, ...]
) -> Scales:
    """Return the scales of stocks by the splits and the jumps of a lake."""
    place = {ticker: n for n, ticker in enumerate(tickers)}
    steps = tuple(_steps(_splits(lake), place, days)) + tuple(
        _steps(_jumps_up(lake, trusted), place, days)
    )
    changed = sorted({step.stock for step in steps})
    columns = np.full(len(tickers), -1)
    columns[changed] = np.arange(len(changed))
    shares = np.ones((len(days), len(changed)))
    for step in steps:
        shares[step.first : step.end, columns[step.stock]] *= step.times
    return Scales(columns, shares, steps)


def suspect_days(
    lake: Lake, days: Days, tickers: tuple[str, ...], trusted: tuple[TrustedJump, ...]
) -> Flags:
    """Return true on the days on which an unexplained jump keeps a stock from being bought."""
    place = {ticker: n for n, ticker in enumerate(tickers)}
    suspect = np.zeros((len(days), len(tickers)), dtype=np.bool_)
    last = pl.col("date").dt.offset_by(f"{SUSPECT_DAYS}d")
    jumps = _open_jumps(lake, trusted).select(
        "ticker", "date", until=pl.min_horizontal("until", last)
    )
    for ticker, *span in jumps.collect().iter_rows():
        if ticker in place:
            first, end = np.searchsorted(days, np.array(span, dtype="datetime64[D]"))
            suspect[first:end, place[ticker]] = True
    return suspect


Row = tuple[str, date, date | None, float]
"""A ticker, the first day of a change, the day on which it ends, and by how much."""


def _steps(rows: Iterable[Row], place: dict[str, int], days: Days) -> Iterator[Step]:
    """Yield the changes on the days at hand of the stocks at hand.

    One before the first day does not matter, for no unit is held yet, unless it ends later.
    """
    for ticker, first, until, times in rows:
        start = int(np.searchsorted(days, np.datetime64(first)))
        end = len(days) if until is None else int(np.searchsorted(days, np.datetime64(until)))
        is_before = until is None and np.datetime64(first) < days[0]
        if ticker in place and start < end and not is_before:
            yield Step(place[ticker], start, end, times)


def _splits(lake: Lake) -> Iterator[Row]:
    splits = applied_splits(lake)
    if splits is not None:
        never = pl.lit(None, dtype=pl.Date)
        yield from splits.select("ticker", "date_after", never, "ratio").collect().iter_rows()


def _open_jumps(lake: Lake, trusted: tuple[TrustedJump, ...]) -> pl.LazyFrame:
    """Return the jumps that are no return of an earlier one, with the day that reverted them."""
    jumps = counted_jumps(lake, trusted).filter(pl.col("reverts").is_null())
    return jumps.with_columns(until="reverted_on")


def _jumps_up(lake: Lake, trusted: tuple[TrustedJump, ...]) -> Iterator[Row]:
    up = _open_jumps(lake, trusted).filter(pl.col("ratio") > 1)
    yield from up.select("ticker", "date", "until", 1 / pl.col("ratio")).collect().iter_rows()
