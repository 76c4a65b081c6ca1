"""The way of the old system's first releases and of its requests: as `original`, all prices."""

import datetime as dt

import pandas as pd

from tests.benchmarks.contenders import original
from tests.benchmarks.contenders.rules import save
from tests.benchmarks.contenders.task import Task

__all__ = ["run", "save"]


def run(task: Task) -> pd.DataFrame:
    """All rankings, from the whole history of the database."""
    return original.rankings(task, since=dt.date.min)
