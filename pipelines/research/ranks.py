"""The ranks that a backtest follows: on the first trading day of the months of each strategy."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

from pipelines.bars import Progress
from pipelines.lake import Lake
from pipelines.ranking import REASONS, Every, Strategy, block_ranks, blocks, first_days
from pipelines.research.rules import Calendar
from pipelines.research.signals import COLUMNS
from pipelines.universe import Universe

UNIVERSE: Final = "all eligible "
"""The begin of the name of all eligible stocks, in place of that of a strategy."""
OF_THE_UNIVERSE: Final = tuple(
    reason for reason in REASONS if list(REASONS).index(reason) < list(REASONS).index("no_f_score")
)
"""The reasons for which a stock is in no ranking of the universe, whatever the strategy."""
MONTHS: Final = {
    Calendar.MONTH: tuple(range(1, 13)),
    Calendar.QUARTER: (1, 4, 7, 10),
    Calendar.YEAR: (1,),
}

RankBlocks = Callable[
    [Lake, Sequence[date], Universe, Sequence[Strategy], Progress], Iterable[pl.DataFrame]
]
"""Gives the `ranked_block` of each block of days, in their order."""


def universe_of(strategy: Strategy) -> str:
    """Return the name that all stocks have that are eligible for a strategy."""
    return UNIVERSE + ", ".join(strategy.keep_sectors)


def months_of(strategy: Strategy, calendar: Calendar) -> tuple[int, ...]:
    """Return the months in which a strategy is rebalanced."""
    return MONTHS.get(calendar, strategy.rebalance_months)


def signal_days(lake: Lake, since: date, until: date, months: Iterable[int]) -> list[date]:
    """Return the first trading day of each of some months, from one day to another."""
    firsts = first_days(lake, since=since.replace(day=1), until=until, every=Every.MONTH)
    chosen = set(months)
    return [day for day in firsts if day >= since and day.month in chosen]


@dataclass(frozen=True)
class Ranks:
    """The ranked stocks of strategies on some days, and all that are eligible for each."""

    days: Sequence[date]
    rows: pl.DataFrame

    def first_day(self, strategy: str, months: Iterable[int]) -> date | None:
        """Return the first day of some months on which a strategy ranks any stock."""
        mine = self.rows.filter(pl.col("strategy") == strategy)
        return mine.filter(pl.col("as_of").dt.month().is_in(list(months)))["as_of"].min()  # type: ignore[return-value]


def ranks_of(
    lake: Lake, days: Sequence[date], universe: Universe, strategies: Sequence[Strategy],
    progress: Progress, ranked: RankBlocks | None = None,
) -> Ranks:  # fmt: skip
    """Return the ranks of strategies on some days, and the eligible stocks as `universe_of` them.

    `progress` is called with the days done and the days in all. `ranked` computes them; by default
    this process does.
    """
    parts = list((ranked or ranked_here)(lake, days, universe, strategies, progress))
    return Ranks(days, pl.concat(parts) if parts else pl.DataFrame(schema=COLUMNS))


def ranked_here(
    lake: Lake, days: Sequence[date], universe: Universe, strategies: Sequence[Strategy],
    progress: Progress,
) -> Iterator[pl.DataFrame]:  # fmt: skip
    """Yield one block after another."""
    done = 0
    for block in blocks(lake, days, universe, strategies, ranks_alone=True):
        yield ranked_block(lake, block, universe, strategies)
        done += len(block)
        progress("dates", done, len(days))


def ranked_block(
    lake: Lake, days: Sequence[date], universe: Universe, strategies: Sequence[Strategy]
) -> pl.DataFrame:
    """Return the ranked stocks on a block of days, and all that are eligible."""
    # Strategies that keep the same sectors have the same eligible stocks.
    names = {universe_of(one): one.name for one in strategies}
    plan = block_ranks(lake, days, universe, strategies).select(*COLUMNS, "excluded_by")
    return pl.concat(_needed(plan.collect(engine="streaming"), names))


def _needed(block: pl.DataFrame, universes: Mapping[str, str]) -> Iterator[pl.DataFrame]:
    """Yield the ranked rows, and the eligible stocks of each universe by one of its strategies."""
    yield block.filter(pl.col("rank").is_not_null()).select(COLUMNS.names()).cast(COLUMNS)
    inside = ~pl.col("excluded_by").is_in(OF_THE_UNIVERSE).fill_null(value=False)
    for name, strategy in universes.items():
        eligible = block.filter(pl.col("strategy") == strategy, inside).sort("as_of", "ticker")
        yield eligible.select(
            strategy=pl.lit(name), as_of="as_of", ticker="ticker",
            rank=pl.int_range(pl.len(), dtype=pl.Int64).over("as_of") + 1,
            score=pl.lit(None, dtype=pl.Float64),
        )  # fmt: skip
