"""The rankings of many dates as a loop: the query of a single date, again and again."""

from pathlib import Path

import polars as pl

from pipelines.lake.version import Lake
from pipelines.ranking.many import HISTORY_COLUMNS, Every, first_days
from pipelines.ranking.rank import rankings
from pipelines.universe import SWEDEN
from tests.benchmarks.contenders.task import FIRST_DATE, Task


def run(task: Task) -> pl.DataFrame:
    """All rankings on the first trading day of every month."""
    lake = Lake(task.lake)
    dates = first_days(lake, since=FIRST_DATE, every=Every.MONTH)
    plans = (rankings(lake, as_of=day, universe=SWEDEN).select(HISTORY_COLUMNS) for day in dates)
    return pl.concat([plan.collect(engine="streaming") for plan in plans])


def save(answer: pl.DataFrame, path: Path) -> None:
    answer.write_parquet(path)
