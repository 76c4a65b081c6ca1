"""Backtests of all months since 1990: the four strategies, a thousand variants, and `bt`.

Example: python -m tests.benchmarks.research --folder data --bt oracles/bin/python

Each in a fresh process, with all imports. `bt` gets the prices and the weights of one strategy as
it needs them, and only its own loop is timed; its values on the same weights are compared in
`tests/unit/research/test_against_bt.py`.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final

import numpy as np
import polars as pl
import typer

from pipelines import console
from pipelines.bars import silent
from pipelines.lake import Lake
from pipelines.ranking import STRATEGIES
from pipelines.research import Calendar, Inputs, Prices, Rules, backtests, report, simulate
from pipelines.research.portfolio import Portfolio
from pipelines.research.ranks import Ranks, ranks_of, signal_days
from pipelines.runtime import peak_mb
from pipelines.universe import SWEDEN
from tests.benchmarks import rankings
from tests.benchmarks.contenders.task import FIRST_DATE
from tests.benchmarks.rankings import market

MONTHS: Final = tuple(range(1, 13))
VARIANTS: Final = 1000
BT: Final = """
import sys, time, warnings
warnings.simplefilter("ignore")
import bt, pandas as pd
prices = pd.read_parquet(sys.argv[1]).set_index("date")
prices.index = pd.DatetimeIndex(prices.index)
weights = pd.read_parquet(sys.argv[2]).set_index("date")
weights.index = pd.DatetimeIndex(weights.index)
algos = [bt.algos.WeighTarget(weights), bt.algos.Rebalance()]
test = bt.Backtest(bt.Strategy("s", algos), prices, integer_positions=False, progress_bar=False,
                   commissions=lambda q, p: abs(q) * p * 25 / 1e4)
began = time.perf_counter()
bt.run(test)
print(time.perf_counter() - began)
"""


def four(lake: Lake) -> list[tuple[str, float]]:
    """Seconds of the four strategies, from Parquet to a page of tear sheets."""
    began = time.perf_counter()
    inputs = Inputs(universe=SWEDEN, since=FIRST_DATE, until=lake.as_of, calendar=Calendar.MONTH)
    report(backtests(lake, list(STRATEGIES.values()), inputs, silent))
    return [("four strategies, tear sheets", time.perf_counter() - began)]


def engine(lake: Lake) -> list[tuple[str, float]]:
    """Seconds of the history of ranks, and of the portfolios beyond it."""
    began = time.perf_counter()
    ranks = _ranks(lake)
    between = time.perf_counter()
    names = list(STRATEGIES)
    _portfolios(lake, ranks, [_portfolio(name, name, Rules(sell_rank=20)) for name in names])
    ended = time.perf_counter()
    return [("its history of ranks", between - began), ("its portfolios", ended - between)]


def thousand(lake: Lake) -> list[tuple[str, float]]:
    """Seconds of variants of the four strategies."""
    began, names = time.perf_counter(), list(STRATEGIES)
    made = []
    for n in range(VARIANTS):
        size = 5 + n % 25
        rules = Rules(size=size, buy_rank=size, sell_rank=size + n // 25)
        made.append(_portfolio(str(n), names[n % len(names)], rules))
    _portfolios(lake, _ranks(lake), made)
    return [(f"{VARIANTS:,} variants", time.perf_counter() - began)]


def _ranks(lake: Lake) -> Ranks:
    days = signal_days(lake, FIRST_DATE, lake.as_of, MONTHS)
    return ranks_of(lake, days, SWEDEN, list(STRATEGIES.values()), silent)


def _portfolio(name: str, strategy: str, rules: Rules) -> Portfolio:
    return Portfolio(name=name, strategy=strategy, months=MONTHS, rules=rules)


def _portfolios(lake: Lake, ranks: Ranks, made: list[Portfolio]) -> Any:
    return simulate(lake, ranks, made, Prices(until=lake.as_of))


def seconds_of_bt(python: Path, lake: Lake) -> float:
    """Seconds of the loop of `bt` for the first strategy alone, without waiting and delistings."""
    name = next(iter(STRATEGIES))
    found = _portfolios(lake, _ranks(lake), [_portfolio(name, name, Rules())])
    days, tickers = found.market.days, list(found.market.tickers)
    known = (
        pl.DataFrame(found.market.value, schema=tickers)
        .fill_nan(None)
        .fill_null(strategy="backward")
    )
    weights = np.zeros((len(found.signals.days), len(tickers)))
    for n in range(len(weights)):
        best = found.signals.ranking(name, n).stocks[:10]
        weights[n, best] = 1 / max(1, len(best))
    after = np.searchsorted(days, found.signals.days, side="right")
    inside = after < len(days)
    with TemporaryDirectory() as folder:
        paths = [f"{folder}/prices.parquet", f"{folder}/weights.parquet"]
        for path, frame, dates in (
            (paths[0], known, days),
            (paths[1], pl.DataFrame(weights[inside], schema=tickers), days[after[inside]]),
        ):
            frame.insert_column(0, pl.Series("date", dates, dtype=pl.Date)).write_parquet(path)
        done = subprocess.run([python, "-c", BT, *paths], capture_output=True, check=True)
    return float(done.stdout)


def main(
    *,
    folder: rankings.Folder = Path("data"),
    bt: Annotated[Path | None, typer.Option(help="A Python that has bt.")] = None,
    part: Annotated[str | None, typer.Option(hidden=True)] = None,
    lake: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Measure backtests of all months.

    Example: python -m tests.benchmarks.research --folder data --bt oracles/bin/python
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
        if bt is not None:
            lines.append(f"| bt, one strategy | {seconds_of_bt(bt, Lake(task.lake)):.2f} | |")
    console.write_data("\n".join(lines))


if __name__ == "__main__":
    console.run(main)
