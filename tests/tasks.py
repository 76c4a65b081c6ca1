"""A refresh that is about to begin, on a small database, for tests of its steps."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import polars as pl

from pipelines.refresh.task import Task
from pipelines.source import TABLES, Snapshot, SqliteSource, TableReader
from pipelines.universe import SWEDEN
from tests.factories import Row, database, fingerprint

TODAY: Final = date(2024, 5, 31)


def task(folder: Path, known: dict[str, Any] | None = None, **tables: Iterable[Row]) -> Task:
    """A task with its folders and its private copy of a database of some rows."""
    made = Task(
        database=SqliteSource(database(folder / "app.db", **tables)), root=folder / "lake",
        version="v", universe=SWEDEN, tables=tuple(TABLES[name] for name in tables),
        source=fingerprint(), today=TODAY,
    )  # fmt: skip
    made.work.mkdir(parents=True)
    return replace(made, **known or {})


def copied(made: Task) -> Snapshot:
    """The private copy of its database."""
    return made.database.snapshot(made.work)


def table(made: Task, name: str) -> TableReader:
    """A table of the private copy."""
    return copied(made).table(TABLES[name])


def written(made: Task, path: str) -> pl.DataFrame:
    """The rows of a file of the version."""
    return pl.read_parquet(made.staged / path, hive_partitioning=False)
