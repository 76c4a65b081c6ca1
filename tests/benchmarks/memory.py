"""What the memory costs: rankings and refreshes where a lake remembers no, one and ten years.

Example: python -m tests.benchmarks.memory --source data/demo.db --runs 5

The memory is invented by `tests.benchmarks.remembered`. Rankings are measured in processes of their
own, without the imports, refreshes as whole processes; the rounds alternate. What a refresh of one
new day published is compared with a full one before anything is shown.
"""

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated, Final

import typer
from polars.testing import assert_frame_equal

from pipelines import console
from pipelines.demo_market import lived
from pipelines.lake.version import Lake
from pipelines.ranking import rankings
from pipelines.settings import Settings
from pipelines.universe import SWEDEN
from tests.benchmarks.refresh import Took, newest_day, process
from tests.benchmarks.remembered import remember

YEARS: Final = (0, 1, 10)
AGO: Final = {"newest date": 0, "200 days ago": 200, "two years ago": 730, "eight years ago": 2920}
DAY: Final = "refresh of one new day"
RANKED: Final = """
import json, sys, time
from datetime import timedelta
from pipelines.lake.version import Lake
from pipelines.ranking import rankings
from pipelines.runtime import peak_mb
from pipelines.universe import SWEDEN

took = []
for _ in range(6):
    start = time.perf_counter(), time.process_time()
    lake = Lake(sys.argv[1])
    day = lake.as_of - timedelta(days=int(sys.argv[2]))
    rankings(lake, as_of=day, universe=SWEDEN).collect(engine="streaming")
    took.append((time.perf_counter() - start[0], time.process_time() - start[1]))
print(json.dumps([*sorted(took[1:])[2], peak_mb()]))
"""


@dataclass
class Figures:
    """What all runs took, by what was done and the years remembered."""

    took: dict[tuple[str, int], list[Took]] = field(default_factory=dict)

    def add(self, what: str, years: int, took: Took) -> None:
        self.took.setdefault((what, years), []).append(took)

    def median(self, what: str, years: int, unit: str) -> float:
        return median(getattr(took, unit) for took in self.took[what, years])


def ranked(lake: Path, ago: int = 0) -> Took:
    """What a ranking took: the median of five in one process, and the peak of that."""
    done = subprocess.run(
        [sys.executable, "-c", RANKED, str(lake), str(ago)], capture_output=True, check=True
    )
    return Took(*json.loads(done.stdout))


def refreshed(database: Path, lake: Path, *options: str) -> Took:
    """What a refresh took in a process of its own, on the last day of the database."""
    day = newest_day(database)
    return process("tests.benchmarks.refresh_on", str(day), str(database), str(lake), *options)


@dataclass(frozen=True)
class Market:
    """A database before a day and after it, the place of the one that is refreshed, and lakes."""

    folder: Path

    @property
    def database(self) -> Path:
        return self.folder / "app.db"

    @property
    def lakes(self) -> dict[int, Path]:
        """The lakes by the years that they remember."""
        return {years: self.folder / f"lake{years}" for years in YEARS}

    def turn(self, state: str) -> None:
        """Let the database be as it is before the new day, or after it."""
        shutil.copyfile(self.folder / f"{state}.db", self.database)


def made(database: Path, folder: Path) -> Market:
    """Make the lakes of a market."""
    market = Market(folder)
    shutil.copyfile(database, folder / "before.db")
    _live_to_one_row_a_stock(folder / "before.db")
    shutil.copyfile(folder / "before.db", folder / "after.db")
    _live_to_a_trade(folder / "after.db")
    market.turn("before")
    for years, lake in market.lakes.items():
        refreshed(market.database, lake)
        if years:
            remember(Lake(lake), years)
            refreshed(market.database, lake, "--full")  # for the closes beside the ratios
    return market


def _live_to_one_row_a_stock(database: Path) -> None:
    """Let a market live until its fundamentals are as the application has left them for years."""
    for _ in lived(database, 100):
        with closing(sqlite3.connect(database)) as con:
            rows = "SELECT count(*), count(DISTINCT ticker) FROM fundamentals"
            several, stocks = con.execute(rows).fetchone()
        if several == stocks:
            return


def _live_to_a_trade(database: Path) -> None:
    """Let a market live until a day that has closes."""
    while not any(done["closes"] for _, done in lived(database, 1)):
        pass


def measure(market: Market, runs: int) -> Figures:
    """Rank and refresh with each memory, `runs` times in turn."""
    figures = Figures()
    for run in range(runs):
        for what, ago in AGO.items():
            for years, lake in market.lakes.items():
                figures.add(what, years, ranked(lake, ago))
        market.turn("after")
        for years, lake in market.lakes.items():
            tried = market.folder / "tried"
            shutil.copytree(lake, tried, symlinks=True)
            figures.add(DAY, years, refreshed(market.database, tried))
            if run == 0:
                compare(tried, market.database)
            shutil.rmtree(tried)
    return figures


def compare(lake: Path, market: Path) -> None:
    """End here unless a full refresh after one of a new day ranks alike on each of the dates."""
    days = Lake(lake)
    refreshed(market, lake, "--full")
    whole = Lake(lake)
    for ago in AGO.values():
        ours, theirs = (
            rankings(one, as_of=one.as_of - timedelta(days=ago), universe=SWEDEN).collect()
            for one in (days, whole)
        )
        assert_frame_equal(ours, theirs, check_exact=True)


def cost(figures: Figures) -> console.Table:
    """The seconds with each memory, and how much more they are than without."""

    def row(what: str, unit: str, name: str) -> tuple[str, ...]:
        none, *others = (figures.median(what, years, unit) for years in YEARS)
        more = (text for took in others for text in (f"{took:.3f}", f"{took / none - 1:+.0%}"))
        return (what, name, f"{none:.3f}", *more)

    rows = [
        row(what, unit, name)
        for what in (*AGO, DAY)
        for unit, name in (("seconds", "wall"), ("cpu", "CPU"))
    ]
    columns = ("", "", "no memory", "1 year", "", "10 years", "")
    return console.Table(f"seconds, medians of {len(figures.took[DAY, 0])} runs", columns, rows)


def growth(market: Market) -> console.Table:
    """What the memory takes on the disk, and what rests on it."""
    lakes = {years: Lake(lake) for years, lake in market.lakes.items()}
    names = ("observed_fundamentals", "observed_stocks", "ratio_prices")

    def row(name: str) -> tuple[str, ...]:
        return (name, *(f"{lake.datasets[name].bytes / 1e6:.1f}" for lake in lakes.values()))

    stocks = lakes[0].datasets["stocks"].rows
    columns = (f"MB, of {stocks:,} stocks", "no memory", "1 year", "10 years")
    return console.Table("size", columns, [row(name) for name in names])


def main(
    *,
    source: Annotated[Path | None, typer.Option(help="Demo market to refresh from.")] = None,
    runs: Annotated[int, typer.Option(min=1, help="Runs of each.")] = 5,
) -> None:
    """Measure rankings and refreshes of lakes that remember no, one and ten years.

    Example: python -m tests.benchmarks.memory --source data/demo.db
    """
    database = source or Settings.load().source
    with TemporaryDirectory(prefix="stockrank-bench-", dir=database.parent) as folder:
        market = made(database, Path(folder))
        console.show(growth(market))
        console.show(cost(measure(market, runs)))


if __name__ == "__main__":
    console.run(main)
