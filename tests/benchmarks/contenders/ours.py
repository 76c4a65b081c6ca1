"""The package: one lazy plan over the Parquet files, on the streaming engine."""

from pathlib import Path

import polars as pl

from pipelines.lake.version import Lake
from pipelines.ranking.rank import rankings
from pipelines.universe import SWEDEN
from tests.benchmarks.contenders.task import COLUMNS, Task


def run(task: Task) -> pl.DataFrame:
    """All rankings with all that they show, computed from the files."""
    plan = rankings(Lake(task.lake), as_of=task.as_of, universe=SWEDEN)
    return plan.collect(engine="streaming")


def save(answer: pl.DataFrame, path: Path) -> None:
    answer.select(COLUMNS).write_parquet(path)
