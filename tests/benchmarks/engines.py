"""The engine alone, against `bt` and `vectorbt`: the same weights, the same prices, no costs.

Example: python -m tests.benchmarks.engines --folder data

The first job: the four strategies, ten stocks each in equal parts, on the first trading day of
each month since 1990, each in a portfolio of its own. The second: a thousand variants of them, of 5
to 29 stocks and bands of 0 to 39 ranks; the others do four of these, and what counts is the time of
one.

Ours goes from ranks to values by day, and writes a ledger; theirs from the weights of each
rebalance to values by day. The prices are without holes, for the others know no waiting and no
delisting. The values of all are compared first, to a part in a thousand million. The time is that
of the processor, for each loop is of one thread; the shortest of three runs counts, but bt's is its
only one. Each library is installed beside the data, in a Python of its own. The loop of the old
system is not among them, for its code is not at hand.
"""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

import numpy as np
import polars as pl

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
from pipelines.research.simulation import TOGETHER
from tests.benchmarks import rankings
from tests.benchmarks.rankings import market
from tests.benchmarks.research import monthly_prices, monthly_ranks, portfolio, variants

CAPITAL: Final = 100_000.0
RUNS: Final = 3
SAMPLE: Final = 4
"""Of the variants those that another engine does."""
ACCURACY: Final = 1e-9
READ: Final = """
import json, sys, time, warnings
from importlib.metadata import version
warnings.simplefilter("ignore")
import pandas as pd
def read(path):
    frame = pd.read_parquet(path).set_index("date")
    frame.index = pd.DatetimeIndex(frame.index)
    return frame
prices = read(sys.argv[2])
weights = [read(path) for path in sys.argv[3:]]
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
print(json.dumps({"version": version(sys.argv[1]), "seconds": min(seconds),
                  "values": [one.to_list() for one in found]}))
"""
ENGINES: Final = {"bt": BT, "vectorbt": VECTORBT}


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


def weights_of(one: Portfolio, signals: Signals, prices: Market) -> pl.DataFrame:
    """The weights of a portfolio on the days after its signals; none where nothing is ranked."""
    weights, held = np.zeros((len(signals.days), len(prices.tickers))), list[int]()
    for n in range(len(weights)):
        held = chosen(
            held, *(each.tolist() for each in signals.ranking(one.strategy, n)), one.rules
        )
        weights[n, held] = 1 / max(1, len(held))
    after = np.searchsorted(prices.days, signals.days, side="right")
    inside = after < len(prices.days)
    days = pl.Series("date", prices.days[after[inside]], dtype=pl.Date)
    return pl.DataFrame(weights[inside], schema=list(prices.tickers)).insert_column(0, days)


def chosen(held: list[int], stocks: list[int], ranks: list[int], rules: Rules) -> list[int]:
    """The stocks of a portfolio after a signal: the best that are held, then the best others."""
    near = [s for s, rank in zip(stocks, ranks, strict=True) if rank <= rules.sell_rank]
    kept = [stock for stock in near if stock in held][: rules.size]
    new = [
        stock for stock, rank in zip(stocks, ranks, strict=True)
        if rank <= rules.buy_rank and stock not in held
    ]  # fmt: skip
    return kept + new[: rules.size - len(kept)]


# ------------------------------------------------------------------------------ the engines


class Took(NamedTuple):
    """The seconds of an engine, and its values: a row a portfolio."""

    title: str
    seconds: float
    values: np.ndarray


def ours(prices: Market, signals: Signals, made: Sequence[Portfolio]) -> Took:
    """Walk all portfolios; the shortest time counts."""
    seconds = []
    groups = [made[n : n + TOGETHER] for n in range(0, len(made), TOGETHER)]
    for _ in range(RUNS):
        began = time.process_time()
        navs = [walk(prices, signals, few).nav for few in groups]
        seconds.append(time.process_time() - began)
    return Took("StockRank", min(seconds), np.concatenate(navs, axis=1).T)


def theirs(library: str, python: Path, paths: list[str]) -> Took:
    """Let another engine follow weights."""
    command = [str(python), "-c", READ + ENGINES[library] + TIME, library, *paths]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    return Took(f"{library} {told['version']}", told["seconds"], np.array(told["values"]))


def python_of(library: str, folder: Path) -> Path:
    """A Python with a library and pyarrow, made in a folder unless it is there."""
    home = (folder / "engines" / library).absolute()
    python = home / "bin" / "python"
    if not (home / "ready").exists():
        for words in ([sys.executable, "-m", "venv", str(home)],
                      [str(python), "-m", "pip", "install", "-q", library, "pyarrow"]):  # fmt: skip
            subprocess.run(words, capture_output=True, check=True)
        (home / "ready").touch()
    return python


# ----------------------------------------------------------------------------------- a job


def compared(
    title: str, prices: Market, signals: Signals, made: Sequence[Portfolio], folder: Path
) -> list[str]:
    """The lines of a table: what one portfolio takes with each engine; a sample with the others."""
    mine = ours(prices, signals, made)
    each = mine.seconds / len(made)
    sample = range(0, len(made), max(1, len(made) // SAMPLE))
    lines = [f"| {title} | portfolios | CPU seconds | of one | times ours |",
             "|:---|---:|---:|---:|---:|",
             f"| StockRank | {len(made):,} | {mine.seconds:.2f} | {each:.4f} | 1 |"]  # fmt: skip
    with TemporaryDirectory() as scratch:
        paths = written(scratch, prices, signals, [made[n] for n in sample])
        for library in ENGINES:
            try:
                took = theirs(library, python_of(library, folder), paths)
            except subprocess.CalledProcessError as error:
                last = (error.stderr.decode().strip().splitlines() or ["no reason told"])[-1]
                lines.append(f"| {library} | not installed: {last} | | | |")
                continue
            apart = float(np.abs(took.values / mine.values[list(sample)] - 1).max())
            assert apart < ACCURACY, f"{took.title} differs by {apart:g}"
            one = took.seconds / len(sample)
            lines.append(f"| {took.title} | {len(sample)} | {took.seconds:.2f} | {one:.4f} | "
                         f"{one / each:.0f} |")  # fmt: skip
    return [*lines, ""]


def written(scratch: str, prices: Market, signals: Signals, made: Sequence[Portfolio]) -> list[str]:
    """The files of the prices, and of the weights of portfolios."""
    days = pl.Series("date", prices.days, dtype=pl.Date)
    table = pl.DataFrame(prices.value, schema=list(prices.tickers)).insert_column(0, days)
    frames = {"prices": table} | {one.name: weights_of(one, signals, prices) for one in made}
    for name, frame in frames.items():
        frame.write_parquet(f"{scratch}/{name}.parquet")
    return [f"{scratch}/{name}.parquet" for name in frames]


def free(size: int, sell_rank: int) -> Rules:
    return Rules(size=size, buy_rank=size, sell_rank=sell_rank, cost_bps=0.0, capital=CAPITAL)


def main(*, folder: rankings.Folder = Path("data")) -> None:
    """Measure the engine against others.

    Example: python -m tests.benchmarks.engines --folder data
    """
    names = list(STRATEGIES)
    with market(1, folder) as task:
        lake = Lake(task.lake)
        found = monthly_prices(lake, monthly_ranks(lake), names)
    prices = without_holes(found.market)
    jobs = {
        "four strategies, 36 years, monthly": [portfolio(n, n, free(10, 10)) for n in names],
        "1,000 variants, 36 years, monthly": variants(free),
    }
    for title, made in jobs.items():
        console.write_data("\n".join(compared(title, prices, found.signals, made, folder)))


if __name__ == "__main__":
    console.run(main)
