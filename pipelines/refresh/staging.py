"""A version in the making: where it is built, from what, and what is known of it so far."""

import json
import shutil
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Self

import polars as pl

from pipelines.console import Progress, silent
from pipelines.fingerprint import fingerprint
from pipelines.lake import PARTIAL, Lake, new_version_id
from pipelines.refresh.clock import Clock
from pipelines.source import SourceTable
from pipelines.universe import Universe


def source_entry(database: Path) -> dict[str, Any]:
    """Return the fingerprint of a database as it stands in a manifest."""
    entry: dict[str, Any] = json.loads(json.dumps(asdict(fingerprint(database))))
    return entry


@dataclass(kw_only=True)
class Build:
    """A version that is being built beside the others; leaving it removes what is not published."""

    database: Path
    root: Path
    universe: Universe
    tables: list[SourceTable]
    source: dict[str, Any]
    today: date
    before: Lake | None = None
    progress: Progress = silent
    full: bool = False  # take nothing from the version before
    reranks: bool = False  # take all datasets from it; only the rankings are made anew
    exact: bool = False  # keep Float64 where the contract says Float32, to compare the two
    clock: Clock = field(default_factory=Clock)
    datasets: dict[str, Any] = field(default_factory=dict)
    newest: list[pl.DataFrame] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.version = new_version_id(self.root)

    @property
    def staged(self) -> Path:
        """The folder of the version until it is published."""
        return self.root / "versions" / f"{PARTIAL}{self.version}"

    @property
    def work(self) -> Path:
        """A folder for the copy and the spills; it is gone before the version is published."""
        return self.staged / ".work"

    @property
    def copy(self) -> Path:
        """The private copy of the database."""
        return self.work / "source.db"

    def start_over(self) -> None:
        """Remove all datasets, to read everything; the copy and the saved state of it stay."""
        self.full = True
        self.datasets.clear()
        self.newest.clear()
        for folder in self.staged.iterdir():
            if folder.is_dir() and folder != self.work:
                shutil.rmtree(folder)

    def __enter__(self) -> Self:
        self.work.mkdir(parents=True)
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.staged, ignore_errors=True)
