"""The history by one process, by several, and on Dask workers: equal first, then how long.

Example: python -m tests.benchmarks.cluster --folder data --workers 2

Wall seconds of the whole command are no measure here: each history is timed from its first block to
the output, with the processes started in that time, and the cluster before it. What is divided is
the time of one process, which has as many threads as there are processors.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final

import typer

from pipelines import console
from pipelines.bars import silent
from pipelines.lake import Lake
from pipelines.ranking import Every, first_days
from pipelines.sweep import Driver, here, on_cluster, spawned, write_history
from pipelines.sweep.dask import connected
from pipelines.sweep.task import Task
from pipelines.terminal_table import Table
from pipelines.universe import SWEDEN
from tests.benchmarks.rankings import Folder, market
from tests.processes import children

EMPTY: Final = 1_000
"""Tasks that do nothing."""


@dataclass(frozen=True)
class Measured:
    """A history, by whom it was computed, and what it took."""

    every: Every
    by: str
    seconds: float
    peak_mb: float
    blocks: int
    digest: str


def digest(folder: Path) -> str:
    """One hash of all files and their names."""
    found = sha256()
    for path in sorted(folder.rglob("*.parquet")):
        found.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return found.hexdigest()[:16]


def measure(lake: Lake, dates: Sequence[date], every: Every, by: str, driver: Driver) -> Measured:
    """Write a history to a folder for a short time."""
    with TemporaryDirectory(prefix="stockrank-bench-") as folder:
        started = time.monotonic()
        done = write_history(
            lake, Path(folder) / "out", dates=dates, universe=SWEDEN, progress=silent, driver=driver
        )
        seconds = time.monotonic() - started
        peak = max(done.peaks.values())
        return Measured(every, by, seconds, peak, done.blocks, digest(Path(folder) / "out"))


def killing(driver: Driver, workers: Callable[[], Sequence[int]]) -> Driver:
    """The same driver, of which a worker is killed at a third."""

    def acting(tasks: Sequence[Task]) -> Generator[object]:
        for number, result in enumerate(driver(tasks)):
            yield result
            if number == len(tasks) // 3:
                os.kill(workers()[-1], signal.SIGKILL)

    return acting


@contextmanager
def cluster(workers: int) -> Iterator[tuple[str, Callable[[], list[int]]]]:
    """A scheduler and workers, as its command starts them: the address, and the processes."""
    command = [sys.executable, "-m", "pipelines.cluster", "--port", "0", "--workers", str(workers)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            told = process.stdout.readline() if process.stdout else ""
            yield told.split(" at ")[1].split(";")[0], lambda: children(process.pid)
        finally:
            process.send_signal(signal.SIGTERM)


def of_nothing(address: str) -> float:
    """The milliseconds of each of many tasks that do nothing."""
    with connected(address) as client:
        started = time.monotonic()
        client.gather(client.map(abs, range(EMPTY), pure=False))
        return (time.monotonic() - started) / EMPTY * 1e3


def table(results: Sequence[Measured]) -> Table:
    """Each history beside that of one process."""
    one = {result.every: result for result in results if result.by == "one process"}
    rows = [
        (r.every.value, r.by, f"{r.blocks}", f"{r.seconds:.1f}",
         f"{r.seconds / one[r.every].seconds:.2f}", f"{r.peak_mb:.0f}",
         "equal" if r.digest == one[r.every].digest else "DIFFERENT")
        for r in results
    ]  # fmt: skip
    columns = ("every", "by", "blocks", "seconds", "ratio", "largest, MB", "digest")
    return Table("History of the rankings", columns, rows)


def main(
    *,
    folder: Folder = Path("data"),
    workers: Annotated[int, typer.Option(min=1, help="Processes, and workers.")] = 2,
    since: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"])] = datetime(1990, 1, 1),
    every: Annotated[list[Every] | None, typer.Option(help="Which histories.")] = None,
) -> None:
    """Measure the history by one process, by several, and on a Dask cluster.

    Example: python -m tests.benchmarks.cluster --folder data --workers 2
    """
    results = list[Measured]()
    with market(1, folder) as task, cluster(workers) as (address, pids):
        opened = Lake(task.lake)
        for one in every or [Every.WEEK, Every.DAY]:
            dates = first_days(opened, since=since.date(), every=one)
            on_dask = on_cluster(address)
            for by, driver in {
                "one process": here(opened),
                f"{workers} processes": spawned(workers),
                f"{workers} Dask workers": on_dask,
                "one of them killed": killing(on_dask, pids),
            }.items():
                results.append(measure(opened, dates, one, by, driver))
                sys.stderr.write(f"{results[-1]}\n")
        empty = of_nothing(address)
    console.show(table(results))
    console.write(f"{EMPTY:,} tasks that do nothing: {empty:.2f} ms each")


if __name__ == "__main__":
    console.run(main)
