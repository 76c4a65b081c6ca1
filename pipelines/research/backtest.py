"""Backtests: what strategies would have earned, beside a benchmark, bounds and caveats."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from pipelines.bars import Progress
from pipelines.errors import StockRankError
from pipelines.lake import Lake
from pipelines.ranking import Strategy
from pipelines.research.benchmark import file_values, index_values
from pipelines.research.caveats import survivorship, suspects, thin, told
from pipelines.research.inputs import OF_UNIVERSE, Inputs
from pipelines.research.portfolio import Portfolio
from pipelines.research.ranks import (
    RankBlocks,
    Ranks,
    months_of,
    ranks_of,
    signal_days,
    universe_of,
)
from pipelines.research.rules import Rules
from pipelines.research.simulation import Prices, Simulation, simulate
from pipelines.research.tear_sheet import TearSheet, bound, tear_sheet

EVERYTHING: Final = 1_000_000
"""More places than any universe has stocks."""


@dataclass(frozen=True, kw_only=True)
class Backtest:
    """What a strategy would have earned, and all that it was made of."""

    strategy: Strategy
    inputs: Inputs
    rules: Rules
    months: tuple[int, ...]
    version: str
    nav: pl.DataFrame
    ledger: pl.DataFrame
    benchmark: pl.DataFrame | None
    """`date, nav`, or None."""
    sheet: TearSheet
    survivorship: pl.DataFrame
    suspects: pl.DataFrame
    caveats: tuple[str, ...]

    @property
    def since(self) -> date:
        """Return the day of the first signal."""
        first: date = self.nav["date"][0]
        return first

    @property
    def until(self) -> date:
        """Return the last day."""
        last: date = self.nav["date"][-1]
        return last


def backtests(
    lake: Lake, strategies: Sequence[Strategy], inputs: Inputs, progress: Progress,
    ranked: RankBlocks | None = None,
) -> list[Backtest]:  # fmt: skip
    """Return the backtest of each strategy; the ranks and the prices are read once for all.

    `progress` is called with the days that are ranked and the days in all. `StockRankError` where
    no stock is ranked on any day. `ranked` computes the ranks; by default this process does.
    """
    months = {s.name: months_of(s, inputs.calendar) for s in strategies}
    days = signal_days(
        lake, inputs.since, inputs.until, {m for few in months.values() for m in few}
    )
    if not days:
        raise StockRankError(
            f"no rebalance falls between {inputs.since} and {inputs.until}; give more time"
        )
    ranks = ranks_of(lake, days, inputs.universe, strategies, progress, ranked)
    portfolios = [p for s in strategies for p in _portfolios(s, months[s.name], inputs)]
    prices = Prices(
        until=inputs.until, currency=inputs.converted_to, fill=inputs.fill,
        trusted_jumps=inputs.universe.trusted_jumps,
    )  # fmt: skip
    found = simulate(lake, ranks, portfolios, prices)
    return [_backtest(lake, s, months[s.name], inputs, found) for s in strategies]


def _portfolios(strategy: Strategy, months: tuple[int, ...], inputs: Inputs) -> Iterator[Portfolio]:
    """Yield the portfolio of a strategy, its bounds, and that of the universe at the same times."""
    rules = inputs.rules_for(strategy)
    for name, bounded in bounds(rules):
        label = _label(strategy, name)
        yield Portfolio(name=label, strategy=strategy.name, months=months, rules=bounded)
    free = replace(rules, cost_bps=0.0, min_fee=0.0, half_spread_bps=0.0, whole_shares=False)
    whole = replace(free, size=EVERYTHING, buy_rank=EVERYTHING, sell_rank=EVERYTHING)
    label = _label(strategy, OF_UNIVERSE)
    yield Portfolio(name=label, strategy=universe_of(strategy), months=months, rules=whole)


def bounds(rules: Rules) -> Iterator[tuple[str, Rules]]:
    """Yield the rules as they are, without a name, and those between which a result lies."""
    yield "", rules
    for times in (0, 2):
        yield f"costs times {times}", replace(
            rules, cost_bps=rules.cost_bps * times, min_fee=rules.min_fee * times,
            half_spread_bps=rules.half_spread_bps * times,
        )  # fmt: skip
    yield "delisted at 0", replace(rules, delisting_factor=0.0)
    yield "no band", replace(rules, sell_rank=rules.buy_rank)


def _label(strategy: Strategy, name: str) -> str:
    return f"{strategy.name}: {name}" if name else strategy.name


def _backtest(
    lake: Lake, strategy: Strategy, months: tuple[int, ...], inputs: Inputs, found: Simulation
) -> Backtest:
    first = _first_day(found.ranks, strategy, months, inputs)
    rows = found.nav.filter(pl.col("date") >= first)
    own = {name: rows.filter(strategy=_label(strategy, name)) for name, _ in bounds(Rules())}
    universe = rows.filter(strategy=_label(strategy, OF_UNIVERSE)).select("date", "nav")
    benchmark = _benchmark(lake, inputs, universe, first)
    own_days = [day for day in found.ranks.days if day.month in months]
    ended = survivorship(lake, found.ranks.rows, universe_of(strategy), own_days)
    signals = [day for day in own_days if day >= first]
    ranked = found.ranks.rows.filter(strategy=strategy.name)
    few = thin(ranked, signals, inputs.rules_for(strategy).size)
    nav = own[""]
    gains = found.gains.filter(strategy=strategy.name).drop("strategy")
    lines = [bound(name, values) for name, values in own.items() if name]
    lines.append(bound("all eligible stocks, equal weights, no costs", universe))
    return Backtest(
        strategy=strategy, inputs=inputs, rules=inputs.rules_for(strategy), months=months,
        version=lake.version, nav=nav, ledger=found.ledger.filter(strategy=strategy.name),
        benchmark=benchmark,
        sheet=tear_sheet(
            nav, found.flows.filter(strategy=strategy.name),
            pl.Series(signals),
            benchmark, gains, lines, inputs.risk_free,
        ),
        survivorship=ended,
        suspects=suspects(lake, found, inputs, strategy.name),
        caveats=(*told(found, inputs, ended, strategy.name), *filter(None, [few])),
    )  # fmt: skip


def _first_day(ranks: Ranks, strategy: Strategy, months: tuple[int, ...], inputs: Inputs) -> date:
    first = ranks.first_day(strategy.name, months)
    if first is None:
        raise StockRankError(
            f"{strategy.name} ranks no stock of {inputs.universe.name} from {inputs.since} to "
            f"{inputs.until}; give other dates, or look with python -m pipelines.rank"
        )
    return first


def _benchmark(
    lake: Lake, inputs: Inputs, universe: pl.DataFrame, first: date
) -> pl.DataFrame | None:
    name = inputs.benchmark
    if name is None or name == "none":
        return None
    if name == OF_UNIVERSE:
        return universe
    if name.endswith(".csv"):
        return file_values(Path(name), first, inputs.until)
    return index_values(lake, name, first, inputs.until)
