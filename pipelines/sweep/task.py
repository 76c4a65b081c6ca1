"""The task: the rankings of one block of dates, written as one part.

It knows nothing of who runs it. A part is a folder of Parquet files, written beside its place and
renamed, so that a task may be run again, or twice at a time; only counts come back.
"""

import os
import platform
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from errno import EEXIST, ENOTEMPTY
from pathlib import Path
from secrets import token_hex
from typing import Final

import polars as pl

from pipelines import __version__, ranking, research
from pipelines.digest import digest
from pipelines.errors import StockRankError, Unfinished
from pipelines.lake import Lake, readable
from pipelines.ranking import Strategy
from pipelines.runtime import peak_mb
from pipelines.universe import Universe


class Kind(StrEnum):
    """What the rows of a part are."""

    HISTORY = "history"
    RANKS = "ranks"


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """A block of dates, ranked by all strategies of a universe.

    `lake` is the folder of a version, `part` that of the rows. `rules` are those of who asks.
    """

    number: int
    kind: Kind
    lake: str
    part: str
    universe: Universe
    strategies: tuple[Strategy, ...]
    dates: tuple[date, ...]
    rules: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """What came of a task that is done: `peak_mb` is of the process that ran it."""

    number: int
    rows: int
    worker: str
    peak_mb: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Failed:
    """A task that will not succeed by being tried again, and why."""

    number: int
    why: str


def rules_here() -> str:
    """Return what an answer depends on beside its inputs: the rules, the release, Polars."""
    return digest([ranking.rules_hash(), __version__, pl.__version__])


def attempt(task: Task) -> Counts | Failed:
    """Run a task with the version that it names; an error that people see comes back as a value."""
    try:
        path = Path(task.lake)
        return run(task, Lake(path.parents[1], path.name, check_files=False))
    except StockRankError as error:
        return Failed(number=task.number, why=str(error))


def run(task: Task, lake: Lake) -> Counts:
    """Rank a block of dates, and write its part."""
    worker = f"{platform.node()}:{os.getpid()}"
    if task.rules != rules_here():
        raise Unfinished(f"{worker} has another release, other rules or another Polars; install "
                         "what this machine has")  # fmt: skip
    with readable():
        rows = ROWS[task.kind](lake, task.dates, task.universe, task.strategies)
    try:
        _written(task, rows)
    except OSError as error:
        raise Unfinished(f"cannot write {task.part} on {worker}: {error.strerror}") from None
    return Counts(number=task.number, rows=rows.height, worker=worker, peak_mb=peak_mb())


def _written(task: Task, rows: pl.DataFrame) -> None:
    part = Path(task.part)
    # Without its parents: on a machine that does not share the folder this must fail.
    partial = part.with_name(f".{part.name}-{token_hex(4)}")
    partial.mkdir()
    try:
        WRITERS[task.kind](partial, rows)
        partial.rename(part)
    except OSError as error:
        if error.errno not in (EEXIST, ENOTEMPTY):  # the same task was done by another worker
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


# ------------------------------------------------------------------------- what the rows are


def _history(
    lake: Lake, dates: Sequence[date], universe: Universe, strategies: Sequence[Strategy]
) -> pl.DataFrame:
    plan = ranking.block_history(lake, dates, universe, strategies)
    return plan.collect(engine="streaming")


def _ranks(
    lake: Lake, dates: Sequence[date], universe: Universe, strategies: Sequence[Strategy]
) -> pl.DataFrame:
    return research.ranked_block(lake, dates, universe, strategies)


def _by_year(folder: Path, rows: pl.DataFrame) -> None:
    for (year,), some in rows.group_by(pl.col("as_of").dt.year(), maintain_order=True):
        some.write_parquet(folder / f"year={year}.parquet", compression_level=1)


def _as_one(folder: Path, rows: pl.DataFrame) -> None:
    rows.write_parquet(folder / "rows.parquet", compression_level=1)


Rows = Callable[[Lake, Sequence[date], Universe, Sequence[Strategy]], pl.DataFrame]
ROWS: Final[Mapping[Kind, Rows]] = {Kind.HISTORY: _history, Kind.RANKS: _ranks}
WRITERS: Final[Mapping[Kind, Callable[[Path, pl.DataFrame], None]]] = {
    Kind.HISTORY: _by_year,
    Kind.RANKS: _as_one,
}
