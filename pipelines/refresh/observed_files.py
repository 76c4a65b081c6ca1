"""The files of observations: linked from the version before, or written, with what comes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Final

import polars as pl

from pipelines.lake import (
    DataFile,
    Dataset,
    Lake,
    Memory,
    Observed,
    lake_schema,
    layout,
    schema_text,
)
from pipelines.ranking import LASTING, standing_hash, with_standing
from pipelines.refresh import files, sightings
from pipelines.refresh.held import hold
from pipelines.refresh.reuse import link
from pipelines.refresh.sightings import OWN_FISCAL, Kind, Remembered, Sighting, among, not_in
from pipelines.refresh.task import Task

GROUP_ROWS: Final = 10_000
"""The rows of some years from which on the next year is apart."""


def counts_of(memory: Memory, kind: Kind) -> Observed:
    """Return the counts of the version before."""
    observed = memory.datasets[kind.dataset].observed
    if observed is None:
        raise ValueError(f"{kind.dataset} of version {memory.version} has no counts")
    return observed


def read(
    memory: Memory, kind: Kind, files: Sequence[DataFile], rule: pl.Expr | None = None
) -> pl.DataFrame:
    """Return the observations of some files; columns that they lack are null."""
    none = with_slot(kind, kind.schema.to_frame().lazy())
    rows = with_slot(kind, memory.files(kind.dataset, files)) if files else none
    rows = rows if rule is None else rows.filter(rule)
    if memory.datasets[kind.dataset].schema != schema_text(lake_schema(kind.dataset)):
        rows = pl.concat([none, rows], how="diagonal_relaxed")
    return rows.select(sightings.columns(kind)).collect(engine="streaming")


def with_slot(kind: Kind, rows: pl.LazyFrame) -> pl.LazyFrame:
    """Add the columns by which observations are compared, and that their files do not have."""
    return rows.with_columns(sightings.own_fiscal()) if OWN_FISCAL in kind.slot else rows


@dataclass(frozen=True)
class Changes:
    """Rows that come into the files, change their state there, or leave them."""

    added: pl.DataFrame
    covered: pl.DataFrame
    removed: pl.DataFrame
    key: tuple[str, ...]
    """The columns by which a row is known."""

    @classmethod
    def of(cls, kind: Kind, found: Sighting, known: Remembered) -> "Changes":
        """Sort what a refresh found by what must be done to the files."""
        key = tuple(dict.fromkeys([*kind.content, kind.day, "observed_on"]))
        there = known.suspended
        released = not_in(there, found.suspended, key)
        stays, lost = not_in(released, found.covered, key), among(released, found.covered, key)
        return cls(
            added=pl.concat([found.kept, stays, lost.with_columns(state=pl.lit("covered"))]),
            covered=not_in(found.covered, there, key),
            removed=not_in(found.suspended, there, key),
            key=key,
        )

    def touch(self, rows: pl.DataFrame) -> bool:
        """Return True if one of the rows changes."""
        changed = pl.concat([self.covered, self.removed])
        return not among(rows, changed, self.key).is_empty()

    def made(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return rows of files as they are now, with those that come."""
        rows = not_in(rows, self.removed, self.key)
        stays, lost = not_in(rows, self.covered, self.key), among(rows, self.covered, self.key)
        return pl.concat([stays, lost.with_columns(state=pl.lit("covered")), self.added])


def kept_files(task: Task, kind: Kind, memory: Memory, changes: Changes) -> Iterator[DataFile]:
    """Link the files of the version before, and write those that change, with what comes, as one.

    A file joins what comes once that, with the files after it, has half as many rows. So there are
    few files, and a row is written a few times.
    """
    before = memory.kept(kind.dataset)
    stay = min(
        staying([file.rows for file in before], changes.added.height),
        _untouched(kind, memory, changes),
    )
    link_files(task, memory, before[:stay])
    yield from before[:stay]
    rows = changes.made(read(memory, kind, before[stay:]))
    if rows.height:
        yield write(task, kind, _next_number(before[:stay]), rows)


def staying(before: Sequence[int], rows: int) -> int:
    """Return how many files, by their rows, stay when so many rows come; the others join them."""
    stay = len(before)
    while stay and 0 < before[stay - 1] <= 2 * rows:
        stay -= 1
        rows += before[stay]
    return stay


def _untouched(kind: Kind, memory: Memory, changes: Changes) -> int:
    """Return how many files, from the first, can stay as they are."""
    before = memory.kept(kind.dataset)
    if not is_alike(memory.datasets[kind.dataset], kind.dataset):
        return 0
    if changes.covered.is_empty() and changes.removed.is_empty():
        return len(before)
    touched = (changes.touch(read(memory, kind, [file])) for file in before)
    return next((number for number, is_touched in enumerate(touched) if is_touched), len(before))


def is_alike(entry: Dataset, dataset: str) -> bool:
    """Return True if observations have the columns of now, and are marked by the same rules."""
    marked_by = entry.observed.marked_by if entry.observed else ""
    return (entry.schema, marked_by) == (schema_text(lake_schema(dataset)), standing_hash())


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
        marked = with_standing(kind.dataset, rows.select(*kind.schema))
        hold(marked, kind.dataset)
    return rows


def write(task: Task, kind: Kind, number: int | None, rows: pl.DataFrame) -> DataFile:
    """Write checked observations as a file; those that wait have no number."""
    last = ["id"] if "id" in kind.schema else []
    schema = lake_schema(kind.dataset)
    marked = with_standing(kind.dataset, rows.select(*kind.schema)).select(*schema)
    chosen = marked.sort("ticker", kind.day, "observed_on", *last, maintain_order=True)
    name = layout.observed_file(kind.dataset, number)
    day = pl.col(kind.day).dt.year()
    days = chosen.select(first=day.min(), last=day.max()).row(0)
    first_year, year = (None, None) if number is None else days
    file = files.write_file(
        task.staged, kind.dataset, schema, _groups(kind, chosen), year, name,
        apart=True, recurring=kind.fixed,
    )  # fmt: skip
    return file if first_year == year else replace(file, first_year=first_year)


def _groups(kind: Kind, rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield the rows in parts of which a ranking reads few, for their statistics tell the days.

    First come those that matter beyond their years, then the others by year.
    """
    lasting = pl.any_horizontal(pl.col(c).is_null() for c in LASTING if c in rows.columns)
    yield rows.filter(lasting)
    yield from files.by_years(rows.filter(~lasting), kind.day, GROUP_ROWS)
