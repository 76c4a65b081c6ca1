"""A lake through an object store: the first push, one after a day, pulls, and ranks after them.

    python -m tests.benchmarks.store [URL]

The market is the demo's after some days of an application. The day is one of trade in December, so
nearly a whole year of prices is sent anew. The store is a folder unless an address of an empty
place is given, with its credentials as variables. The rankings of both lakes are compared first.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Final, TypeVar

import polars as pl
import polars.testing

from pipelines import console
from pipelines.demo import make_market
from pipelines.demo_market import lived
from pipelines.lake import Lake
from pipelines.ranking import rankings
from pipelines.refresh import export
from pipelines.store import Bucket, Pushed, pull, push
from pipelines.universe import SWEDEN

TIMES: Final = 5
T = TypeVar("T")


def timed(act: Callable[[], T]) -> tuple[float, T]:
    """Return the seconds that a call takes, and its answer."""
    begun = time.perf_counter()
    answer = act()
    return time.perf_counter() - begun, answer


def ranked(root: Path) -> pl.DataFrame:
    lake = Lake(root)
    return rankings(lake, as_of=lake.as_of, universe=SWEDEN).collect(engine="streaming")


def main(url: str | None = None) -> None:
    """Print a line a step."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bucket = Bucket(url or f"file://{folder}/store", make=True)
        root, copy = folder / "lake", folder / "copy"
        make_market(folder / "app.db")
        for days in (11, 1):  # the second export begins what the lake remembers
            _exported(folder / "app.db", root, days=days)
        whole = _told("push of the whole lake", *timed(lambda: push(root, bucket)))
        early = timed(lambda: pull(copy, bucket))[0]
        _exported(folder / "app.db", root, days=1)
        day = _told("push after a day", *timed(lambda: push(root, bucket)))
        console.write(f"  {day.bytes / whole.bytes:.1%} of the bytes")
        later = timed(lambda: pull(copy, bucket))[0]
        console.write(
            f"pull of the whole lake {early:.2f} s, of what came with a day {later:.2f} s"
        )
        _rankings(root, copy)


def _exported(database: Path, root: Path, *, days: int) -> None:
    """Let a market live some days, and export it on the last of them."""
    *_, (today, _) = lived(database, days)
    export(database, root, SWEDEN, today=today)


def _told(what: str, seconds: float, pushed: Pushed) -> Pushed:
    console.write(f"{what} {seconds:.2f} s, {pushed.objects} objects, {pushed.bytes / 1e6:.1f} MB")
    return pushed


def _rankings(root: Path, copy: Path) -> None:
    pl.testing.assert_frame_equal(ranked(root), ranked(copy))
    here, there = zip(*((timed(lambda: ranked(root))[0], timed(lambda: ranked(copy))[0])
                        for _ in range(TIMES)), strict=True)  # fmt: skip
    ratio = median(there) / median(here)
    console.write(
        f"rankings equal; after a pull {median(there):.3f} s, {ratio:.2f} x those of the writer"
    )


if __name__ == "__main__":
    main(*sys.argv[1:2])
