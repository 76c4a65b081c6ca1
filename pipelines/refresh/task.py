"""What a refresh is to make, from what and where; nobody changes it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from pipelines.console import Progress, silent
from pipelines.fingerprint import Fingerprint
from pipelines.lake import Lake, layout
from pipelines.refresh.clock import Clock
from pipelines.source import SourceTable
from pipelines.universe import Universe


@dataclass(frozen=True, kw_only=True)
class Task:
    """A version to be made from a database, beside the versions that there are.

    `before` is the version that the new one is compared with, and takes years and datasets from.
    """

    database: Path
    root: Path
    version: str
    universe: Universe
    tables: tuple[SourceTable, ...]
    source: Fingerprint
    today: date
    before: Lake | None = None
    full: bool = False  # take nothing from it
    progress: Progress = silent
    exact: bool = False  # keep Float64 where the contract says Float32, to compare the two
    clock: Clock = field(default_factory=Clock)

    @property
    def staged(self) -> Path:
        """The folder of the version until it is published."""
        return layout.partial(self.root, self.version)

    @property
    def work(self) -> Path:
        """A folder for the copy and the spills; it is gone before the version is published."""
        return self.staged / ".work"

    @property
    def copy(self) -> Path:
        """The private copy of the database."""
        return self.work / "source.db"


@contextmanager
def staging(task: Task) -> Iterator[None]:
    """Make the folders of a version, and remove at the end what was not published."""
    task.work.mkdir(parents=True)
    try:
        yield
    finally:
        shutil.rmtree(task.staged, ignore_errors=True)


def start_over(task: Task) -> None:
    """Remove all datasets; the copy and the saved state of the database stay."""
    for folder in task.staged.iterdir():
        if folder.is_dir() and folder != task.work:
            shutil.rmtree(folder)
