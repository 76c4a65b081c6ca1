"""The four rankings: ours against other ways to the same answer, each in fresh processes.

Example: python -m tests.benchmarks.rankings --sizes 1,10 --runs 5

The time is that from data at rest to ranks in memory, without the imports; the whole process is
beside it. Memory is the `VmHWM` of each process, and beside it what the process held after its
imports. A first round, which is not measured, compares the answers: where one differs, its row is
void. The other rounds alternate. Files and database are in the page cache.
"""

import json
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final

import polars as pl
import typer

from pipelines import console
from pipelines.lake.version import Lake
from pipelines.ranking.eligible import market_cap_floor
from pipelines.universe import JUMP_THRESHOLD, SWEDEN
from tests.benchmarks import replicas
from tests.benchmarks.contenders.task import COLUMNS, Task

STOCKS: Final = 730
"""Of the demo market, which is the size 1."""
TOLERANCE: Final = 1e-6
JUMPS: Final = """
SELECT ticker, date, close / before FROM (
    SELECT ticker, date, close, lag(close) OVER (PARTITION BY ticker ORDER BY date) AS before
    FROM daily_prices WHERE close > 0
) WHERE max(close / before, before / close) >= :threshold
"""
OURS, FLOOR = "ours", "pyarrow_read"


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A way to the rankings, the greatest size that it is put to, and in how many rounds."""

    title: str
    largest: float = float("inf")
    rounds: float = float("inf")


Contenders = Mapping[str, Contender]

# Beyond size 10 there are Parquet files only; the whole history as objects would need 30 GB there.
CONTENDERS: Final = {
    OURS: Contender(title="StockRank, from Parquet"),
    FLOOR: Contender(title="pyarrow, bare read of the columns"),
    "duckdb_parquet": Contender(title="DuckDB, from Parquet"),
    "pandas_parquet": Contender(title="pandas, from Parquet"),
    "pandas_sql": Contender(title="good pandas, from SQLite", largest=10),
    "original": Contender(title="the original's way, last 400 days", largest=10),
    "original_whole": Contender(title="the original's way, all prices", largest=1, rounds=3),
}


@dataclass(frozen=True)
class Run:
    """What one process took."""

    seconds: float
    cpu_seconds: float
    process_seconds: float
    peak_mb: float
    idle_mb: float
    late: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """The runs of a contender at a size; `void` tells in what its answer differs."""

    name: str
    size: int
    runs: list[Run] = field(default_factory=list)
    void: str = ""

    def median(self, what: str) -> float:
        """The median of a number of the runs."""
        return statistics.median(getattr(run, what) for run in self.runs)


# ---------------------------------------------------------------------------------- measuring


def run(name: str, task: Task, answer: Path | None = None) -> Run:
    """A contender in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.contenders.child", name, task.as_json()]
    start = time.perf_counter()
    done = subprocess.run(
        command + ([str(answer)] if answer else []), capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - start
    assert done.returncode == 0, f"{name}: {done.stderr}"
    told = json.loads(done.stdout)
    return Run(process_seconds=seconds, late=tuple(told.pop("late")), **told)


def answer_of(name: str, task: Task, folder: Path) -> tuple[Run, pl.DataFrame | None]:
    """A run that is not measured, and its answer; None of the floor, which has none."""
    path = folder / f"{name}.parquet"
    ran = run(name, task, path)
    return ran, pl.read_parquet(path) if path.exists() else None


def difference(ours: pl.DataFrame, theirs: pl.DataFrame) -> str:
    """In what two answers differ, of the stock that comes first; an empty text for nothing."""
    keys = ["strategy", "ticker"]
    both = comparable(ours).join(
        comparable(theirs), on=keys, how="full", coalesce=True, nulls_equal=True, suffix="_theirs"
    )
    if len({ours.height, theirs.height, both.height}) > 1:
        return f"{theirs.height} rows for {ours.height}"
    for column in COLUMNS[2:]:
        a, b = pl.col(column), pl.col(f"{column}_theirs")
        same = a.eq_missing(b)
        if both.schema[column] == pl.Float64:
            same |= (a - b).abs() <= TOLERANCE
        wrong = both.filter(~same.fill_null(value=False)).sort(keys)
        if wrong.height:
            strategy, ticker, mine, other = wrong.select(*keys, a, b).row(0)
            return f"{column} of {ticker} in {strategy} is {other}, not {mine}"
    return ""


def comparable(answer: pl.DataFrame) -> pl.DataFrame:
    """The columns of an answer in the types of ours."""
    numbers = {"rank": pl.Int64, "primary_rank": pl.Int64, "f_score": pl.Int64}
    floats = {"score": pl.Float64, "composite": pl.Float64}
    texts = dict.fromkeys(("strategy", "ticker", "excluded_by"), pl.String)
    return answer.select(COLUMNS).cast(numbers | floats | texts)


def measure(task: Task, *, size: int, runs: int) -> list[Result]:
    """The results of all contenders of a size."""
    names = [name for name, c in CONTENDERS.items() if size <= c.largest]
    with TemporaryDirectory(prefix="stockrank-bench-") as folder:
        answers = {name: answer_of(name, task, Path(folder))[1] for name in names}
    ours = answers[OURS]
    assert ours is not None
    assert ours["rank"].drop_nulls().len()
    results = [
        Result(name, size, void="" if theirs is None else difference(ours, theirs))
        for name, theirs in answers.items()
    ]
    for number in range(runs):
        for result in results:
            if not result.void and number < CONTENDERS[result.name].rounds:
                result.runs.append(run(result.name, task))
    return results


# ------------------------------------------------------------------------------------ markets


@contextmanager
def market(size: int, folder: Path) -> Iterator[Task]:
    """The demo market so many times as large, exported for as long as the block.

    Databases are kept in the folder. They are without jumps, of which the other ways know nothing.
    Beyond size 10 there is none: the files are copies of those of size 1 under other tickers.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="stockrank-bench-", dir=folder) as temporary:
        lake = Path(temporary) / "lake"
        source = _database(size if size <= 10 else 1, folder)
        words = ("--source", str(source), "--lake", str(lake), "--no-backtests")
        _command("pipelines.export", *words)
        if size > 10:
            replicas.multiply(Lake(lake), Path(temporary) / "copies", size)
            lake = Path(temporary) / "copies"
        yield task_of(source, lake)


def task_of(source: Path, lake: Path) -> Task:
    """The task of a database and the lake that it was exported to."""
    as_of = Lake(lake).as_of
    floor = pl.select(market_cap_floor(SWEDEN, pl.lit(as_of))).item()
    return Task(source=source, lake=lake, as_of=as_of, markets=SWEDEN.markets, floor=floor)


def _database(size: int, folder: Path) -> Path:
    path = folder / ("calm.db" if size == 1 else f"calm{size}.db")
    if not path.exists():
        made = path.with_suffix(".new")
        _command(
            "pipelines.demo", "--no-plants", "--stocks", str(STOCKS * size), "--out", str(made)
        )
        with closing(sqlite3.connect(made)) as con, con:
            smooth(con)
        made.rename(path)
    return path


def smooth(con: sqlite3.Connection) -> None:
    """Bring the prices before each jump to the level of those after it."""
    jumps = con.execute(JUMPS, {"threshold": JUMP_THRESHOLD}).fetchall()
    for ticker, day, ratio in jumps:
        changed = ", ".join(
            f"{name} = {name} * :ratio" for name in ("open", "high", "low", "close")
        )
        con.execute(
            f"UPDATE daily_prices SET {changed} WHERE ticker = :ticker AND date < :day",
            {"ratio": ratio, "ticker": ticker, "day": day},
        )


def _command(*words: str) -> None:
    subprocess.run([sys.executable, "-m", *words], check=True, capture_output=True)


# ------------------------------------------------------------------------------------- report


def table(results: list[Result], contenders: Contenders = CONTENDERS) -> str:
    """The results of a size, as Markdown."""
    ours = results[0].median("seconds")
    columns = ("", "median s", "spread", "times ours", "CPU s", "whole process s", "peak MB",
               "idle MB")  # fmt: skip
    lines = [columns, (":---", *["---:"] * (len(columns) - 1))]
    lines += [(contenders[r.name].title, *_cells(r, ours)) for r in results]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _cells(result: Result, ours: float) -> tuple[str, ...]:
    if result.void:
        return ("void", result.void, *[""] * 5)
    times = [run.seconds for run in result.runs]
    middle = result.median("seconds")
    return (
        f"{middle:.3f}", f"{min(times):.3f} to {max(times):.3f}", f"{middle / ours:.1f}",
        f"{result.median('cpu_seconds'):.3f}", f"{result.median('process_seconds'):.2f}",
        f"{result.median('peak_mb'):.0f}", f"{result.median('idle_mb'):.0f}",
    )  # fmt: skip


def goals(results: list[Result], contenders: Contenders = CONTENDERS) -> str:
    """The ratios of the first to the others, as Markdown; each as the median of its rounds."""
    first, *others = [r for r in results if r.runs]
    lines = ["| ours against | ratio of times | ratio of peaks |", "|:---|---:|---:|"]
    for other in others:
        times, peaks = (_ratio(first, other, what) for what in ("seconds", "peak_mb"))
        lines.append(f"| {contenders[other.name].title} | {times:.3g} | {peaks:.2f} |")
    return "\n".join(lines) + "\n"


def _ratio(ours: Result, other: Result, what: str) -> float:
    pairs = zip(ours.runs, other.runs, strict=False)  # of the rounds that both were in
    return statistics.median(getattr(a, what) / getattr(b, what) for a, b in pairs)


def sizes_of(text: str) -> list[int]:
    """The sizes of an option: `1,10` → 1 and 10."""
    return [int(size) for size in text.split(",")]


def all_sizes(sizes: list[int], folder: Path, runs: int) -> dict[int, list[Result]]:
    """The results by size."""
    found: dict[int, list[Result]] = {}
    for size in sizes:
        with market(size, folder) as task:
            found[size] = measure(task, size=size, runs=runs)
    return found


Sizes = Annotated[str, typer.Option(help="Multiples of the demo market; 50 takes 5 GB of disk.")]
Folder = Annotated[Path, typer.Option(help="Where the databases are, or are made.")]
Runs = Annotated[int, typer.Option(min=1, help="Runs of each contender.")]


def main(
    *,
    sizes: Sizes = "1,10",
    folder: Folder = Path("data"),
    runs: Runs = 5,
    lake: Annotated[Path | None, typer.Option(help="Lake of the only size's database.")] = None,
) -> None:
    """Measure the rankings against other ways to the same answer.

    Example: python -m tests.benchmarks.rankings --sizes 1,10 --runs 5
    """
    if lake is not None:
        (size,) = sizes_of(sizes)
        task = task_of(_database(size, folder) if size <= 10 else lake, lake)
        found: Any = {size: measure(task, size=size, runs=runs)}
    else:
        found = all_sizes(sizes_of(sizes), folder, runs)
    for size, results in found.items():
        console.write_data(f"Size {size}\n\n{table(results)}\n{goals(results)}")


if __name__ == "__main__":
    console.run(main)
