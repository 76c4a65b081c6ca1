"""A version of the lake, opened for reading: its datasets as lazy frames.

A version never changes after it is published. A reader follows `current` once, keeps that version,
and holds a shared lock on its manifest, so that it is not deleted while it is in use.
"""

import fcntl
import os
import weakref
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Final, Literal, Self

import polars as pl

from pipelines.dates import Day, day_or_none
from pipelines.errors import LakeError, NothingPublished, Unknown
from pipelines.lake import damage, layout
from pipelines.lake.described import REPAIR, Damaged, Gone, manifest_in, told
from pipelines.lake.layout import MANIFEST, current_id, version_ids
from pipelines.lake.manifest import DataFile, Dataset, Manifest

COUNTING: Final = ("kept", "waiting")
"""The states of the observations that count."""

# The row groups that Polars reads ahead, unless the environment sets a number. Its default takes
# more memory in a large market, and is no faster.
os.environ.setdefault("POLARS_ROW_GROUP_PREFETCH_SIZE", "4")


class Lake:
    """A version of the lake: the one that is named, else the current one.

    The version is not pruned while this object lives. `OtherLayout` if another release wrote it;
    `Damaged` if its manifest cannot be read, or a file is missing or of another size. With
    `check_files=False`, only the manifest is looked at.
    """

    path: Path
    datasets: Mapping[str, Dataset]
    as_of: date
    """The newest date with a price, which is the date of the published rankings."""
    _complete: Manifest | None

    def __init__(
        self, root: Path | str, version: str | None = None, *, check_files: bool = True
    ) -> None:
        path, handle = _opened(Path(root), version)
        weakref.finalize(self, os.close, handle)
        manifest = manifest_in(path)
        self.path = path
        self.datasets = manifest.datasets
        self.as_of = manifest.as_of
        self._complete = manifest
        if check_files and (problems := list(damage.by_size(path, manifest))):
            raise Damaged(f"version {path.name} is damaged: {'; '.join(problems)}; {REPAIR}")

    @classmethod
    def unfinished(cls, path: Path, datasets: Mapping[str, Dataset], as_of: date) -> Self:
        """Return a version that is being made, which has datasets but no manifest."""
        lake = cls.__new__(cls)
        lake.__dict__.update(path=path, datasets=datasets, as_of=as_of, _complete=None)
        return lake

    def __repr__(self) -> str:
        rows = ", ".join(f"{entry.rows:,} {name}" for name, entry in self.datasets.items())
        return f"Lake {self.version}, as of {self.as_of}: {rows}"

    @property
    def version(self) -> str:
        """The id of the version."""
        return self.path.name

    @property
    def manifest(self) -> Manifest:
        """The content and the making of the version; `LakeError` while it is unfinished."""
        if self._complete is None:
            raise LakeError(f"{self.path} is unfinished, and has no {MANIFEST}")
        return self._complete

    @property
    def observed_until(self) -> date | None:
        """The day of the last refresh that observed what the source has; None before the first."""
        days = [entry.observed.day for entry in self.datasets.values() if entry.observed]
        return max(days, default=None)

    @property
    def observed_since(self) -> date | None:
        """The day of the first refresh that observed; None where none did."""
        days = [entry.observed.since for entry in self.datasets.values() if entry.observed]
        return min(days, default=None)

    def marked_by(self, dataset: str) -> str:
        """Return the hash of the rules by which observations tell how long they stand, or ''."""
        entry = self.datasets.get(dataset)
        return entry.observed.marked_by if entry and entry.observed else ""

    def prices(self, *, since: Day | None = None, until: Day | None = None) -> pl.LazyFrame:
        """Return daily prices from `since` to `until`, both included; only their years are read."""
        return self._between("prices", since, until)

    def index_prices(self, *, since: Day | None = None, until: Day | None = None) -> pl.LazyFrame:
        """Return daily index levels from `since` to `until`, both included."""
        return self._between("index_prices", since, until)

    def splits(self) -> pl.LazyFrame:
        """Return splits of shares; `LakeError` where the database has no such table."""
        return self._scan("splits")

    def dividends(self, *, since: Day | None = None, until: Day | None = None) -> pl.LazyFrame:
        """Return dividends with an ex-date from `since` to `until`, both included."""
        return self._between("dividends", since, until, day="ex_date")

    def fx_rates(self, *, since: Day | None = None, until: Day | None = None) -> pl.LazyFrame:
        """Return rates in SEK from `since` to `until`, both included."""
        return self._between("fx_rates", since, until)

    def fundamentals(
        self,
        *,
        known_by: Day | None = None,
        known_since: Day | None = None,
        rules: Sequence[pl.Expr] = (),
    ) -> pl.LazyFrame:
        """Return statements and ratios that were known on a date, or all of them.

        They are those of the source and those that were observed before; what is both counts once.
        With `known_since`, those that were known before that day are left out, and only the years
        from it on are read. Of the observed ones, those that keep the `rules` are returned;
        no row that does not count may keep them.
        """
        days = {"known_by": known_by, "known_since": known_since}
        rows = self.source_fundamentals(**days)
        if "observed_fundamentals" not in self.datasets:
            return rows
        return pl.concat([rows.filter(source="snapshots"), self.filings(**days, rules=rules)])

    def filings(
        self,
        *,
        known_by: Day | None = None,
        known_since: Day | None = None,
        rules: Sequence[pl.Expr] = (),
    ) -> pl.LazyFrame:
        """Return the same without snapshots, which have neither a fiscal date nor statements.

        A version without observations has the snapshots among them.
        """
        if "observed_fundamentals" not in self.datasets:
            return self.source_fundamentals(known_by=known_by, known_since=known_since)
        rows = self._between("observed_fundamentals", known_since, known_by, day="known_from")
        counting = rows.filter(*(rules or [pl.col("state").is_in(COUNTING)]))
        return counting.select(list(self.datasets["fundamentals"].schema))

    def source_fundamentals(
        self, *, known_by: Day | None = None, known_since: Day | None = None
    ) -> pl.LazyFrame:
        """Return statements and ratios that were in the source when the version was made."""
        return self._between("fundamentals", known_since, known_by, day="known_from")

    def observed(self, dataset: Literal["fundamentals", "stocks"]) -> pl.LazyFrame:
        """Return all rows that were observed, with those that do not count."""
        return self._scan(f"observed_{dataset}")

    def stocks(self) -> pl.LazyFrame:
        """Return listed instruments, with their `newest_close` and its `newest_date`."""
        return self._scan("stocks")

    def jumps(self) -> pl.LazyFrame:
        """Return the jumps of prices; `pipelines.ranking` says which of them count on a date."""
        return self._scan("jumps")

    def ratio_prices(self, *, since: Day | None = None, until: Day | None = None) -> pl.LazyFrame:
        """Return the close on each day on which a ratio of `fundamentals` was priced."""
        return self._between("ratio_prices", since, until, day="priced_on")

    def rankings(self) -> pl.LazyFrame:
        """Return the published rankings on `as_of`: all strategies, the whole universe."""
        return self._scan("rankings")

    def other_rankings(self, universe: str) -> pl.LazyFrame:
        """Return the published rankings of another universe of the version, by its name."""
        return self._scan("other_rankings").filter(universe=universe).drop("universe")

    def year(self, dataset: str, year: int | None) -> pl.LazyFrame:
        """Return the rows of one year of a dataset; `year` is None if it has no years."""
        return self.files(dataset, [f for f in self.datasets[dataset].files if f.year == year])

    def files(self, dataset: str, files: Iterable[DataFile]) -> pl.LazyFrame:
        """Return the rows of some files of a dataset."""
        schema = pl.Schema({c: _dtype(t) for c, t in self.datasets[dataset].schema.items()})
        paths = [self.path / file.path for file in files]
        if not paths:
            return pl.LazyFrame(schema=schema)
        return pl.scan_parquet(paths, schema=schema, glob=False, hive_partitioning=False)

    def _between(
        self, dataset: str, since: Day | None, until: Day | None, *, day: str = "date"
    ) -> pl.LazyFrame:
        first, last = day_or_none(since), day_or_none(until)
        rows = self._scan(dataset, first=first, last=last)
        if first is not None:
            rows = rows.filter(pl.col(day) >= first)
        return rows if last is None else rows.filter(pl.col(day) <= last)

    def _scan(
        self, dataset: str, first: date | None = None, last: date | None = None
    ) -> pl.LazyFrame:
        """Return the rows in a dataset's files for the years between two dates."""
        entry = self.datasets.get(dataset)
        if entry is None:
            raise LakeError(
                f"version {self.version} has no {dataset}; add the table to the database, "
                "then run python -m pipelines.export"
            )
        years = range((first or date.min).year, (last or date.max).year + 1)
        return self.files(dataset, (file for file in entry.files if file.has_any_of(years)))


def _opened(root: Path, version: str | None) -> tuple[Path, int]:
    """Return the folder of a version, and a handle of its manifest under a shared lock."""
    for _ in range(10):  # if the version is pruned meanwhile, `current` is followed again
        path = _located(root, version)
        with suppress(FileNotFoundError), told(path):
            handle = os.open(path / MANIFEST, os.O_RDONLY)
            fcntl.flock(handle, fcntl.LOCK_SH)
            if path.exists():
                return path, handle
            os.close(handle)
    raise Gone(f"{root} has no complete version {path.name}; {REPAIR}")


def _located(root: Path, version: str | None) -> Path:
    if version is not None:
        if version not in version_ids(root):
            raise Unknown("version", version, version_ids(root)[::-1])
        return layout.version(root, version).resolve()
    if current_id(root) is None:
        raise _no_current(root)
    return layout.current(root).resolve()


def _no_current(root: Path) -> LakeError:
    if missing := layout.why_none_is_current(root):
        return LakeError(f"{root}: {missing}; run python -m pipelines.export")
    return NothingPublished(root)


def open_current(root: Path, version: str) -> Lake:
    """Open the version that `current` named a moment ago; `Gone` if it is not there."""
    try:
        return Lake(root, version)
    except Unknown:
        raise Gone(f"{root} has no complete version {version}; {REPAIR}") from None


def schema_text(schema: Mapping[str, pl.DataType]) -> dict[str, str]:
    """Return column types by name, as a manifest holds them."""
    return {column: dtype.base_type().__name__ for column, dtype in schema.items()}


def _dtype(name: str) -> pl.DataType:
    dtype: pl.DataType = getattr(pl, name)()
    return dtype
