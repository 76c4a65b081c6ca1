"""The closes on the days on which ratios were priced, put beside them when a version is made.

A ranking brings multiples from such a close to that of its own date. With these rows it need not
look for prices that are older than its own windows. They are made by stretches of years, each in a
file of its own, so that it reads few of them. Days of ratios that were known long after them, as
the end of a year is, are in one file for all years.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import polars as pl

from pipelines.lake import DataFile, Dataset, Lake, lake_schema, schema_text
from pipelines.ranking import MAX_PRICE_AGE, rules_hash
from pipelines.refresh import files, priced_days
from pipelines.refresh.held import hold
from pipelines.refresh.priced_days import KEY
from pipelines.refresh.reuse import ROWS_AT_ONCE, Reused, link
from pipelines.refresh.settled import closes_files, runs, settled
from pipelines.refresh.task import Task

FIRST: Final = pl.col("priced_on") - timedelta(days=MAX_PRICE_AGE)
"""The oldest day whose close may stand for the day of a ratio's price."""
IS_RECENT: Final = pl.col("close_date").is_between(FIRST, "priced_on")
STRETCH_ROWS: Final = 40_000
"""The rows with which a file is full, so that the next year begins another."""


def ratio_prices(task: Task, lake: Lake, reused: Reused | None) -> Dataset:
    """Write the last close on each day on which a ratio was priced, or at most ten days before.

    Of a day in a run of jumps that reverted, all closes of these ten days are written, for a
    ranking that knows of the return passes over the bad ones. `lake` has the prices, jumps and
    fundamentals of the new version. Rows that rest on years of prices that are taken from the
    version before are taken, too, if that has the same rules.
    """
    close = lake.prices().collect_schema()["close"]
    schema = pl.Schema({**lake_schema("ratio_prices"), "close": close})
    if reused and not _is_alike(reused.before, schema):
        reused = None
    late = priced_days.late(lake)
    stay = settled(lake, reused, late) if reused else []
    prompt = priced_days.prompt(lake, late, after=stay[-1].year if stay else None)
    versions = [lake, reused.before] if reused else [lake]
    in_runs = pl.concat(_in_runs(pl.concat([late, prompt]), version) for version in versions)
    of_years = _OfYears(task, lake, schema, reused, in_runs)
    made = (
        *([of_years.file(late, late=True)] if late.height else []),
        *map(of_years.linked, stay),
        *map(of_years.file, files.by_years(prompt, "priced_on", STRETCH_ROWS)),
    )
    rows = sum(file.rows for file in made)
    return Dataset(schema=schema_text(schema), rows=rows, files=made)


def _is_alike(before: Lake, schema: pl.Schema) -> bool:
    """Return True if a version has such rows, by the same rules."""
    entry = before.datasets["ratio_prices"]
    return (before.manifest.rules, entry.schema) == (rules_hash(), schema_text(schema))


@dataclass(frozen=True)
class _OfYears:
    """Makes the file of a stretch of years."""

    task: Task
    lake: Lake
    schema: pl.Schema
    reused: Reused | None
    in_runs: pl.DataFrame
    """The days for which a close of a run stands, here or in the version before."""

    def file(self, days: pl.DataFrame, *, late: bool = False) -> DataFile:
        """Write the closes of some days; link a file of the version before that has the same.

        The file of late days has no year.
        """
        year = pl.col("priced_on").dt.year()
        first, last = days.select(year.min(), last_=year.max()).row(0)
        years = (None if late or first == last else first, None if late else last)
        there = closes_files(self.reused.before, late=late) if self.reused else []
        before = [file for file in there if file.has_any_of(range(first, last + 1))]
        same = [file for file in before if (file.first_year, file.year) == years]
        taken = self._taken(days, same or before)
        if same and same[0].rows == taken.height == days.height:
            return self.linked(same[0])
        missing = days.join(taken, on=KEY, how="anti")
        return self._written(taken, missing, *years)

    def linked(self, file: DataFile) -> DataFile:
        """Link a file of the version before."""
        if self.reused is None:
            raise ValueError(f"{file.path} is of no version before")
        link(self.reused.before, self.task.staged, file.path)
        return file

    def _taken(self, days: pl.DataFrame, before: Sequence[DataFile]) -> pl.DataFrame:
        """Return the rows of the version before whose prices and runs cannot have changed.

        Each of the days has one at most, for those in runs are left out.
        """
        if self.reused is None:
            return self.schema.to_frame()
        changed = self.reused.changed(self.lake.datasets["prices"].files)
        is_changed = (day.dt.year().is_in(changed) for day in (FIRST, pl.col("priced_on")))
        found = self.reused.before.files("ratio_prices", before)
        rows = found.filter(~pl.any_horizontal(is_changed)).collect().join(days, on=KEY, how="semi")
        return rows.join(self.in_runs, on=KEY, how="anti") if self.in_runs.height else rows

    def _written(
        self, taken: pl.DataFrame, missing: pl.DataFrame, first: int | None, last: int | None
    ) -> DataFile:
        """Write the rows that are taken, and those that are looked up."""
        rows = pl.concat([taken, _looked_up(self.lake, missing, self.schema)])
        rows = rows.sort(*KEY, "close_date")
        hold(rows, "ratio_prices")
        made = files.write_file(self.task.staged, "ratio_prices", self.schema, [rows], last)
        return replace(made, first_year=first)


def _in_runs(days: pl.DataFrame, lake: Lake) -> pl.DataFrame:
    """Return `ticker, priced_on` of the days for which a close of a run may stand."""
    touched = days.join(runs(lake), on="ticker").filter(
        pl.col("priced_on") >= pl.col("date"), pl.col("reverted_on") > FIRST
    )
    return touched.select(KEY).unique()


def _looked_up(lake: Lake, days: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """Return the days with their closes, null where there is none."""
    in_runs, near = _in_runs(days, lake), _by_year(days)
    usual = near.join(in_runs, on=KEY, how="anti")
    newest, all_in_runs = [schema.to_frame()], [schema.to_frame()]
    for prices in _parts(lake, near):
        newest.append(_newest(usual, prices).select(*schema))
        if in_runs.height:
            every = in_runs.join(prices, on="ticker").filter(IS_RECENT)
            all_in_runs.append(every.select(*schema))
    # The parts are in order, so the last close found is the newest one.
    closes = pl.concat([pl.concat(newest).unique(KEY, keep="last"), *all_in_runs])
    return days.join(closes, on=KEY, how="left").select(*schema)


def _by_year(days: pl.DataFrame) -> pl.DataFrame:
    """Return the days with each year whose closes may stand for them, as `year_`."""
    last = days.with_columns(year_=pl.col("priced_on").dt.year())
    first = days.with_columns(year_=FIRST.dt.year())
    return pl.concat([last, first.filter(first["year_"] != last["year_"])])


def _parts(lake: Lake, days: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield the closes that may stand for the days: of some years each, or of a part of one."""
    years = days["year_"].unique().to_list()
    ago = pl.concat(days["priced_on"] - timedelta(days=n) for n in range(MAX_PRICE_AGE + 1))
    is_near = pl.col("date").is_in(ago.unique().implode())
    waiting: list[DataFile] = []
    for file in lake.datasets["prices"].files:
        if file.year not in years:
            continue
        if sum(one.rows for one in (*waiting, file)) > ROWS_AT_ONCE:
            yield from _slices(lake, waiting, is_near)
            waiting.clear()
        waiting.append(file)
    yield from _slices(lake, waiting, is_near)


def _slices(lake: Lake, files: Sequence[DataFile], rule: pl.Expr) -> Iterator[pl.DataFrame]:
    """Yield the closes of some files that keep a rule, in slices, each with its `year_`."""
    for start in range(0, sum(file.rows for file in files), ROWS_AT_ONCE):
        closes = lake.files("prices", files).slice(start, ROWS_AT_ONCE).filter(rule)
        yield closes.select(
            "ticker", "close", close_date="date", year_=pl.col("date").dt.year()
        ).collect(engine="streaming")


def _newest(days: pl.DataFrame, prices: pl.DataFrame) -> pl.DataFrame:
    """Return the days that have a close of ten days in these prices, with the newest.

    The prices are by `year_`, ticker and date; each day has the year whose closes are asked for.
    """
    of_one = ("ticker", "year_")
    begins = pl.any_horizontal(pl.col(c).ne_missing(pl.col(c).shift()) for c in of_one)
    marked = prices.with_columns(begins_=begins).with_columns(number_=pl.col("begins_").cum_sum())
    there = days.join(marked.filter("begins_").select("number_", *of_one), on=of_one)
    asked = there.select(_order("priced_on")).to_series()
    last = marked.select(_order("close_date")).to_series().search_sorted(asked, side="right")
    # Where no close is as old, the first one of all stands in, which is none of ten days.
    rows = marked.select("close", "close_date", of_="number_")[(last.cast(pl.Int64) - 1).clip(0)]
    return there.hstack(rows).filter(pl.col("number_") == pl.col("of_"), IS_RECENT)


def _order(day: str) -> pl.Expr:
    """Return `number_` with a day as one number, in the order of both."""
    return pl.col("number_").cast(pl.Int64) * 2**20 + pl.col(day).cast(pl.Int32)
