"""Search over many variants, with what tells luck from skill: trials, two measures, time.

All variants of a universe share one history of ranks, and those that trade at the same prices one
reading of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import polars as pl

from pipelines.bars import Progress, silent
from pipelines.errors import StockRankError
from pipelines.lake import Lake
from pipelines.research.arrays import Floats
from pipelines.research.grid import Grid, Named, Variant, built_in, variants
from pipelines.research.metrics import DAYS_A_YEAR, TRADING_DAYS
from pipelines.research.overfitting import (
    REAL,
    Fold,
    deflated_sharpe,
    overfitting,
    sharpe_ratios,
    walk_forward,
)
from pipelines.research.portfolio import Portfolio
from pipelines.research.ranks import RankBlocks, Ranks, ranks_of, signal_days
from pipelines.research.rules import Fill
from pipelines.research.simulation import Prices, Simulation, simulate
from pipelines.universe import Universe

YEAR: Final = TRADING_DAYS**0.5


@dataclass(frozen=True)
class Searched:
    """The variants of a grid with their figures, the best first, and what they prove."""

    grid: Grid
    variants: pl.DataFrame
    """The choices of each variant, then `cagr`, `sharpe`, `max_drawdown`, `turnover`, `costs`."""
    trials: int
    best: int
    """The number of the best variant in the order of the grid; `variants` has it as `variant`."""
    deflated: float | None
    overfitting: float | None
    folds: tuple[Fold, ...]
    days: tuple[date, ...]
    version: str

    @property
    def is_real(self) -> bool:
        """Return true if the best variant is more than the luck of the search."""
        return self.deflated is not None and self.deflated > REAL

    def told(self) -> Iterator[str]:
        """Yield what is to be read first, and how the best of each time did after it."""
        yield from self.verdicts()
        for since, until, before, after, median in self.afterwards():
            yield (
                f"From {since} to {until}: Sharpe ratio {after:.2f} of the variant that was best "
                f"before, with {before:.2f}; the median of all was {median:.2f}."
            )

    def verdicts(self) -> Iterator[str]:
        """Yield what is to be read first."""
        yield f"{self.trials:,} variants were tried."
        if self.deflated is None:
            yield "The deflated Sharpe ratio is not known: the values of a variant do not vary."
        else:
            verdict = "more" if self.is_real else "no more"
            yield (
                f"Deflated Sharpe ratio of the best: {self.deflated:.3f}. It is {verdict} than "
                f"the luck of so many trials, which {REAL} would rule out."
            )
        if self.overfitting is not None:
            yield (
                f"Probability of overfitting: {self.overfitting:.3f}. So often the best of one "
                "half of the time was no better than the median in the other."
            )

    def afterwards(self) -> Iterator[tuple[date, date, float, float, float]]:
        """Yield each time with the Sharpe ratios of the variant that was best before it.

        They are that of before, that in the time, and the median of all in the time.
        """
        for fold in self.folds:
            ratios = (fold.ratio_before, fold.ratio_after, fold.median_after)
            before, after, median = (ratio * YEAR for ratio in ratios)
            yield self.days[fold.first], self.days[fold.end - 1], before, after, median


def search(
    lake: Lake, grid: Grid, universe: Universe, progress: Progress = silent, *,
    named: Named = built_in, ranked: RankBlocks | None = None,
) -> Searched:  # fmt: skip
    """Return the variants of a grid with their figures; `named` returns the universe of a name.

    `ranked` computes the ranks; by default this process does.
    The time begins on the first day on which every strategy ranks a stock.
    """
    made = variants(grid, universe, named)
    months = {month for one in made for month in one.months}
    until = grid.until or lake.as_of
    days = signal_days(lake, grid.since, until, months)
    if not days:
        raise StockRankError(f"no rebalance falls between {grid.since} and {until}; give more time")
    parts = [
        (numbers, _simulated(lake, made, numbers, until, ranks))
        for together, ranks in _ranked(lake, made, days, progress, ranked)
        for numbers in _alike(made, together)
    ]
    firsts = [_first_day(part, made[n], until) for numbers, part in parts for n in numbers]
    every = parts[0][1].market.days  # the days of the exchange, whatever is held
    start = int(np.searchsorted(every, np.datetime64(max(firsts))))
    values = np.empty((len(every) - start, len(made)))
    for numbers, part in parts:
        values[:, numbers] = np.concatenate([walked.nav for _, walked in part.parts], axis=1)[
            start:
        ]
    flows = paid_since(pl.concat([part.flows for _, part in parts]), max(firsts))
    return _judged(lake, grid, made, values, tuple(every[start:].tolist()), flows)


def paid_since(flows: pl.DataFrame, first: date) -> pl.DataFrame:
    """Return the turnover and the costs of each portfolio, from a day on."""
    since = flows.filter(pl.col("date") >= first)
    return since.group_by("strategy").agg(pl.col("turnover", "costs").sum())


def _ranked(
    lake: Lake, made: Sequence[Variant], days: Sequence[date], progress: Progress,
    ranked: RankBlocks | None,
) -> Iterator[tuple[list[int], Ranks]]:  # fmt: skip
    """Yield the variants of each universe with their ranks: the facts are computed once for all."""
    for universe in dict.fromkeys(one.universe for one in made):
        numbers = [n for n, one in enumerate(made) if one.universe == universe]
        strategies = {made[n].strategy.name: made[n].strategy for n in numbers}
        every = list(strategies.values())
        yield numbers, ranks_of(lake, days, universe, every, progress, ranked)


def _alike(made: Sequence[Variant], numbers: Sequence[int]) -> Iterator[list[int]]:
    """Yield the variants that trade at the same prices."""
    by_prices: dict[tuple[str | None, Fill], list[int]] = {}
    for n in numbers:
        by_prices.setdefault((made[n].currency, made[n].fill), []).append(n)
    yield from by_prices.values()


def _simulated(
    lake: Lake, made: Sequence[Variant], numbers: Sequence[int], until: date, ranks: Ranks
) -> Simulation:
    """Return what becomes of some variants, which trade at the same prices."""
    portfolios = [
        Portfolio(name=str(n), strategy=one.strategy.name, months=one.months, rules=one.rules)
        for n, one in ((n, made[n]) for n in numbers)
    ]
    first = made[numbers[0]]
    prices = Prices(
        until=until, currency=first.currency, fill=first.fill,
        trusted_jumps=first.universe.trusted_jumps,
    )  # fmt: skip
    return simulate(lake, ranks, portfolios, prices)


def _first_day(found: Simulation, one: Variant, until: date) -> date:
    first = found.ranks.first_day(one.strategy.name, one.months)
    if first is None:
        raise StockRankError(
            f"{one.strategy.name} ranks no stock of {one.universe.name} up to {until}; leave it out"
        )
    return first


def _judged(
    lake: Lake, grid: Grid, made: Sequence[Variant], values: Floats, days: tuple[date, ...],
    flows: pl.DataFrame,
) -> Searched:  # fmt: skip
    before = np.where(values[:-1] > 0, values[:-1], np.nan)
    returns = np.nan_to_num(values[1:] / before - 1)
    ratios = sharpe_ratios(returns)
    if np.isnan(ratios).all():
        raise StockRankError("no variant has a value that varies; give more time")
    best = int(np.nanargmax(ratios))
    return Searched(
        grid=grid, variants=_table(made, values, ratios, days, flows), trials=len(made), best=best,
        deflated=deflated_sharpe(returns[:, best], ratios), overfitting=overfitting(returns),
        folds=tuple(walk_forward(returns)), days=days[1:], version=lake.version,
    )  # fmt: skip


def _table(
    made: Sequence[Variant], values: Floats, ratios: Floats, days: tuple[date, ...],
    flows: pl.DataFrame,
) -> pl.DataFrame:  # fmt: skip
    years = (days[-1] - days[0]).days / DAYS_A_YEAR
    fall = (values / np.maximum.accumulate(values, axis=0) - 1).min(axis=0)
    choices = pl.DataFrame([{key: _plain(value) for key, value in one.choice} for one in made])
    growth = values[-1] / values[0]
    figures = pl.DataFrame({
        "variant": np.arange(len(made)), "growth": growth, "cagr": growth ** (1 / years) - 1,
        "sharpe": ratios * YEAR, "max_drawdown": fall,
    })  # fmt: skip
    paid = flows.select(
        variant=pl.col("strategy").cast(pl.Int64),
        turnover=pl.col("turnover") / years, costs=pl.col("costs"),
    )  # fmt: skip
    return (
        choices.hstack(figures)
        .with_columns(pl.col("sharpe").fill_nan(None))
        .join(paid, on="variant", how="left", maintain_order="left")
        .sort("sharpe", "variant", descending=[True, False], nulls_last=True)
    )


def _plain(value: object) -> object:
    return value if isinstance(value, int | float | str) else str(value)
