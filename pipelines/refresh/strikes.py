"""Observations that the owner strikes: they stay in the lake with the reason, and count no more."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import polars as pl

from pipelines.errors import LakeError
from pipelines.lake import DataFile, Dataset, Lake, Memory
from pipelines.refresh import observed, observed_files, sightings
from pipelines.refresh.sightings import FUNDAMENTALS, STOCKS, Kind
from pipelines.refresh.task import Strike, Task


def struck(task: Task, lake: Lake, dataset: str, strike: Strike) -> Dataset:
    """Return the observations of the version before, those of the strike as struck.

    A row that is in the source, too, counts like any other row of it that is not kept. What a
    struck row covered counts again.
    """
    kind = {kind.dataset: kind for kind in (FUNDAMENTALS, STOCKS)}[dataset]
    memory = task.memory
    if memory is None or dataset not in memory.datasets:
        raise LakeError("the lake has no observations; there is none to strike")
    entry = memory.datasets[dataset]
    if dataset != f"observed_{strike.dataset}":
        observed_files.link_files(task, memory, entry.files)
        return entry
    return _Striking(task, kind, memory, strike).dataset(lake)


class _Striking:
    """The files of one dataset, with the rows that are struck."""

    def __init__(self, task: Task, kind: Kind, memory: Memory, strike: Strike) -> None:
        self.task, self.kind, self.memory, self.strike = task, kind, memory, strike
        rows = observed_files.read(
            memory, kind, [y for y in memory.years(kind.dataset) if y is not None]
        )
        mine = rows.filter(ticker=strike.ticker)
        self.hit = mine.filter(pl.col("state").is_in(("kept", "covered")), self._is_of_day())
        self.freed = self._freed(mine)
        if self.hit.is_empty():
            raise LakeError(self._no_such(mine))

    def dataset(self, lake: Lake) -> Dataset:
        """Write the files that change, link the others, and return the entry."""
        waiting, years = self._still_there(lake), self.memory.years(self.kind.dataset)
        taken = [year for year in years if year is not None or waiting.is_empty()]
        made = [file for year in taken for file in self._year(year)]
        if waiting.height:
            before = observed_files.read(self.memory, self.kind, [None] if None in years else [])
            both = pl.concat([before, waiting])
            made.append(observed_files.write(self.task, self.kind, None, both))
        counts = observed_files.counts_of(self.memory, self.kind)
        return observed.entry_of(self.kind, made, replace(
            counts, new=0, kept=counts.kept - self.hit.height,
            struck=counts.struck + self.hit.height, waiting=counts.waiting + waiting.height,
        ))  # fmt: skip

    def _year(self, year: int | None) -> Iterator[DataFile]:
        """Write or link the files of a year, or those that wait."""
        files = [f for f in self.memory.datasets[self.kind.dataset].files if f.year == year]
        rows = observed_files.read(self.memory, self.kind, [year])
        is_hit, is_freed = self._is_among(rows, self.hit), self._is_among(rows, self.freed)
        if year is None or not (is_hit.any() or is_freed.any()):
            observed_files.link_files(self.task, self.memory, files)
            yield from files
            return
        changed = rows.with_columns(hit_=is_hit, freed_=is_freed).with_columns(
            state=pl.when("hit_").then(pl.lit("struck")).when("freed_").then(pl.lit("kept"))
            .otherwise("state"),
            struck_on=pl.when("hit_").then(pl.lit(self.task.today)).otherwise("struck_on"),
            reason=pl.when("hit_").then(pl.lit(self.strike.reason)).otherwise("reason"),
        )  # fmt: skip
        yield observed_files.write(self.task, self.kind, year, changed.drop("hit_", "freed_"))

    def _is_of_day(self) -> pl.Expr:
        return pl.col("observed_on") == self.strike.observed_on

    def _is_among(self, rows: pl.DataFrame, others: pl.DataFrame) -> pl.Series:
        key = [*dict.fromkeys([*self.kind.content, self.kind.day, "observed_on", "state"])]
        found = rows.with_row_index("row_").join(others, on=key, how="semi", nulls_equal=True)
        return pl.int_range(rows.height, eager=True).is_in(found["row_"].to_list())

    def _freed(self, mine: pl.DataFrame) -> pl.DataFrame:
        """Return what the struck rows covered: of each place the last."""
        covered = mine.filter(pl.col("state") == "covered", ~self._is_of_day())
        among = covered.join(self.hit, on=self.kind.place, how="semi", nulls_equal=True)
        return among.unique(self.kind.place, keep="last", maintain_order=True)

    def _still_there(self, lake: Lake) -> pl.DataFrame:
        """Return the struck rows that are in the source, as rows that wait."""
        now = (
            sightings.of_fundamentals(lake.source_fundamentals())
            if self.kind is FUNDAMENTALS
            else sightings.of_stocks(lake.stocks())
        )
        there = self.hit.join(now, on=self.kind.content, how="semi", nulls_equal=True)
        return there.with_columns(state=pl.lit("waiting"))

    def _no_such(self, mine: pl.DataFrame) -> str:
        days = sorted({f"{day}" for day in mine["observed_on"]}, reverse=True)[:5]
        known = f"the last ones are of {', '.join(days)}" if days else "it has none"
        return (
            f"nothing of {self.strike.ticker} in {self.strike.dataset} was observed on "
            f"{self.strike.observed_on}; {known}"
        )


def strike_on(day: date, dataset: str, ticker: str, reason: str) -> Strike:
    """Return a strike; `LakeError` without a reason."""
    if not reason.strip():
        raise LakeError("a strike needs a reason, which is kept: --reason")
    return Strike(dataset, ticker, day, reason.strip())
