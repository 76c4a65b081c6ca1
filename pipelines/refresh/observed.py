"""The datasets of observations: what refreshes saw goes from version to version, in files by year.

A refresh that saw something new adds a small file; the others are linked. Where a year has many
files, or a row of it changes its state, they are written as one.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from pathlib import PurePath
from typing import Final

import polars as pl

from pipelines.lake import (
    CONTRACTS,
    DataFile,
    Dataset,
    Lake,
    Memory,
    Observed,
    layout,
    schema_text,
)
from pipelines.refresh import files, sightings
from pipelines.refresh.reuse import link
from pipelines.refresh.sightings import FUNDAMENTALS, OWN_FISCAL, STOCKS, Kind, Remembered, Sighting
from pipelines.refresh.task import Task

MANY: Final = 16
"""The files of a year that are written as one when another comes."""

logger = logging.getLogger(__name__)


def observed_fundamentals(task: Task, lake: Lake) -> Dataset:
    """Keep what the new version has of the table `fundamentals`, beside what was kept before."""
    now = sightings.of_fundamentals(lake.source_fundamentals())
    memory = _memory(task, FUNDAMENTALS)
    if memory is None:
        return _first(task, FUNDAMENTALS, now)
    scan = partial(memory.scan, "fundamentals")
    last = _last(memory, FUNDAMENTALS, lambda: sightings.of_fundamentals(scan()))
    return _observed(task, FUNDAMENTALS, memory, now, last)


def observed_stocks(task: Task, lake: Lake) -> Dataset:
    """Keep what the new version has of `stocks`, beside what was kept before."""
    now = sightings.of_stocks(lake.stocks())
    memory = _memory(task, STOCKS)
    if memory is None:
        return _first(task, STOCKS, now)
    last = _last(memory, STOCKS, lambda: sightings.of_stocks(memory.scan("stocks")))
    seen_on = counts_of(memory, STOCKS).day
    return _observed(task, STOCKS, memory, sightings.with_gone(now, last, seen_on), last)


def unchanged(task: Task, dataset: str) -> Dataset | None:
    """Link the observations of a table that did not change, if none of its rows waits."""
    memory = task.memory
    if memory is None or dataset not in memory.datasets:
        return None
    entry = memory.datasets[dataset]
    if entry.observed is None or entry.observed.waiting:
        return None
    link_files(task, memory, entry.files)
    return replace(entry, observed=replace(entry.observed, day=task.day, new=0))


# ------------------------------------------------------------------------- what is remembered


def _memory(task: Task, kind: Kind) -> Memory | None:
    return task.memory if task.memory and kind.dataset in task.memory.datasets else None


def counts_of(memory: Memory, kind: Kind) -> Observed:
    """Return the counts of the version before."""
    observed = memory.datasets[kind.dataset].observed
    if observed is None:
        raise ValueError(f"{kind.dataset} of version {memory.version} has no counts")
    return observed


def _last(memory: Memory, kind: Kind, seen: Callable[[], pl.DataFrame]) -> pl.DataFrame:
    """Return the rows that the last refresh saw; those that it kept, where they cannot be read."""
    try:
        return seen()
    except (pl.exceptions.PolarsError, OSError, KeyError) as error:
        logger.warning(
            "version %s cannot tell what the source had last (%s): the rows are compared with its "
            "observations", memory.version, error,
        )  # fmt: skip
    rows = _with_slot(kind, memory.scan(kind.dataset)).collect()
    if kind is FUNDAMENTALS:
        return rows
    newest = rows.sort("observed_on").unique("ticker", keep="last")
    return newest.filter("listed").select(sightings.of_stocks(rows.clear().lazy()).columns)


def _remembered(memory: Memory, kind: Kind, last: pl.DataFrame, day: date) -> Remembered:
    """Return the rows that a refresh on a day must know of."""
    years = memory.years(kind.dataset)
    provisional = read(memory, kind, [None] if None in years else [])
    oldest = min([day, *provisional[kind.day].to_list()])
    matters = (
        (pl.col("state") == "struck")
        | (pl.col("observed_on") >= _monday(day))
        | (pl.col(kind.day) >= oldest)
    )
    waits = pl.col("state") == "waiting"
    return Remembered(
        last=last,
        recent=read(memory, kind, [year for year in years if year is not None], matters),
        waiting=provisional.filter(waits),
        suspended=provisional.filter(~waits).with_columns(state=pl.lit("kept")),
    )


def read(
    memory: Memory, kind: Kind, years: Sequence[int | None], rule: pl.Expr | None = None
) -> pl.DataFrame:
    """Return the observations of some years; columns that they lack are null."""
    none = _with_slot(kind, kind.schema.to_frame().lazy())
    parts = (_with_slot(kind, memory.year(kind.dataset, year)) for year in years)
    rows = [part if rule is None else part.filter(rule) for part in parts]
    found = pl.concat([none, *rows], how="diagonal_relaxed").collect(engine="streaming")
    return found.select(sightings.columns(kind))


def _with_slot(kind: Kind, rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.with_columns(sightings.own_fiscal()) if OWN_FISCAL in kind.slot else rows


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


# ----------------------------------------------------------------------------------- writing


def _first(task: Task, kind: Kind, now: pl.DataFrame) -> Dataset:
    """Write what the first refresh of a lake sees."""
    found = sightings.first_sighting(kind, now, task.day)
    rows = checked(kind, found.kept)
    by_year = rows.with_columns(year_of(kind).alias("year_")).partition_by(
        "year_", as_dict=True, include_key=False
    )
    made = [write(task, kind, year, part) for (year,), part in sorted(by_year.items())]
    counts = Observed(
        since=task.day, day=task.day, seen=now.height, new=rows.height, kept=rows.height,
        waiting=0, struck=0,
    )  # fmt: skip
    return entry_of(kind, made, counts)


def _observed(
    task: Task, kind: Kind, memory: Memory, now: pl.DataFrame, last: pl.DataFrame
) -> Dataset:
    """Write what a refresh sees for the first time, and take the rest from the version before."""
    known = _remembered(memory, kind, last, task.day)
    found = sightings.sighting(kind, now, known, task.day)
    changes = _Changes.of(kind, found, known)
    made = [file for year in _all_years(memory, kind, changes) for file in
            _year_files(task, kind, memory, year, changes)]  # fmt: skip
    provisional = pl.concat([found.waiting, found.suspended.with_columns(state=pl.lit("covered"))])
    checked(kind, pl.concat([changes.added, provisional]))
    if provisional.height:
        made.append(write(task, kind, None, provisional))
    was = counts_of(memory, kind)
    counts = replace(
        was, day=task.day, seen=_seen(now), new=found.kept.height,
        kept=was.kept + found.kept.height, waiting=found.waiting.height,
    )  # fmt: skip
    return entry_of(kind, made, counts)


@dataclass(frozen=True)
class _Changes:
    """Rows that come into the files of the years, change their state there, or leave them."""

    added: pl.DataFrame
    covered: pl.DataFrame
    removed: pl.DataFrame

    @classmethod
    def of(cls, kind: Kind, found: Sighting, known: Remembered) -> "_Changes":
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
        )

    def touch(self, kind: Kind, year: int) -> bool:
        """Return True if a row that is in a file of the year changes."""
        changed = pl.concat([self.covered, self.removed])
        return not changed.filter(year_of(kind) == year).is_empty()


def _key(kind: Kind) -> list[str]:
    return list(dict.fromkeys([*kind.content, kind.day, "observed_on"]))


def _all_years(memory: Memory, kind: Kind, changes: _Changes) -> list[int]:
    before = {year for year in memory.years(kind.dataset) if year is not None}
    return sorted(before.union(_years(kind, changes.added)))


def _year_files(
    task: Task, kind: Kind, memory: Memory, year: int, changes: _Changes
) -> Iterator[DataFile]:
    """Write or link the files of a year."""
    entry = memory.datasets[kind.dataset]
    before = [file for file in entry.files if file.year == year]
    added = changes.added.filter(year_of(kind) == year)
    is_full = len(before) >= MANY and added.height > 0
    if is_full or changes.touch(kind, year) or entry.schema != schema_text(kind.schema):
        rows = read(memory, kind, [year])
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
    return files.write_file(task.staged, kind.dataset, kind.schema, [chosen], year, name)


def _seen(now: pl.DataFrame) -> int:
    """Return the number of rows that are in the source."""
    return now.filter("listed").height if "listed" in now.columns else now.height


def entry_of(kind: Kind, made: Sequence[DataFile], counts: Observed) -> Dataset:
    """Return the entry of the manifest."""
    return Dataset(
        schema=schema_text(kind.schema),
        rows=sum(file.rows for file in made),
        files=tuple(made),
        observed=counts,
    )


def year_of(kind: Kind) -> pl.Expr:
    """Return the year in whose files an observation is."""
    return pl.col(kind.day).dt.year()


def _years(kind: Kind, rows: pl.DataFrame) -> list[int]:
    return sorted(rows.select(year_of(kind).unique()).to_series().to_list())
