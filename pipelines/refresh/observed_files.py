"""The files of observations: linked from the version before, or written, year by year."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import PurePath
from typing import Final

import polars as pl

from pipelines.lake import CONTRACTS, DataFile, Lake, Memory, Observed, layout, schema_text
from pipelines.refresh import files, sightings
from pipelines.refresh.reuse import link
from pipelines.refresh.sightings import OWN_FISCAL, Kind, Remembered, Sighting
from pipelines.refresh.task import Task

MANY: Final = 16
"""The files of a year that are written as one when another comes."""


def counts_of(memory: Memory, kind: Kind) -> Observed:
    """Return the counts of the version before."""
    observed = memory.datasets[kind.dataset].observed
    if observed is None:
        raise ValueError(f"{kind.dataset} of version {memory.version} has no counts")
    return observed


def read(
    memory: Memory, kind: Kind, years: Sequence[int | None], rule: pl.Expr | None = None
) -> pl.DataFrame:
    """Return the observations of some years; columns that they lack are null."""
    none = with_slot(kind, kind.schema.to_frame().lazy())
    parts = (with_slot(kind, memory.year(kind.dataset, year)) for year in years)
    rows = [part if rule is None else part.filter(rule) for part in parts]
    found = pl.concat([none, *rows], how="diagonal_relaxed").collect(engine="streaming")
    return found.select(sightings.columns(kind))


def with_slot(kind: Kind, rows: pl.LazyFrame) -> pl.LazyFrame:
    """Add the columns by which observations are compared, and that their files do not have."""
    return rows.with_columns(sightings.own_fiscal()) if OWN_FISCAL in kind.slot else rows


@dataclass(frozen=True)
class Changes:
    """Rows that come into the files of the years, change their state there, or leave them.

    `year` is the year in whose files a row is.
    """

    added: pl.DataFrame
    covered: pl.DataFrame
    removed: pl.DataFrame
    year: pl.Expr

    @classmethod
    def of(cls, kind: Kind, found: Sighting, known: Remembered, year: pl.Expr) -> "Changes":
        """Sort what a refresh found by what must be done to the files."""
        key = _key(kind)
        there = known.suspended
        released = there.join(found.suspended, on=key, how="anti", nulls_equal=True)
        stays = released.join(found.covered, on=key, how="anti", nulls_equal=True)
        lost = released.join(found.covered, on=key, how="semi", nulls_equal=True)
        return cls(
            added=pl.concat([found.kept, stays, lost.with_columns(state=pl.lit("covered"))]),
            covered=found.covered.join(there, on=key, how="anti", nulls_equal=True),
            removed=found.suspended.join(there, on=key, how="anti", nulls_equal=True),
            year=year,
        )

    def added_to(self, year: int) -> pl.DataFrame:
        """Return the rows that come into the files of a year."""
        return self.added.filter(self.year == year)

    def touch(self, year: int) -> bool:
        """Return True if a row that is in a file of the year changes."""
        changed = pl.concat([self.covered, self.removed])
        return not changed.filter(self.year == year).is_empty()


def _key(kind: Kind) -> list[str]:
    return list(dict.fromkeys([*kind.content, kind.day, "observed_on"]))


def all_years(memory: Memory, kind: Kind, changes: Changes) -> list[int]:
    """Return the years that have files in the version before, or get one now."""
    before = {_of_files(memory, kind, year) for year in memory.years(kind.dataset) if year}
    return sorted(before.union(changes.added.select(changes.year.unique()).to_series()))


def year_files(
    task: Task, kind: Kind, memory: Memory, year: int, changes: Changes
) -> Iterator[DataFile]:
    """Write or link the files of a year; of one that is over, they are written as one."""
    entry = memory.datasets[kind.dataset]
    before = [f for f in entry.files if f.year and _of_files(memory, kind, f.year) == year]
    added = changes.added_to(year)
    is_full = len(before) >= MANY and added.height > 0
    is_over = year < task.day.year and len(before) > 1
    is_alike = entry.schema == schema_text(kind.schema) and {f.year for f in before} <= {year}
    if is_full or is_over or changes.touch(year) or not is_alike:
        rows = read(memory, kind, sorted({file.year for file in before if file.year}))
        key = _key(kind)
        rows = rows.join(changes.removed, on=key, how="anti", nulls_equal=True)
        stays = rows.join(changes.covered, on=key, how="anti", nulls_equal=True)
        lost = rows.join(changes.covered, on=key, how="semi", nulls_equal=True)
        whole = pl.concat([stays, lost.with_columns(state=pl.lit("covered")), added])
        yield write(task, kind, year, whole)
        return
    link_files(task, memory, before)
    yield from before
    if added.height:
        yield write(task, kind, year, added, number=_next_number(before))


def _next_number(before: Sequence[DataFile]) -> int:
    return max((int(PurePath(file.path).stem) for file in before), default=-1) + 1


def link_files(task: Task, memory: Memory, before: Sequence[DataFile]) -> None:
    """Link files of the version before."""
    source = Lake.unfinished(memory.path, memory.datasets, task.day)
    for file in before:
        link(source, task.staged, file.path)


def checked(kind: Kind, rows: pl.DataFrame) -> pl.DataFrame:
    """Return observations that keep the contract; all years at once, for each check has its cost.

    Raises an error of the contract.
    """
    if rows.height:
        CONTRACTS[kind.dataset].validate(rows.select(*kind.schema), cast=True)
    return rows


def write(
    task: Task, kind: Kind, year: int | None, rows: pl.DataFrame, number: int = 0
) -> DataFile:
    """Write checked observations of a year as a file."""
    last = ["id"] if "id" in kind.schema else []
    chosen = rows.select(*kind.schema).sort(
        "ticker", kind.day, "observed_on", *last, maintain_order=True
    )
    name = layout.observed_file(kind.dataset, year, number)
    file = files.write_file(task.staged, kind.dataset, kind.schema, [chosen], year, name)
    if year is None or rows.is_empty():
        return file
    first = rows.select(pl.col(kind.day).dt.year().min()).item()
    return replace(file, first_year=first) if first < year else file


def year_of(kind: Kind, since: date) -> pl.Expr:
    """Return the year in whose files an observation is, in a lake that observes since a day."""
    return pl.max_horizontal(pl.col(kind.day).dt.year(), pl.lit(since.year, pl.Int32))


def _of_files(memory: Memory, kind: Kind, year: int) -> int:
    """Return the year in whose files the observations of a year are."""
    return max(year, counts_of(memory, kind).since.year)
