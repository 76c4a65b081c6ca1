"""The closes beside ratios of years in which nothing differs from the version before.

What they are follows from the fundamentals of their years and the next, for ratios are known at
most some days after the day of their price, from the prices of their years and the one before, from
runs of jumps, and from the late days, which are elsewhere. The years of a file are those after the
file before it: in a year without a day of ratios there may be one after an edit.
"""

from collections.abc import Iterator
from typing import Final

import polars as pl

from pipelines.lake import DataFile, Lake
from pipelines.refresh.priced_days import KEY
from pipelines.refresh.reuse import Reused

PRICED: Final = ("fundamentals", "observed_fundamentals")
"""The datasets with ratios."""


def settled(lake: Lake, reused: Reused, late: pl.DataFrame) -> list[DataFile]:
    """Return the files of the version before, the oldest first, that would be made the same.

    The newest is not among them, for it may not be full, nor that of the `late` days.
    """
    before = reused.before
    changed = {
        *reused.changed(lake.datasets["prices"].files),
        *_years_of_runs(lake, before),
        *_years_of_days(late, _late(before)),
        *_years_of_waiting(lake),
        *_years_of_waiting(before),
    }
    by_year = closes_files(before, late=False)
    files = []
    for years, file in zip(_years(by_year), by_year[:-1], strict=False):
        if not (changed.isdisjoint(years) and _has_same_ratios(lake, before, years)):
            break
        files.append(file)
    return files


def closes_files(lake: Lake, *, late: bool) -> list[DataFile]:
    """Return the files of closes beside late days, which have no year, or beside the others."""
    return [file for file in lake.datasets["ratio_prices"].files if (file.year is None) == late]


def _years(files: list[DataFile]) -> Iterator[range]:
    """Yield the years that matter to each file: from the last one of the file before to the next.

    To the first one matter all before it.
    """
    since = 0
    for file in files:
        last = file.year or 0
        yield range(since, last + 2)
        since = last


def _has_same_ratios(lake: Lake, before: Lake, years: range) -> bool:
    return all(_hashes(lake, name, years) == _hashes(before, name, years) for name in PRICED)


def _hashes(lake: Lake, dataset: str, years: range) -> set[str]:
    """Return the hashes of the files that may have rows of some years."""
    files = _files(lake, dataset)
    return {file.sha256 for file in files if file.year is not None and file.has_any_of(years)}


def _files(lake: Lake, dataset: str) -> tuple[DataFile, ...]:
    entry = lake.datasets.get(dataset)
    return entry.files if entry else ()


def _years_of_waiting(lake: Lake) -> set[int]:
    """Return the years of the ratios in files without a year, such as those that wait."""
    year = pl.col("known_from").dt.year()
    return {
        found
        for dataset in PRICED
        if (files := [file for file in _files(lake, dataset) if file.year is None])
        for found in lake.files(dataset, files).select(year).unique().collect().to_series()
    }


def _late(lake: Lake) -> pl.DataFrame:
    """Return the late days of a version that is made."""
    return lake.files("ratio_prices", closes_files(lake, late=True)).select(KEY).unique().collect()


def _years_of_days(ours: pl.DataFrame, theirs: pl.DataFrame) -> list[int]:
    """Return the years of the days that one of two versions has alone."""
    return _unlike(ours, theirs)["priced_on"].dt.year().unique().to_list()


def _years_of_runs(lake: Lake, before: Lake) -> range:
    """Return the years from the first to the last in which the runs of two versions differ."""
    unlike = _unlike(runs(lake), runs(before))
    first, last = unlike.select(pl.col("date").min(), pl.col("reverted_on").max()).row(0)
    return range(first.year, last.year + 2) if unlike.height else range(0)


def _unlike(ours: pl.DataFrame, theirs: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that one of two frames has alone."""
    by = ours.columns
    return pl.concat([ours.join(theirs, on=by, how="anti"), theirs.join(ours, on=by, how="anti")])


def runs(lake: Lake) -> pl.DataFrame:
    """Return the jumps that reverted: `ticker, date, reverted_on`."""
    return lake.jumps().drop_nulls("reverted_on").select("ticker", "date", "reverted_on").collect()
