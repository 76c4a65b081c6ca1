"""The datasets of observations: what refreshes saw goes from version to version.

A refresh that saw something new adds a file, and joins it with those before it that are not much
larger; the others are linked. Rows that wait are in a file of their own.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import partial

import polars as pl

from pipelines.lake import (
    BROKEN,
    DataFile,
    Dataset,
    Lake,
    Memory,
    Observed,
    lake_schema,
    schema_text,
)
from pipelines.ranking import standing_hash
from pipelines.refresh import observed_files, sightings
from pipelines.refresh.sightings import FUNDAMENTALS, STOCKS, Kind, Remembered
from pipelines.refresh.task import Task

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
    seen_on = observed_files.counts_of(memory, STOCKS).day
    return _observed(task, STOCKS, memory, sightings.with_gone(now, last, seen_on), last)


def unchanged(task: Task, dataset: str) -> Dataset | None:
    """Link the observations of a table that did not change, if none of its rows waits."""
    memory = task.memory
    if memory is None or dataset not in memory.datasets:
        return None
    entry = memory.datasets[dataset]
    if (
        entry.observed is None
        or entry.observed.waiting
        or not observed_files.is_alike(entry, dataset)
    ):
        return None
    observed_files.link_files(task, memory, entry.files)
    return replace(entry, observed=replace(entry.observed, day=task.day, new=0))


# ------------------------------------------------------------------------- what is remembered


def _memory(task: Task, kind: Kind) -> Memory | None:
    return task.memory if task.memory and kind.dataset in task.memory.datasets else None


def _last(memory: Memory, kind: Kind, seen: Callable[[], pl.DataFrame]) -> pl.DataFrame:
    """Return the rows that the last refresh saw; those that it kept, where they cannot be read."""
    try:
        return seen()
    except (*BROKEN, OSError, KeyError) as error:
        logger.warning(
            "version %s cannot tell what the source had last (%s): the rows are compared with its "
            "observations", memory.version, error,
        )  # fmt: skip
    rows = observed_files.with_slot(kind, memory.scan(kind.dataset)).collect()
    if kind is FUNDAMENTALS:
        return rows
    newest = rows.sort("observed_on").unique("ticker", keep="last")
    return newest.filter("listed").select(sightings.of_stocks(rows.clear().lazy()).columns)


def _remembered(memory: Memory, kind: Kind, last: pl.DataFrame, day: date) -> Remembered:
    """Return the rows that a refresh on a day must know of."""
    provisional = observed_files.read(memory, kind, memory.waiting(kind.dataset))
    oldest = min([day, *provisional[kind.day].to_list()])
    matters = (
        (pl.col("state") == "struck")
        | (pl.col("observed_on") >= _monday(day))
        | (pl.col(kind.day) >= oldest)
    )
    waits = pl.col("state") == "waiting"
    return Remembered(
        last=last,
        recent=observed_files.read(memory, kind, memory.kept(kind.dataset), matters),
        waiting=provisional.filter(waits),
        suspended=provisional.filter(~waits).with_columns(state=pl.lit("kept")),
    )


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


# ----------------------------------------------------------------------------------- writing


def _first(task: Task, kind: Kind, now: pl.DataFrame) -> Dataset:
    """Write what the first refresh of a lake sees."""
    found = sightings.first_sighting(kind, now, task.day)
    rows = observed_files.checked(kind, found.kept)
    made = [observed_files.write(task, kind, 0, rows)] if rows.height else []
    counts = Observed(
        since=task.day, day=task.day, seen=now.height, new=rows.height, kept=rows.height,
        waiting=0, struck=0, marked_by=standing_hash(),
    )  # fmt: skip
    return entry_of(kind, made, counts)


def _observed(
    task: Task, kind: Kind, memory: Memory, now: pl.DataFrame, last: pl.DataFrame
) -> Dataset:
    """Write what a refresh sees for the first time, and take the rest from the version before."""
    known = _remembered(memory, kind, last, task.day)
    found = sightings.sighting(kind, now, known, task.day)
    was = observed_files.counts_of(memory, kind)
    changes = observed_files.Changes.of(kind, found, known)
    made = list(observed_files.kept_files(task, kind, memory, changes))
    provisional = pl.concat([found.waiting, found.suspended.with_columns(state=pl.lit("covered"))])
    observed_files.checked(kind, pl.concat([changes.added, provisional]))
    if provisional.height:
        made.append(observed_files.write(task, kind, None, provisional))
    counts = replace(
        was, day=task.day, seen=_seen(now), new=found.kept.height,
        kept=was.kept + found.kept.height, waiting=found.waiting.height,
        marked_by=standing_hash(),
    )  # fmt: skip
    return entry_of(kind, made, counts)


def _seen(now: pl.DataFrame) -> int:
    """Return the number of rows that are in the source."""
    return now.filter("listed").height if "listed" in now.columns else now.height


def entry_of(kind: Kind, made: Sequence[DataFile], counts: Observed) -> Dataset:
    """Return the entry of the manifest."""
    return Dataset(
        schema=schema_text(lake_schema(kind.dataset)),
        rows=sum(file.rows for file in made),
        files=tuple(made),
        observed=counts,
    )
