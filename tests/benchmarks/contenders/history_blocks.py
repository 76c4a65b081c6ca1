"""The rankings of many dates as the package makes them: a plan for each block of dates."""

from pathlib import Path

import polars as pl

from pipelines.lake.version import Lake
from pipelines.ranking.many import Every, first_days, history
from pipelines.universe import SWEDEN
from tests.benchmarks.contenders.task import FIRST_DATE, Task


def run(task: Task) -> pl.DataFrame:
    """All rankings on the first trading day of every month."""
    lake = Lake(task.lake)
    dates = first_days(lake, since=FIRST_DATE, every=Every.MONTH)
    plans = history(lake, dates=dates, universe=SWEDEN)
    return pl.concat([plan.collect(engine="streaming") for plan in plans])


def save(answer: pl.DataFrame, path: Path) -> None:
    answer.write_parquet(path)
