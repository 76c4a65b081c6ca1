"""The input of a refresh: the database, the place of the new version, and the options."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from pipelines.bars import Progress, silent
from pipelines.fingerprint import Fingerprint
from pipelines.lake import Lake, Memory, layout
from pipelines.refresh.clock import Clock
from pipelines.source import Snapshot, Source, SourceTable
from pipelines.universe import Universe


@dataclass(frozen=True)
class Strike:
    """The observations of a ticker on a day, and why they are to count no more."""

    dataset: str
    ticker: str
    observed_on: date
    reason: str


@dataclass(frozen=True, kw_only=True)
class Task:
    """A version that is to be made from a database.

    `before` is the version that the new one is compared with and takes years and datasets from.
    """

    database: Source
    root: Path
    version: str
    universe: Universe
    others: tuple[Universe, ...] = ()  # further universes whose rankings are made
    tables: tuple[SourceTable, ...]
    source: Fingerprint
    today: date
    before: Lake | None = None
    memory: Memory | None = None  # what earlier versions saw of the source
    strike: Strike | None = None  # an observation that is to count no more
    full: bool = False  # take nothing from the version before
    progress: Progress = silent
    exact: bool = False  # write Float64 where the contract says Float32
    clock: Clock = field(default_factory=Clock)

    @property
    def day(self) -> date:
        """The day of what this refresh observes; never before that of the last one."""
        return max(self.today, self.memory.day) if self.memory else self.today

    @property
    def staged(self) -> Path:
        """The folder of the version until it is published."""
        return layout.partial(self.root, self.version)

    @property
    def work(self) -> Path:
        """The folder of the copy and of rows that wait; it is removed before publishing."""
        return self.staged / ".work"


@contextmanager
def staging(task: Task) -> Iterator[None]:
    """Make the folders of a version; at the end, remove them unless it was published."""
    task.work.mkdir(parents=True)
    try:
        yield
    finally:
        shutil.rmtree(task.staged, ignore_errors=True)


def snapshot(task: Task) -> Snapshot:
    """Return the database as it is now; that of SQLite is copied for it."""
    with task.clock.phase("copy"):
        return task.database.snapshot(task.work)


def start_over(task: Task) -> None:
    """Remove the datasets that were written; keep the copy and the saved state of the database."""
    for folder in task.staged.iterdir():
        if folder.is_dir() and folder != task.work:
            shutil.rmtree(folder)
