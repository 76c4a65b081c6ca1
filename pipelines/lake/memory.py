"""What the versions of a lake remember: rows that the source has overwritten since.

Each version has all of it, in files that it takes from the one before. They can be read whatever
became of the rest of the version, and whatever its layout.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from pipelines.lake import damage, layout
from pipelines.lake.described import Damaged
from pipelines.lake.layout import MANIFEST
from pipelines.lake.manifest import DataFile, Dataset, observed_in
from pipelines.lake.version import Lake

NAMES: Final = ("observed_fundamentals", "observed_stocks")


@dataclass(frozen=True)
class Memory:
    """The observations of a version, and the datasets that they are of."""

    path: Path
    datasets: Mapping[str, Dataset]

    @property
    def version(self) -> str:
        """The id of the version."""
        return self.path.name

    @property
    def day(self) -> date:
        """The day of the last refresh that observed."""
        return max(entry.observed.day for entry in self.datasets.values() if entry.observed)

    @property
    def rows(self) -> int:
        """The number of all observations."""
        return sum(entry.rows for name, entry in self.datasets.items() if name in NAMES)

    def kept(self, dataset: str) -> list[DataFile]:
        """Return the files of a dataset of observations but for those that wait."""
        return [file for file in self.datasets[dataset].files if file.year is not None]

    def waiting(self, dataset: str) -> list[DataFile]:
        """Return the files of those that wait."""
        return [file for file in self.datasets[dataset].files if file.year is None]

    def files(self, dataset: str, files: Sequence[DataFile]) -> pl.LazyFrame:
        """Return the rows of some files of a dataset."""
        return self._lake.files(dataset, files)

    def scan(self, dataset: str) -> pl.LazyFrame:
        """Return all rows of a dataset of observations, or of what they are of."""
        return self.files(dataset, self.datasets[dataset].files)

    @property
    def _lake(self) -> Lake:
        return Lake.unfinished(self.path, self.datasets, date.min)


def memory_of(root: Path, version: str) -> Memory | None:
    """Return what a version remembers, None if it has no observations.

    `Damaged` if its manifest or one of these files is not as it was written.
    """
    path = layout.version(root, version)
    try:
        datasets = observed_in((path / MANIFEST).read_bytes())
    except (ValueError, OSError):
        raise Damaged(f"the {MANIFEST} of version {version} is damaged") from None
    if problems := list(_problems(path, datasets)):
        raise Damaged(f"version {version} is damaged: {'; '.join(problems)}")
    return Memory(path, datasets) if datasets else None


def _problems(path: Path, datasets: Mapping[str, Dataset]) -> Iterator[str]:
    for file in (file for name in NAMES if name in datasets for file in datasets[name].files):
        if problem := damage.of_file(path / file.path, file.sha256, damage.hashed):
            yield f"{file.path} {problem}"
