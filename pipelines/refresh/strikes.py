"""Observations that the owner strikes: they stay in the lake with the reason, and count no more."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import polars as pl

from pipelines.errors import LakeError
from pipelines.lake import DataFile, Dataset, Lake, Memory
from pipelines.ranking import standing_hash
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
        rows = observed_files.read(memory, kind, memory.kept(kind.dataset))
        mine = rows.filter(ticker=strike.ticker)
        self.hit = mine.filter(pl.col("state").is_in(("kept", "covered")), self._is_of_day())
        self.freed = self._freed(mine)
        if self.hit.is_empty():
            raise LakeError(self._no_such(mine))

    def dataset(self, lake: Lake) -> Dataset:
        """Write the files that change, link the others, and return the entry."""
        waiting, name = self._still_there(lake), self.kind.dataset
        before, is_alike = self.memory.kept(name), self._is_alike()
        # Of other columns, or marked by other rules, none can be linked.
        parts = [[file] for file in before] if is_alike else [before] if before else []
        made = [self._file(number, part) for number, part in enumerate(parts)]
        waited = self.memory.waiting(name)
        if waiting.height or (waited and not is_alike):
            both = pl.concat([observed_files.read(self.memory, self.kind, waited), waiting])
            made.append(observed_files.write(self.task, self.kind, None, both))
        else:
            observed_files.link_files(self.task, self.memory, waited)
            made.extend(waited)
        counts = observed_files.counts_of(self.memory, self.kind)
        return observed.entry_of(self.kind, made, replace(
            counts, new=0, kept=counts.kept - self.hit.height,
            struck=counts.struck + self.hit.height, waiting=counts.waiting + waiting.height,
            marked_by=standing_hash(),
        ))  # fmt: skip

    def _is_alike(self) -> bool:
        name = self.kind.dataset
        return observed_files.is_alike(self.memory.datasets[name], name)

    def _file(self, number: int, before: Sequence[DataFile]) -> DataFile:
        """Write files of the version before as one, or link the one in which nothing changes."""
        rows = observed_files.read(self.memory, self.kind, before)
        is_hit, is_freed = self._is_among(rows, self.hit), self._is_among(rows, self.freed)
        if self._is_alike() and not (is_hit.any() or is_freed.any()):
            observed_files.link_files(self.task, self.memory, before)
            return before[0]
        changed = rows.with_columns(hit_=is_hit, freed_=is_freed).with_columns(
            state=pl.when("hit_").then(pl.lit("struck")).when("freed_").then(pl.lit("kept"))
            .otherwise("state"),
            struck_on=pl.when("hit_").then(pl.lit(self.task.today)).otherwise("struck_on"),
            reason=pl.when("hit_").then(pl.lit(self.strike.reason)).otherwise("reason"),
        )  # fmt: skip
        return observed_files.write(self.task, self.kind, number, changed.drop("hit_", "freed_"))

    def _is_of_day(self) -> pl.Expr:
        return pl.col("observed_on") == self.strike.observed_on

    def _is_among(self, rows: pl.DataFrame, others: pl.DataFrame) -> pl.Series:
        key = [*dict.fromkeys([*self.kind.content, self.kind.day, "observed_on", "state"])]
        found = rows.with_row_index("row_").join(others, on=key, how="semi", nulls_equal=True)
        return pl.int_range(rows.height, eager=True).is_in(found["row_"].to_list())

    def _freed(self, mine: pl.DataFrame) -> pl.DataFrame:
        """Return what the struck rows alone covered: of each place the last."""
        others, places = mine.filter(~self._is_of_day()), self.kind.places(self.kind.day)
        among, _ = sightings.divide(others.filter(state="covered"), self.hit, places)
        _, freed = sightings.divide(among, others.filter(state="kept"), places)
        for place in places:
            freed = freed.unique(place, keep="last", maintain_order=True)
        return freed

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
