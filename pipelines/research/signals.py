"""Signals: the ranks that portfolios follow, by strategy and day, as columns of a market."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

import numpy as np
import polars as pl

from pipelines.research.arrays import Days, Numbers

COLUMNS: Final = pl.Schema(
    {
        "strategy": pl.String,
        "as_of": pl.Date,
        "ticker": pl.String,
        "rank": pl.Int64,
        "score": pl.Float64,
    }
)
"""What is read of the history of ranks: the ranked stocks alone."""
UNRANKED: Final = np.iinfo(np.int64).max
"""The rank in a place without a stock."""


class Ranking(NamedTuple):
    """The ranked stocks of a strategy on a day, best first; or of several, a row for each."""

    stocks: Numbers
    ranks: Numbers


@dataclass(frozen=True)
class Signals:
    """The rankings by strategy and day; a day without a ranked stock is there too."""

    days: Days
    ranked: Ranking
    """All rankings, one after the other."""
    bounds: dict[str, Numbers]
    """Where the rankings of a strategy begin in it, by the number of the day; and the last end."""

    @classmethod
    def of(cls, ranks: pl.DataFrame, tickers: Iterable[str], days: Days) -> Self:
        """Return the rankings in a frame with the columns `COLUMNS`."""
        stocks = pl.DataFrame({"ticker": list(tickers)}, schema={"ticker": pl.String})
        dates = pl.DataFrame({"as_of": days}, schema_overrides={"as_of": pl.Date})
        rows = (
            ranks.lazy()
            .join(stocks.lazy().with_row_index("stock"), on="ticker")
            .join(dates.lazy().with_row_index("day"), on="as_of")
            .select("strategy", pl.col("day", "stock", "rank").cast(pl.Int64))
            .sort("strategy", "day", "rank", "stock")
            .collect()
        )
        ranked = Ranking(rows["stock"].to_numpy(), rows["rank"].to_numpy())
        return cls(days, ranked, dict(_bounds(rows, len(days))))

    def ranking(self, strategy: str, day: int) -> Ranking:
        """Return the ranking of a strategy on a day; an empty one where nothing is ranked."""
        first, end = self._bounds(strategy)[day : day + 2]
        return Ranking(self.ranked.stocks[first:end], self.ranked.ranks[first:end])

    def spans(self, strategy: str, last: int) -> tuple[Numbers, Numbers]:
        """Return where the rankings of a strategy begin, and how many are not after a last rank."""
        bounds = self._bounds(strategy)
        passed = np.concatenate([[0], np.cumsum(self.ranked.ranks <= last)])
        return bounds[:-1], np.diff(passed[bounds])

    def side_by_side(self, first: Numbers, count: Numbers) -> Ranking:
        """Return the stocks from some places on, a row for each of the places.

        A place beyond the `count` of a row has the rank `UNRANKED`.
        """
        places = np.arange(count.max())
        at = np.where(places < count[:, None], first[:, None] + places, -1)
        ranks = np.where(at < 0, UNRANKED, self.ranked.ranks.take(at, mode="wrap"))
        return Ranking(self.ranked.stocks.take(at, mode="wrap"), ranks)

    def _bounds(self, strategy: str) -> Numbers:
        return self.bounds.get(strategy, np.zeros(len(self.days) + 1, dtype=np.int64))


def _bounds(rows: pl.DataFrame, days: int) -> Iterator[tuple[str, Numbers]]:
    """Yield the bounds of the days of each strategy in sorted rows."""
    begin = 0
    for (strategy,), part in rows.group_by("strategy", maintain_order=True):
        yield str(strategy), begin + part["day"].to_numpy().searchsorted(np.arange(days + 1))
        begin += part.height
