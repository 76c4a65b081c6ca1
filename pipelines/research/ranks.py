"""The ranks that a backtest follows: on the first trading day of the months of each strategy."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

from pipelines.lake import Lake
from pipelines.ranking import REASONS, Every, Strategy, first_days, history_of_ranks
from pipelines.research.rules import Calendar
from pipelines.research.signals import COLUMNS
from pipelines.universe import Universe

UNIVERSE: Final = "universe"
"""The name of the portfolio of all eligible stocks, in place of that of a strategy."""
OF_THE_UNIVERSE: Final = tuple(
    reason for reason in REASONS if list(REASONS).index(reason) < list(REASONS).index("no_f_score")
)
"""The reasons for which a stock is in no ranking of the universe, whatever the strategy."""
MONTHS: Final = {
    Calendar.MONTH: tuple(range(1, 13)),
    Calendar.QUARTER: (1, 4, 7, 10),
    Calendar.YEAR: (1,),
}

Progress = Callable[[str, int, int], None]


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
    """The ranked stocks of strategies on some days, with `UNIVERSE` among them if it is wanted."""

    days: Sequence[date]
    rows: pl.DataFrame

    def first_day(self, strategy: str, months: Iterable[int]) -> date | None:
        """Return the first day of some months on which a strategy ranks any stock."""
        mine = self.rows.filter(pl.col("strategy") == strategy)
        return mine.filter(pl.col("as_of").dt.month().is_in(list(months)))["as_of"].min()  # type: ignore[return-value]


def ranks_of(
    lake: Lake, days: Sequence[date], universe: Universe, strategies: Sequence[Strategy],
    progress: Progress,
) -> Ranks:  # fmt: skip
    """Return the ranks of strategies on some days, and all eligible stocks as `UNIVERSE`.

    `progress` is called with the days done and the days in all.
    """
    parts: list[pl.DataFrame] = []
    done = 0
    for plan in history_of_ranks(lake, dates=days, universe=universe, strategies=strategies):
        block = plan.select(*COLUMNS, "excluded_by").collect(engine="streaming")
        done += block["as_of"].n_unique()
        progress("dates", done, len(days))
        parts.extend(_needed(block, strategies[0].name))
    rows = pl.concat(parts) if parts else pl.DataFrame(schema=COLUMNS)
    return Ranks(days, rows)


def _needed(block: pl.DataFrame, first: str) -> Iterator[pl.DataFrame]:
    """Yield the ranked rows, and those of the eligible stocks by one of the strategies."""
    yield block.filter(pl.col("rank").is_not_null()).select(COLUMNS.names()).cast(COLUMNS)
    eligible = block.filter(
        pl.col("strategy") == first,
        ~pl.col("excluded_by").is_in(OF_THE_UNIVERSE).fill_null(value=False),
    ).sort("as_of", "ticker")
    yield eligible.select(
        strategy=pl.lit(UNIVERSE), as_of="as_of", ticker="ticker",
        rank=pl.int_range(pl.len(), dtype=pl.Int64).over("as_of") + 1,
        score=pl.lit(None, dtype=pl.Float64),
    )  # fmt: skip
