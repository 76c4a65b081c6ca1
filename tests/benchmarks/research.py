"""Backtests of all months since 1990: the four strategies, and a thousand variants.

Example: python -m tests.benchmarks.research --folder data

Each in a fresh process, with all imports: from Parquet to tear sheets. `tests.benchmarks.engines`
compares the engine alone with others.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import typer

from pipelines import console
from pipelines.bars import silent
from pipelines.lake import Lake
from pipelines.ranking import STRATEGIES
from pipelines.research import Calendar, Inputs, Prices, Rules, backtests, report, simulate
from pipelines.research.portfolio import Portfolio
from pipelines.research.ranks import Ranks, ranks_of, signal_days
from pipelines.research.simulation import Simulation
from pipelines.runtime import peak_mb
from pipelines.universe import SWEDEN
from tests.benchmarks import rankings
from tests.benchmarks.contenders.task import FIRST_DATE
from tests.benchmarks.rankings import market

MONTHS: Final = tuple(range(1, 13))
VARIANTS: Final = 1000


def four(lake: Lake) -> list[tuple[str, float]]:
    """Seconds of the four strategies, from Parquet to a page of tear sheets."""
    began = time.perf_counter()
    inputs = Inputs(universe=SWEDEN, since=FIRST_DATE, until=lake.as_of, calendar=Calendar.MONTH)
    report(backtests(lake, list(STRATEGIES.values()), inputs, silent))
    return [("four strategies, tear sheets", time.perf_counter() - began)]


def engine(lake: Lake) -> list[tuple[str, float]]:
    """Seconds of the history of ranks, and of the portfolios beyond it."""
    began = time.perf_counter()
    ranks = monthly_ranks(lake)
    between = time.perf_counter()
    names = list(STRATEGIES)
    _portfolios(lake, ranks, [portfolio(name, name, Rules(sell_rank=20)) for name in names])
    ended = time.perf_counter()
    return [("its history of ranks", between - began), ("its portfolios", ended - between)]


def thousand(lake: Lake) -> list[tuple[str, float]]:
    """Seconds of variants of the four strategies."""
    began = time.perf_counter()
    made = variants(lambda size, last: Rules(size=size, buy_rank=size, sell_rank=last))
    _portfolios(lake, monthly_ranks(lake), made)
    return [(f"{VARIANTS:,} variants", time.perf_counter() - began)]


def variants(rules: Callable[[int, int], Rules]) -> list[Portfolio]:
    """Variants of the four strategies, by the rules of a size and a last rank."""
    names = list(STRATEGIES)
    return [
        portfolio(str(n), names[n % len(names)], rules(5 + n % 25, 5 + n % 25 + n // 25))
        for n in range(VARIANTS)
    ]


def monthly_ranks(lake: Lake) -> Ranks:
    days = signal_days(lake, FIRST_DATE, lake.as_of, MONTHS)
    return ranks_of(lake, days, SWEDEN, list(STRATEGIES.values()), silent)


def portfolio(name: str, strategy: str, rules: Rules) -> Portfolio:
    return Portfolio(name=name, strategy=strategy, months=MONTHS, rules=rules)


def monthly_prices(lake: Lake, ranks: Ranks, names: list[str]) -> Simulation:
    """The market and the signals of strategies, with portfolios by the rules of the house."""
    return _portfolios(lake, ranks, [portfolio(name, name, Rules()) for name in names])


def _portfolios(lake: Lake, ranks: Ranks, made: list[Portfolio]) -> Simulation:
    return simulate(lake, ranks, made, Prices(until=lake.as_of))


def main(
    *,
    folder: rankings.Folder = Path("data"),
    part: Annotated[str | None, typer.Option(hidden=True)] = None,
    lake: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Measure backtests of all months.

    Example: python -m tests.benchmarks.research --folder data
    """
    if part is not None and lake is not None:
        measured = {"four": four, "engine": engine, "thousand": thousand}[part](Lake(lake))
        console.write_data(json.dumps([(*one, peak_mb()) for one in measured]))
        return
    lines = ["| | seconds | peak MB |", "|---|---:|---:|"]
    with market(1, folder) as task:
        for name in ("four", "engine", "thousand"):
            words = ["--part", name, "--lake", str(task.lake)]
            done = subprocess.run(
                [sys.executable, "-m", "tests.benchmarks.research", *words],
                capture_output=True, check=True, env={**os.environ},
            )  # fmt: skip
            lines += [f"| {told} | {s:.2f} | {mb:.0f} |" for told, s, mb in json.loads(done.stdout)]
    console.write_data("\n".join(lines))


if __name__ == "__main__":
    console.run(main)
