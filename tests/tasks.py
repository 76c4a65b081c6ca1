"""A refresh that is about to begin, on a small database, for tests of its steps."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path
from shutil import copyfile
from typing import Any, Final

import polars as pl

from pipelines.refresh.task import Task
from pipelines.source import Table
from pipelines.universe import SWEDEN
from tests.factories import Row, database, fingerprint

TODAY: Final = date(2024, 5, 31)


def task(folder: Path, known: dict[str, Any] | None = None, **tables: Iterable[Row]) -> Task:
    """A task with its folders and its private copy of a database of some rows."""
    made = Task(
        database=database(folder / "app.db", **tables), root=folder / "lake", version="v",
        universe=SWEDEN, tables=tuple(tables), source=fingerprint(), today=TODAY,
    )  # fmt: skip
    made.work.mkdir(parents=True)
    copyfile(made.database, made.copy)
    return replace(made, **known or {})


def table(made: Task, name: str) -> Table:
    """A table of the private copy."""
    return Table(made.copy, name)


def written(made: Task, path: str) -> pl.DataFrame:
    """The rows of a file of the version."""
    return pl.read_parquet(made.staged / path, hive_partitioning=False)
