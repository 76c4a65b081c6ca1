"""What a new version takes from the one before instead of reading it again.

Only years of `daily_prices` whose rows cannot have changed are taken: their files are linked, and
the notes on their rejected rows are carried over.
"""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Self

import polars as pl

from pipelines import lake
from pipelines.lake import Lake
from pipelines.refresh.normalise import NOTES
from pipelines.source import TABLES
from pipelines.source import changes as pages

ROOM: Final = 500
"""Bytes of a page that are not for the texts of its row: headers, thirty numbers, and spare."""
TABLES_OF: Final = {
    "prices": ("daily_prices",),
    "fundamentals": ("fundamentals", "fundamentals_snapshots"),
    "index_prices": ("index_prices",),
}
STATE: Final = "source.state"
"""The file of a version that holds the state of the database it was made from."""


@dataclass(frozen=True)
class Kept:
    """The years of prices that a version takes from the one before."""

    before: Lake
    years: frozenset[str]
    datasets: frozenset[str]

    @classmethod
    def of(cls, before: Lake, copy: Path, now: pages.State) -> Self | None:
        """The years that cannot have changed; None where everything must be read.

        They cannot have lost rows unnoticed either: the rows that are read and those that are
        taken must add up to all.
        """
        counts = before.manifest["datasets"]["prices"]["source_years"]
        if before.manifest["libraries"] != lake.libraries() or not _is_plain(before, now, "prices"):
            return None
        found = pages.found_years(copy, now, pages.State.load(before.path / STATE))
        if found is None:
            return None
        # Such a row becomes valid without being touched.
        future = _years_of(before, pl.col("reason") == "future_date")
        years = frozenset(filter(_is_year, counts)) - found - future
        return cls(before, years, _same(before, now)) if years else None

    @property
    def where(self) -> str:
        """The rows of `daily_prices` that must be read, as a condition in SQL."""
        ranges = " OR ".join(f"date >= '{a}' AND date < '{b}'" for a, b in self._ranges())
        return f"(date IS NULL OR NOT ({ranges}))"

    def _ranges(self) -> list[tuple[str, str]]:
        """The years as ranges of text: from the first, to before the year after the last."""
        years = sorted(int(y) for y in self.years)
        starts = [years[0], *(b for a, b in pairwise(years) if b != a + 1)]
        ends = [*(a for a, b in pairwise(years) if b != a + 1), years[-1]]
        # With the hyphen, for SQLite takes '1982' beside a DATE for a number, below every text.
        return [(f"{a:04}-", f"{b + 1:04}-") for a, b in zip(starts, ends, strict=True)]

    @property
    def rows_in(self) -> int:
        """How many rows of the source are not read."""
        counts = self.before.manifest["datasets"]["prices"]["source_years"]
        return sum(counts[year] for year in self.years)

    @property
    def widest_text(self) -> int:
        """At least as many bytes as the texts of any row that was read before have."""
        return int(self.before.manifest["datasets"]["prices"]["widest_text"])

    def files(self) -> list[dict[str, Any]]:
        """The manifest's entries of the files that are taken."""
        entries = self.before.manifest["datasets"]["prices"]["files"]
        return [entry for entry in entries if f"{entry['year']:04}" in self.years]

    def link(self, staged: Path) -> None:
        """Link the files of prices into a version that is being built."""
        for entry in self.files():
            self._link(staged, entry["path"])

    def link_dataset(self, staged: Path, dataset: str) -> dict[str, Any]:
        """Link a dataset that did not change, with its rejects; its entry in the manifest."""
        entry: dict[str, Any] = self.before.manifest["datasets"][dataset]
        rejects = f"rejects/{dataset}.parquet"
        for path in (*(file["path"] for file in entry["files"]), rejects):
            if path != rejects or (self.before.path / rejects).exists():
                self._link(staged, path)
        return entry

    def _link(self, staged: Path, path: str) -> None:
        (staged / path).parent.mkdir(parents=True, exist_ok=True)
        os.link(self.before.path / path, staged / path)

    def notes(self) -> pl.DataFrame:
        """The notes on rows of the years that are taken."""
        rejects = self.before.path / "rejects" / "prices.parquet"
        if not rejects.exists():
            return NOTES.to_frame()
        year = pl.col("date").str.slice(0, 4)
        return pl.read_parquet(rejects).filter(year.is_in(list(self.years))).select(*NOTES)

    def last_closes(self) -> pl.DataFrame:
        """The newest close of each ticker in the years that are taken."""
        date, close = pl.col("date").max(), pl.col("close").max_by("date")
        last: list[pl.DataFrame] = []
        # Year by year, for the files of all years together are read far ahead.
        for entry in self.files():
            rows = self.before.year("prices", entry["year"]).group_by("ticker")
            year = rows.agg(newest_close=close, newest_date=date).collect(engine="streaming")
            last = [newest_of([*last, year])]
        return last[0]


def newest_of(closes: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Of closes `ticker, newest_close, newest_date` the newest of each ticker."""
    return pl.concat(closes).sort("newest_date").unique("ticker", keep="last")


def _is_plain(before: Lake, now: pages.State, dataset: str) -> bool:
    """Whether every row lay whole on its page, so that no change of it is missed.

    Only what is read was measured, in UTF-8: a column that is not read may be of any size, and
    moves the others to pages that are not hashed.
    """
    known = all(now.columns[table] in (0, len(TABLES[table])) for table in TABLES_OF[dataset])
    width = int(before.manifest["datasets"][dataset]["widest_text"])
    return known and now.encoding == "UTF-8" and width + ROOM <= now.page_size


def _same(before: Lake, now: pages.State) -> frozenset[str]:
    """The datasets whose tables did not change at all."""
    was = pages.State.load(before.path / STATE).digests
    return frozenset(
        dataset
        for dataset, tables in TABLES_OF.items()
        if dataset != "prices"
        and dataset in before.manifest["datasets"]
        # A row that was dated after tomorrow becomes valid without being touched.
        and "future_date" not in before.manifest["datasets"][dataset]["rejected"]
        and all(was.get(t) == now.digests.get(t) for t in tables)
        and _is_plain(before, now, dataset)
    )


def _is_year(key: str) -> bool:
    return len(key) == 4 and key.isascii() and key.isdecimal()


def _years_of(before: Lake, condition: pl.Expr) -> set[str]:
    rejects = before.path / "rejects" / "prices.parquet"
    if not rejects.exists():
        return set()
    return set(pl.read_parquet(rejects).filter(condition)["date"].str.slice(0, 4))


def source_years(files: list[dict[str, Any]], rejected: list[str]) -> dict[str, int]:
    """The rows of the source by what their date begins with: those written, and those rejected."""
    counts = Counter(rejected)
    for file in files:
        counts[f"{file['year']:04}"] += file["rows"]
    return dict(sorted(counts.items()))
