"""The parts of a sweep: a folder beside the output, whose name holds all that determines them."""

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from glob import escape
from pathlib import Path
from typing import Final

import polars as pl

from pipelines.digest import digest
from pipelines.lake import Lake
from pipelines.ranking import Strategy, blocks
from pipelines.sweep.task import Kind, Task, rules_here
from pipelines.universe import Universe

BEGIN: Final = ".parts-"
NAME: Final = "[0-9a-f]" * 16


@dataclass(frozen=True)
class Parts:
    """The tasks of a sweep, and the folder of their parts."""

    folder: Path
    tasks: Sequence[Task]
    stays: bool = True
    """Whether the folder is there for a sweep that goes on."""

    @property
    def dates(self) -> int:
        """The number of all dates."""
        return sum(len(task.dates) for task in self.tasks)

    def there(self) -> dict[int, int]:
        """Return the rows of each part that is whole, by the number of its task."""
        found = {task.number: self.rows(task.number) for task in self.tasks}
        return {number: rows for number, rows in found.items() if rows is not None}

    def rows(self, number: int) -> int | None:
        """Return the rows of a part as its files tell; None if it is not there, or not whole."""
        try:
            return sum(
                pl.scan_parquet(file, glob=False, hive_partitioning=False)
                .select(pl.len()).collect().item()
                for file in self.files(number)
            ) if self.path(number).is_dir() else None  # fmt: skip
        except (OSError, pl.exceptions.PolarsError):
            return None

    def path(self, number: int) -> Path:
        """Return the folder of a part."""
        return Path(self.tasks[number].part)

    def files(self, number: int) -> list[Path]:
        """Return the files of a part."""
        return sorted(self.path(number).glob("*.parquet"))

    def begin(self, *, resume: bool) -> dict[int, int]:
        """Make the folder, and return the rows of the parts that are in it.

        Without `resume`, what an earlier sweep has left is deleted.
        """
        if not resume:
            self.forget()
        self.folder.mkdir(parents=True, exist_ok=True)
        there = self.there()
        for left in self.folder.iterdir():
            if left not in {self.path(number) for number in there}:
                shutil.rmtree(left, ignore_errors=True)
        return there

    def forget(self) -> None:
        """Delete the parts."""
        shutil.rmtree(self.folder, ignore_errors=True)


def forget_all(beside: Path) -> None:
    """Delete the parts of all sweeps for an output."""
    for folder in beside.absolute().parent.glob(f"{BEGIN}{escape(beside.name)}-{NAME}"):
        shutil.rmtree(folder, ignore_errors=True)


def parts_of(
    lake: Lake, dates: Iterable[date], universe: Universe, strategies: Sequence[Strategy],
    kind: Kind, beside: Path,
) -> Parts:  # fmt: skip
    """Return the parts of the rankings of dates, in a folder beside an output."""
    chosen, rules = tuple(strategies), rules_here()
    cut = list(blocks(lake, dates, universe, chosen, ranks_alone=kind is Kind.RANKS))
    name = digest([lake.version, rules, kind, universe, chosen, cut])
    folder = beside.absolute().with_name(f"{BEGIN}{beside.name}-{name}")
    return Parts(folder, [
        Task(
            number=number, kind=kind, lake=str(lake.path.absolute()), part=f"{folder}/{number:05}",
            universe=universe, strategies=chosen, dates=block, rules=rules,
        )
        for number, block in enumerate(cut)
    ])  # fmt: skip
