"""A full refresh, one with nothing changed, one of a new day, a rollback, and a bare read.

Example: python -m tests.benchmarks.refresh --source data/calm.db --large data/calm10.db

Each is a process of its own, measured from its start to its end; its memory is the peak that the
kernel counted. A library that only a contender needs is hidden from it. The databases are copied
first, for their last day is taken out and added again. What a refresh of one new day published is
compared with a full refresh before anything is shown.
The floor of a full refresh is connectorx reading the same tables, of which nothing is kept:
`tests.benchmarks.bare_read`.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Annotated

import typer

from pipelines import console
from pipelines.lake import OBSERVED, Lake
from pipelines.settings import Settings
from pipelines.source.copying import copy

RUNS = 3
BARE, FULL, UNCHANGED, DAY = "bare read", "full", "unchanged", "one new day"
ROLLBACK = "rollback"
ASKED = {
    FULL: ("2.2 bare reads", "2.2 bare reads"),
    UNCHANGED: ("30 % of full", "15 % of full"),
    DAY: ("60 % of full", "50 % of full"),
    ROLLBACK: ("below 1 s", "below 1 s"),
}
"""What each may take at most: of the small database, and of the large one."""
PEAK_MAY_GROW = 1.3


@dataclass(frozen=True)
class Took:
    """Time and peak memory of one process."""

    seconds: float
    cpu: float
    peak_mb: float


@dataclass
class Figures:
    """What all processes of one database took."""

    name: str
    prices: int = 0
    took: dict[str, list[Took]] = field(default_factory=dict)

    def add(self, what: str, took: Took) -> None:
        self.took.setdefault(what, []).append(took)

    def seconds(self, what: str) -> float:
        return median(took.seconds for took in self.took[what])

    def peak(self, what: str) -> float:
        return median(took.peak_mb for took in self.took[what])


def process(*command: str) -> Took:
    """Run a command of the package; whatever it has to say is only shown if it fails."""
    hidden = os.environ | {"PYTHONPATH": str(Path(__file__).with_name("uninstalled"))}
    start = time.perf_counter()
    with TemporaryFile() as said:
        child = subprocess.Popen(
            [sys.executable, "-m", *command], stdout=said, stderr=said, env=hidden
        )
        # Its peak is at least this process's size, which is a third of a refresh's.
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            said.seek(0)
            raise SystemExit(said.read().decode())
    unit = 1 if sys.platform == "darwin" else 1024
    cpu = usage.ru_utime + usage.ru_stime
    return Took(seconds, cpu, usage.ru_maxrss * unit / 1e6)


# ----------------------------------------------------------------------------------- the day


def newest_day(database: Path) -> date:
    with closing(sqlite3.connect(database)) as con:
        return date.fromisoformat(con.execute("SELECT max(date) FROM daily_prices").fetchone()[0])


def add_day(database: Path, day: date) -> None:
    """Give every stock with a price on the newest day one on `day`, a hundredth higher."""
    with closing(sqlite3.connect(database)) as con, con:
        con.execute(
            "INSERT INTO daily_prices (ticker, date, open, high, low, close, volume) SELECT ticker,"
            " ?, open * 1.01, high * 1.01, low * 1.01, close * 1.01, volume FROM daily_prices"
            " WHERE date = ?",
            (f"{day}", f"{newest_day(database)}"),
        )


def remove_day(database: Path, day: date) -> None:
    with closing(sqlite3.connect(database)) as con, con:
        con.execute("DELETE FROM daily_prices WHERE date = ?", (f"{day}",))


# --------------------------------------------------------------------------------- measuring


def measure(database: Path, folder: Path, runs: int) -> Figures:
    """Refresh a lake from nothing, again, and with a new day, then roll it back; `runs` times."""
    figures, market, lake = Figures(database.name), folder / "app.db", folder / "lake"
    copy(database, market)
    # The last day that is there: one after it might be rejected, as dated after tomorrow.
    day = newest_day(market)
    remove_day(market, day)
    export = ("pipelines.export", "--source", str(market), "--no-backtests", "--lake")
    for run in range(runs):
        figures.add(FULL, process(*export, str(lake)))
        datasets = Lake(lake).datasets
        figures.prices = datasets["prices"].rows
        rows = sum(entry.rows_in or 0 for entry in datasets.values())
        figures.add(BARE, process("tests.benchmarks.bare_read", str(market), str(rows)))
        figures.add(UNCHANGED, process(*export, str(lake)))
        add_day(market, day)
        figures.add(DAY, process(*export, str(lake)))
        if run == 0:
            process(*export, str(folder / "whole"))
            compare(Lake(lake), Lake(folder / "whole"), day)
        figures.add(ROLLBACK, process("pipelines.versions", "rollback", "--lake", str(lake)))
        remove_day(market, day)
        shutil.rmtree(lake)
    return figures


def compare(incremental: Lake, whole: Lake, day: date) -> None:
    """End here unless both hold the new day, and every file of one has the bytes of the other.

    But for what a lake has seen itself, which depends on the days on which it looked.
    """
    if incremental.as_of != day:
        raise SystemExit(f"the new day {day} is not there: {incremental.as_of}")
    ours, theirs = (v.datasets for v in (incremental, whole))
    names = (ours.keys() | theirs.keys()) - {f"observed_{name}" for name in OBSERVED}
    odd = sorted(name for name in names if ours.get(name) != theirs.get(name))
    if odd:
        raise SystemExit(f"a refresh of one new day is not like a full one in {', '.join(odd)}")
    if not any(path.stat().st_nlink > 1 for path in incremental.path.rglob("*.parquet")):
        raise SystemExit("a refresh of one new day took no file from the version before")


# --------------------------------------------------------------------------------- reporting


def table(figures: Figures, *, large: bool) -> console.Table:
    def row(what: str) -> tuple[str, ...]:
        times_bare, of_full = (figures.seconds(what) / figures.seconds(of) for of in (BARE, FULL))
        asked = ASKED[what][large] if what in ASKED else ""
        times = [took.seconds for took in figures.took[what]]
        spread = f"{min(times):.2f} to {max(times):.2f}"
        return (what, f"{figures.seconds(what):.2f}", spread, f"{times_bare:.2f}", f"{of_full:.1%}",
                asked, f"{figures.peak(what):.0f}")  # fmt: skip

    title = f"{figures.name}: {figures.prices:,} prices, medians of {len(figures.took[FULL])} runs"
    columns = ("process", "seconds", "spread", "bare reads", "of full", "asked", "peak MB")
    return console.Table(title, columns, [row(what) for what in figures.took])


def growth(small: Figures, large: Figures) -> console.Table:
    """How much more the large database takes than the small one."""
    rows = large.prices / small.prices

    def row(what: str, of: Callable[[Figures], float], asked: float) -> tuple[str, ...]:
        a, b = of(small), of(large)
        return (what, f"{a:,.2f}", f"{b:,.2f}", f"{b / a:.2f}", f"{asked:.2f}")

    times = [row(f"{what}, seconds", lambda f, w=what: f.seconds(w), rows) for what in (FULL, DAY)]
    peaks = [row(f"{what}, peak MB", lambda f, w=what: f.peak(w), PEAK_MAY_GROW)
             for what in (FULL, DAY)]  # fmt: skip
    title = f"{rows:.2f} times the prices"
    return console.Table(title, ("", small.name, large.name, "times", "at most"), times + peaks)


def main(
    *,
    source: Annotated[Path | None, typer.Option(help="Database to export.")] = None,
    large: Annotated[Path | None, typer.Option(help="One of ten times the size.")] = None,
    runs: Annotated[int, typer.Option(min=1, help="Runs of each.")] = RUNS,
) -> None:
    """Measure refreshes and a rollback as whole processes.

    Example: python -m tests.benchmarks.refresh --source data/calm.db --large data/calm10.db
    """
    small = source or Settings.load().source
    found = []
    for database in (small, large):
        if database:
            with TemporaryDirectory(prefix="stockrank-bench-", dir=database.parent) as folder:
                found.append(measure(database, Path(folder), runs))
            console.show(table(found[-1], large=database == large))
    if large:
        console.show(growth(*found))


if __name__ == "__main__":
    console.run(main)
