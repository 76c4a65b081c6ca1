"""What a new version takes from the one before instead of reading it again.

Only years of `daily_prices` whose rows cannot have changed are taken: their files are linked, and
the notes on their rejected rows are carried over.
"""

import os
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from errno import EMLINK, ENOTSUP, EPERM, EXDEV
from pathlib import Path
from typing import Any, Final, Self

import polars as pl

from pipelines.lake import Lake
from pipelines.refresh.contract import is_made_alike
from pipelines.refresh.normalise import NOTES
from pipelines.refresh.waiting import due_days
from pipelines.source import (
    SourceState,
    SourceTable,
    TableReader,
    found_years,
    outside,
    tables_of,
    wide_years,
)

ROOM: Final = 500
"""Bytes of a page that are not for the texts of its row: headers, thirty numbers, and spare."""
TABLES_OF: Final[dict[str, tuple[SourceTable, ...]]] = {
    dataset: tables_of(dataset) for dataset in ("prices", "fundamentals", "index_prices")
}
NO_LINK: Final = {EPERM, EXDEV, EMLINK, ENOTSUP}
STATE: Final = "source.state"
"""The file of a version that holds the state of the database it was made from."""


@dataclass(frozen=True)
class Kept:
    """The years of prices that a version takes from the one before."""

    before: Lake
    years: frozenset[str]
    datasets: frozenset[str]
    where: str
    """The rows of `daily_prices` that must be read, as a condition in SQL."""
    widest_text: int
    """At least as many bytes as the texts of any row that is taken have."""

    @classmethod
    def of(cls, before: Lake, copy: Path, now: SourceState, today: date) -> Self | None:
        """The years that cannot have changed; None where everything must be read.

        They cannot have lost rows unnoticed either: the rows that are read and those that are
        taken must add up to all.
        """
        entry = before.manifest["datasets"]["prices"]
        if not is_made_alike(before.manifest) or not _is_known(now, "prices"):
            return None
        found = found_years(copy, now, SourceState.load(before.path / STATE))
        if found is None:
            return None
        counts, width = entry["source_years"], min(entry["widest_text"], _widest_plain(now))
        due = {day[:4] for day in due_days(before, "prices", today)}
        years = frozenset(filter(_is_year, counts)) - found - due
        if width < entry["widest_text"]:
            years -= wide_years(copy, width)
        if not years:
            return None
        where = outside(years, counts.keys() | found)
        return cls(before, years, _same(before, now, today), where, width)

    @property
    def rows_in(self) -> int:
        """How many rows of the source are not read."""
        counts = self.before.manifest["datasets"]["prices"]["source_years"]
        return sum(counts[year] for year in self.years)

    def files(self) -> list[dict[str, Any]]:
        """The manifest's entries of the files that are taken."""
        entries = self.before.manifest["datasets"]["prices"]["files"]
        return [entry for entry in entries if f"{entry['year']:04}" in self.years]

    def link(self, staged: Path) -> None:
        """Link the files of prices into a version that is being built."""
        for entry in self.files():
            link(self.before, staged, entry["path"])

    def notes(self, table: TableReader) -> pl.DataFrame:
        """The notes on rows of the years that are taken, by the years that the table has now."""
        rejects = self.before.path / "rejects" / "prices.parquet"
        if not rejects.exists():
            return NOTES.to_frame()
        notes = pl.read_parquet(rejects, columns=list(NOTES), glob=False).select(*NOTES)
        years = table.source_years(notes["rowid"].to_list())
        return notes.filter([year in self.years for year in years])

    def last_closes(self) -> list[pl.DataFrame]:
        """The newest close of each ticker in the years that are taken; empty if these are too."""
        date, close = pl.col("date").max(), pl.col("close").max_by("date")
        last: list[pl.DataFrame] = []
        # Year by year, for the files of all years together are read far ahead.
        for entry in self.files():
            rows = self.before.year("prices", entry["year"]).group_by("ticker")
            year = rows.agg(newest_close=close, newest_date=date).collect(engine="streaming")
            last = [newest_of([*last, year])]
        return last


def link_dataset(before: Lake, staged: Path, dataset: str) -> dict[str, Any]:
    """Link a dataset that did not change, with its rejects; its entry in the manifest."""
    entry: dict[str, Any] = before.manifest["datasets"][dataset]
    rejects = f"rejects/{dataset}.parquet"
    for path in (*(file["path"] for file in entry["files"]), rejects):
        if path != rejects or (before.path / rejects).exists():
            link(before, staged, path)
    return entry


def link(before: Lake, staged: Path, path: str) -> None:
    """Link a file, or copy it where the file system or its rules permit no other link."""
    (staged / path).parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(before.path / path, staged / path)
    except OSError as error:
        if error.errno not in NO_LINK:
            raise
        shutil.copyfile(before.path / path, staged / path)


def newest_of(closes: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Of closes `ticker, newest_close, newest_date` the newest of each ticker."""
    return pl.concat(closes).sort("newest_date").unique("ticker", keep="last")


def _is_known(now: SourceState, dataset: str) -> bool:
    """Whether all that a row of a dataset's tables holds is read, and texts are UTF-8.

    Only what is read was measured: another column may be of any size, and would move the others
    to pages that are not hashed.
    """
    columns = all(now.widths[table.name] in (0, len(table.columns)) for table in TABLES_OF[dataset])
    return columns and now.encoding == "UTF-8"


def _widest_plain(now: SourceState) -> int:
    """How many bytes of text a row may have that lies whole on its page, whatever else it has."""
    return now.page_size - ROOM


def _same(before: Lake, now: SourceState, today: date) -> frozenset[str]:
    """The datasets whose tables did not change at all, nor can the verdict on any row."""
    was, entries = SourceState.load(before.path / STATE).digests, before.manifest["datasets"]
    return frozenset(
        dataset
        for dataset, tables in TABLES_OF.items()
        if dataset != "prices"
        and dataset in entries
        and all(was.get(t.name) == now.digests.get(t.name) for t in tables)
        and _is_known(now, dataset)
        and entries[dataset]["widest_text"] <= _widest_plain(now)
        and not due_days(before, dataset, today)
    )


def _is_year(key: str) -> bool:
    return len(key) == 4 and key.isascii() and key.isdecimal()


def source_years(files: list[dict[str, Any]], rejected: list[str]) -> dict[str, int]:
    """The rows of the source by what their date begins with: those written, and those rejected."""
    counts = Counter(rejected)
    for file in files:
        counts[f"{file['year']:04}"] += file["rows"]
    return dict(sorted(counts.items()))
