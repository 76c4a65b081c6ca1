"""Signals: the ranks that portfolios follow, by strategy and day, as columns of a market."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

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


@dataclass(frozen=True)
class Ranking:
    """The ranked stocks of a strategy on a day, best first."""

    stocks: Numbers
    ranks: Numbers


@dataclass(frozen=True)
class Signals:
    """The rankings by strategy and day; a day without a ranked stock is there too."""

    days: Days
    rankings: dict[tuple[str, int], Ranking]
    """By the name of the strategy and the number of the day in `days`."""

    @classmethod
    def of(cls, ranks: pl.DataFrame, tickers: Iterable[str], days: Days) -> Self:
        """Return the rankings in a frame with the columns `COLUMNS`."""
        stocks = pl.DataFrame({"ticker": list(tickers)}, schema={"ticker": pl.String})
        dates = pl.DataFrame({"as_of": days}, schema_overrides={"as_of": pl.Date})
        rows = (
            ranks.lazy()
            .join(stocks.lazy().with_row_index("stock"), on="ticker")
            .join(dates.lazy().with_row_index("day"), on="as_of")
            .select("strategy", "day", "rank", pl.col("stock").cast(pl.Int64))
            .sort("strategy", "day", "rank", "stock")
            .collect()
        )
        return cls(days, {
            (str(strategy), int(day)): Ranking(part["stock"].to_numpy(), part["rank"].to_numpy())
            for (strategy, day), part in rows.group_by("strategy", "day", maintain_order=True)
        })  # fmt: skip

    def ranking(self, strategy: str, day: int) -> Ranking:
        """Return the ranking of a strategy on a day; an empty one where nothing is ranked."""
        nothing = np.empty(0, dtype=np.int64)
        return self.rankings.get((strategy, day), Ranking(nothing, nothing))
