"""Years and datasets that a new version takes from the one before, without reading them again.

A year of `daily_prices` is taken if none of its rows can have changed: its file is linked, and the
notes on its rejected rows are copied. A small dataset is taken as a whole or not at all.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, Self

import polars as pl

from pipelines import lake
from pipelines.lake import DataFile, Dataset, Lake, layout
from pipelines.refresh.contract_version import is_made_alike
from pipelines.refresh.jumps import Closes
from pipelines.refresh.normalise import NOTES
from pipelines.refresh.splits import NONE_KNOWN, still_known
from pipelines.refresh.waiting import due_days
from pipelines.source import (
    Snapshot,
    SourceTable,
    TableReader,
    tables_of,
)

TABLES_OF: Final[dict[str, tuple[SourceTable, ...]]] = {
    dataset: tables_of(dataset)
    for dataset in ("prices", "fundamentals", "index_prices", "splits", "dividends", "fx_rates")
}
OF_PRICES: Final = {"splits"}
"""Datasets of tables of their own which depend on the prices, too."""
ROWS_AT_ONCE: Final = 500_000
"""Prices of a year that are in memory at a time."""


@dataclass(frozen=True)
class Reused:
    """The years of prices, and the datasets, that a version takes from the one before."""

    before: Lake
    years: frozenset[str]
    datasets: frozenset[str]
    known: frozenset[str]
    """The source years of all rows of `daily_prices`."""
    widest_text: int
    """An upper bound for the bytes of text in any row that is taken."""

    @classmethod
    def of(cls, before: Lake, snapshot: Snapshot, today: date) -> Self | None:
        """Return the years that cannot have changed; None if everything must be read.

        A year that only lost rows may be among them. That is noticed later: the rows that are read
        and those that are taken do not add up.
        """
        prices, saved = before.datasets["prices"], before.path / layout.STATE
        counts, widest = prices.source_years, prices.widest_text
        if counts is None or widest is None or not is_made_alike(before.manifest):
            return None
        found = snapshot.found_years(saved)
        if found is None:
            return None
        due = {day[:4] for day in due_days(before, "prices", today)}
        wide, width = snapshot.wide_years(widest)
        years = frozenset(filter(_is_year, counts)) - found - due - wide
        if not years:
            return None
        datasets = _unchanged(before, snapshot, today)
        if found or due:
            datasets -= OF_PRICES
        return cls(before, years, datasets, frozenset(counts.keys() | found), width)

    def rest(self, table: TableReader) -> TableReader:
        """Return a reader of the rows of `daily_prices` that must be read."""
        return table.outside(self.years, self.known)

    @property
    def rows_in(self) -> int:
        """The number of rows of the source that are not read."""
        counts = self.before.datasets["prices"].source_years or {}
        return sum(counts[year] for year in self.years)

    @property
    def files(self) -> list[DataFile]:
        """The files of prices that are taken."""
        files = self.before.datasets["prices"].files
        return [file for file in files if f"{file.year:04}" in self.years]

    def splits(self, files: Iterable[DataFile]) -> pl.DataFrame:
        """Return the closes around splits that are in years which are taken; `files` of prices."""
        if "splits" not in self.before.datasets:
            return NONE_KNOWN
        return still_known(self.before.splits().collect(), self.changed(files))

    def changed(self, files: Iterable[DataFile]) -> set[int]:
        """Return the years that are not taken, of prices in these files or those before."""
        years = {file.year for file in (*files, *self.before.datasets["prices"].files)}
        return {year for year in years if year and f"{year:04}" not in self.years}

    def link(self, staged: Path) -> None:
        """Link the files of prices into a version that is being made."""
        for file in self.files:
            link(self.before, staged, file.path)

    def notes(self, table: TableReader) -> pl.DataFrame:
        """Return the old notes on rows that have a date in these years now."""
        rejects = self.before.path / layout.rejects("prices")
        return table.carried(rejects, self.years) if rejects.exists() else NOTES.to_frame()

    def closes(self, least: float) -> dict[int, Iterator[Closes]]:
        """Return the closes of each year that is taken, in parts; they are read when asked for.

        `least` is that of `Closes`.
        """
        years = {file.year: file for file in self.files if file.year is not None}
        return {year: self._closes_of(file, least) for year, file in years.items()}

    def _closes_of(self, file: DataFile, least: float) -> Iterator[Closes]:
        rows = self.before.year("prices", file.year).select("ticker", "date", "close")
        for start in range(0, file.rows, ROWS_AT_ONCE):
            part = rows.slice(start, ROWS_AT_ONCE).collect(engine="streaming")
            yield Closes.of(part, least)


def link_dataset(before: Lake, staged: Path, dataset: str) -> Dataset:
    """Link the files of a dataset that did not change, and its rejects; return its entry."""
    entry = before.datasets[dataset]
    for file in entry.files:
        link(before, staged, file.path)
    if entry.rejects_sha256:
        link(before, staged, layout.rejects(dataset))
    return entry


def link(before: Lake, staged: Path, path: str) -> None:
    """Link a file of a version into one that is being made."""
    lake.link(before.path / path, staged / path)


def source_years(files: Iterable[DataFile], rejected: Iterable[str]) -> dict[str, int]:
    """Return the number of source rows, written or rejected, of each source year."""
    counts = Counter(rejected)
    for file in files:
        counts[f"{file.year:04}"] += file.rows
    return dict(sorted(counts.items()))


def _unchanged(before: Lake, snapshot: Snapshot, today: date) -> frozenset[str]:
    """Return the small datasets whose tables did not change, and whose rejected rows stay so."""
    saved, there = before.path / layout.STATE, before.datasets
    return frozenset(
        dataset
        for dataset, tables in TABLES_OF.items()
        if dataset != "prices"
        and dataset in there
        and snapshot.is_unchanged(saved, tables, there[dataset].widest_text or 0)
        and not due_days(before, dataset, today)
    )


def _is_year(key: str) -> bool:
    return len(key) == 4 and key.isascii() and key.isdecimal()
