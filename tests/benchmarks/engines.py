"""The engine alone, against `bt` and `vectorbt`: the same weights, the same prices, no costs.

Example: python -m tests.benchmarks.engines --folder data --bt oracles/bin/python \
    --vectorbt vector/bin/python

The job: the four strategies, ten stocks each in equal parts, on the first trading day of each month
since 1990, each in a portfolio of its own, from prices and weights in memory to values by day. The
prices are without holes, for the others know no waiting and no delisting. The values of all are
compared first, to a part in a thousand million. The time is that of the processor, for each loop is
of one thread. Each library has a Python of its own, with pyarrow.
"""

import json
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final

import numpy as np
import polars as pl
import typer

from pipelines import console
from pipelines.lake import Lake
from pipelines.ranking import STRATEGIES
from pipelines.research import Rules
from pipelines.research.market import Market
from pipelines.research.payments import Dividends
from pipelines.research.portfolio import Portfolio, walk
from pipelines.research.rules import Fill
from pipelines.research.scales import Scales
from pipelines.research.signals import Signals
from tests.benchmarks import rankings
from tests.benchmarks.rankings import market
from tests.benchmarks.research import MONTHS, monthly_prices, monthly_ranks

CAPITAL: Final = 100_000.0
SIZE: Final = 10
RUNS: Final = 3
READ: Final = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import pandas as pd
def read(path):
    frame = pd.read_parquet(path).set_index("date")
    frame.index = pd.DatetimeIndex(frame.index)
    return frame
prices = read(sys.argv[1])
weights = [read(path) for path in sys.argv[2:]]
"""
BT: Final = """
import bt
def values(one):
    algos = [bt.algos.WeighTarget(one), bt.algos.Rebalance()]
    test = bt.Backtest(bt.Strategy("s", algos), prices, initial_capital=100_000.0,
                       integer_positions=False, progress_bar=False)
    bt.run(test)
    return test.strategy.values[prices.index]
runs = 1
"""
VECTORBT: Final = """
import vectorbt as vbt
def values(one):
    sizes = one.reindex(prices.index)
    return vbt.Portfolio.from_orders(
        prices, size=sizes, size_type="targetpercent", group_by=True, cash_sharing=True,
        call_seq="auto", init_cash=100_000.0, freq="1D",
    ).value()
runs = 3
"""
TIME: Final = """
seconds = []
for _ in range(runs):  # the first of several compiles
    began = time.process_time()
    found = [values(one) for one in weights]
    seconds.append(time.process_time() - began)
print(json.dumps({"seconds": min(seconds), "values": [one.to_list() for one in found]}))
"""


def without_holes(real: Market) -> Market:
    """The market with a close of each stock on each day; its first one stands before it."""
    tickers = list(real.tickers)
    filled = pl.DataFrame(real.value, schema=tickers).fill_nan(None)
    value = filled.fill_null(strategy="forward").fill_null(strategy="backward").to_numpy().copy()
    nothing = np.empty((len(value), 0))
    return Market(
        days=real.days, tickers=real.tickers, value=value, fill=value,
        can_buy=np.ones(value.shape, dtype=np.bool_),
        scales=Scales(np.full(len(tickers), -1), nothing, ()),
        dividends=Dividends.none(are_known=False),
        delistings=np.empty((0, 2), dtype=np.int64), fill_at=Fill.NEXT_CLOSE,
    )  # fmt: skip


def weights_of(name: str, signals: Signals, prices: Market) -> pl.DataFrame:
    """The weights of a strategy on the days after its signals; none where nothing is ranked."""
    weights = np.zeros((len(signals.days), len(prices.tickers)))
    for n in range(len(weights)):
        best = signals.ranking(name, n).stocks[:SIZE]
        weights[n, best] = 1 / max(1, len(best))
    after = np.searchsorted(prices.days, signals.days, side="right")
    inside = after < len(prices.days)
    days = pl.Series("date", prices.days[after[inside]], dtype=pl.Date)
    return pl.DataFrame(weights[inside], schema=list(prices.tickers)).insert_column(0, days)


def theirs(python: Path, script: str, paths: list[str]) -> tuple[float, np.ndarray]:
    """The seconds of another engine, and its values: a row a strategy."""
    command = [str(python), "-c", READ + script + TIME, *paths]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    return told["seconds"], np.array(told["values"])


def main(
    *,
    folder: rankings.Folder = Path("data"),
    bt: Annotated[Path | None, typer.Option(help="A Python that has bt.")] = None,
    vectorbt: Annotated[Path | None, typer.Option(help="A Python that has vectorbt.")] = None,
) -> None:
    """Measure the engine against others.

    Example: python -m tests.benchmarks.engines --bt oracles/bin/python
    """
    names = list(STRATEGIES)
    with market(1, folder) as task, TemporaryDirectory() as scratch:
        lake = Lake(task.lake)
        found = monthly_prices(lake, monthly_ranks(lake), names)
        prices = without_holes(found.market)
        rules = Rules(size=SIZE, buy_rank=SIZE, sell_rank=SIZE, cost_bps=0.0, capital=CAPITAL)
        made = [Portfolio(name=n, strategy=n, months=MONTHS, rules=rules) for n in names]
        seconds = []
        for _ in range(RUNS):
            began = time.process_time()
            ours = walk(prices, found.signals, made).nav.T
            seconds.append(time.process_time() - began)
        days = pl.Series("date", prices.days, dtype=pl.Date)
        table = pl.DataFrame(prices.value, schema=list(prices.tickers)).insert_column(0, days)
        paths = [f"{scratch}/prices.parquet"]
        table.write_parquet(paths[0])
        for name in names:
            paths.append(f"{scratch}/{name}.parquet")
            weights_of(name, found.signals, prices).write_parquet(paths[-1])
        lines = ["| four strategies, 36 years, monthly, engine alone | CPU seconds | times ours |",
                 "|---|---:|---:|", f"| StockRank | {min(seconds):.2f} | 1 |"]  # fmt: skip
        for title, python, script in (("bt", bt, BT), ("vectorbt", vectorbt, VECTORBT)):
            if python is not None:
                took, values = theirs(python, script, paths)
                apart = float(np.abs(values / ours - 1).max())
                assert apart < 1e-9, f"{title} differs by {apart:g}"
                lines.append(f"| {title} | {took:.2f} | {took / min(seconds):.0f} |")
    console.write_data("\n".join(lines))


if __name__ == "__main__":
    console.run(main)
