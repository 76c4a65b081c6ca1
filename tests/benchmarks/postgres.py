"""A refresh from PostgreSQL against one from SQLite of the same market, and finding one new value.

    python -m tests.benchmarks.postgres [DATABASE]

A server of its own is started on loopback and filled from the demo market (DATABASE, or one that is
made). What both refreshes published is compared first. Each is a process of its own, measured from
its start to its end; its memory is the peak that the kernel counted, without the server's.
"""

import os
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

import polars.testing

from pipelines import console
from pipelines.demo_market import make_market, pour
from pipelines.lake import Lake, layout
from pipelines.place import Postgres
from pipelines.source import opened
from pipelines.terminal_table import Column, Table
from tests.benchmarks.refresh import Took, process
from tests.postgres_server import Server, server

TIMES: Final = 3
ASKED_RATIO, ASKED_MB, ASKED_SECONDS = 3.0, 330, 3.0
CHANGE: Final = (
    "UPDATE daily_prices SET close = close * 1.001 WHERE ctid = "
    "(SELECT min(ctid) FROM daily_prices WHERE date >= '2019-01-01' AND date < '2020-01-01')"
)


def refreshed(source: str, root: Path, *more: str) -> Took:
    """Refresh a lake in a process, and return what it took."""
    os.environ["STOCKRANK_SOURCE"] = source
    return process("pipelines.export", "--lake", str(root), "--no-backtests", *more)


def compare(one: Path, other: Path) -> None:
    """Raise `AssertionError` unless both lakes have the same rows."""
    ours, theirs = Lake(one), Lake(other)
    for name, entry in ours.datasets.items():
        for year in dict.fromkeys(file.year for file in entry.files):
            both = [lake.year(name, year).collect() for lake in (ours, theirs)]
            polars.testing.assert_frame_equal(*both, check_exact=True)


def found(url: str, root: Path) -> tuple[float, set[str]]:
    """Return the seconds until it is known which years changed, and those years."""
    start = time.perf_counter()
    with opened(Postgres(url)) as source:
        years = source.snapshot(root).found_years(Lake(root).path / layout.STATE)
    return time.perf_counter() - start, set(years or ())


def main(database: str | None = None) -> None:
    """Print the figures, each beside what is asked."""
    with TemporaryDirectory() as name, server() as running:
        folder = Path(name)
        market = Path(database) if database else folder / "demo.db"
        if database is None:
            make_market(market, plants=True)
        running.run("postgres", "CREATE DATABASE market")
        rows = pour(market, Postgres(running.url("market")))
        running.run("market", "CHECKPOINT")
        console.write(f"{rows['daily_prices']:,} prices")
        console.show(_measured(running, market, folder))


def _measured(running: Server, market: Path, folder: Path) -> Table:
    """Return the table of what all took."""
    url, lakes = running.url("market"), (folder / "sqlite", folder / "postgres")
    took = [
        (refreshed(str(market), lakes[0], "--full"), refreshed(url, lakes[1], "--full"))
        for _ in range(TIMES)
    ]  # fmt: skip
    compare(*lakes)
    local, remote = (median(one.seconds for one in column) for column in zip(*took, strict=True))
    peaks = [median(one.peak_mb for one in column) for column in zip(*took, strict=True)]
    running.run("market", CHANGE)
    seconds, years = found(url, lakes[1])
    day = refreshed(url, lakes[1])
    rows = [
        ("SQLite, full", f"{local:.2f}", "", f"{peaks[0]:.0f}", ""),
        ("PostgreSQL, full", f"{remote:.2f}", f"{ASKED_RATIO * local:.2f}", f"{peaks[1]:.0f}",
         f"{ASKED_MB}"),
        (f"one changed row found, in {', '.join(sorted(years))}", f"{seconds:.2f}",
         f"{ASKED_SECONDS:.2f}", "", ""),
        ("the refresh after it", f"{day.seconds:.2f}", "", f"{day.peak_mb:.0f}", ""),
    ]  # fmt: skip
    columns = ("refresh", "seconds", Column("at most", extra=1), "peak MB", Column("MB", extra=1))
    title = f"{remote / local:.2f} x the time of SQLite; both published the same"
    return Table(title, columns, rows)


if __name__ == "__main__":
    main(*sys.argv[1:2])
