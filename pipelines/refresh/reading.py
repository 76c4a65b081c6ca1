"""Read tables batch by batch: rows that meet the contract go to a sink; a tally counts all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import polars as pl

from pipelines.errors import RowsMissing
from pipelines.refresh import normalise
from pipelines.refresh.normalise import NOTES, Normalise
from pipelines.refresh.tally import Tally
from pipelines.refresh.task import Task
from pipelines.source import ROWID, BadRow, TableReader, UnreadableRow


class RowsGone(Exception):
    """Rows were deleted from years that were to be taken from the version before."""

    def __init__(self, table: str, rows: int) -> None:
        super().__init__(f"{table} has lost rows ({rows}) in years that are otherwise unchanged")


class Sink(Protocol):
    """Takes the rows of a dataset, batch by batch."""

    def add(self, rows: pl.DataFrame) -> None:
        """Take a batch, with the column `rowid_`."""


SinkT = TypeVar("SinkT", bound=Sink)


@dataclass(frozen=True)
class Part:
    """A table that goes into a dataset, and its normaliser; `observe` is given the valid rows."""

    table: TableReader
    how: Normalise
    observe: Callable[[pl.DataFrame], object] = id
    elsewhere: int = 0  # rows of the table that are taken from the version before


Parts = Callable[[], Sequence[Part]]
"""Makes the parts of a dataset anew for each read, so that nothing is carried over."""


def read_parts(
    task: Task, dataset: str, parts: Parts, sink: Callable[[], SinkT]
) -> tuple[Tally, SinkT]:
    """Read all rows of the parts into a new sink; return the tally and the sink.

    connectorx stops at the first value that it cannot read. Only then are the rows with such values
    searched for, which takes a scan, and everything is read again without them, cell by cell. A
    table whose columns are declared otherwise is read in this way at once. `RowsMissing` if a
    table gave another number of rows than it has; `RowsGone` if the cause is rows that were deleted
    from the years taken from the version before.
    """
    bad: dict[str, list[BadRow]] = {}
    while True:
        reader = _Reader(task, dataset, Tally(), sink())
        try:
            for part in parts():
                known = bad.get(part.table.name)
                reader.read(part, _declared_bad(part.table) if known is None else known)
        except UnreadableRow as unreadable:
            table = next(p.table for p in parts() if p.table.name == unreadable.table)
            if table.name in bad:
                raise
            bad[table.name] = table.unreadable()
        else:
            return reader.tally, reader.sink


@dataclass(frozen=True)
class _Reader(Generic[SinkT]):
    """Reads the tables of one dataset."""

    task: Task
    dataset: str
    tally: Tally
    sink: SinkT

    def read(self, part: Part, bad: list[BadRow] | None) -> None:
        """Read a table without the rows that cannot be read; note those as rejected."""
        lost = [row for row in bad or () if not row.column]
        table, done = part.table, len(lost) + part.elsewhere
        self.tally.add(table.name, _noted(lost))
        for raw in table.batches(bad):
            self._batch(part, raw)
            done += raw.height
            self.task.progress(table.name, done, table.rows)
        if part.elsewhere and done > table.rows:
            raise RowsGone(table.name, done - table.rows)
        if done != table.rows:
            raise RowsMissing(table.name, done, table.rows)
        self.tally.rows_in += done

    def _batch(self, part: Part, raw: pl.DataFrame) -> None:
        batch = normalise.apply(raw, self.dataset, part.how)
        self.tally.add(part.table.name, batch.notes)
        part.observe(batch.rows)
        self.tally.widest_text = max(self.tally.widest_text, _widest(raw))
        self.sink.add(_exact(batch.rows, raw) if self.task.exact else batch.rows)


def _declared_bad(table: TableReader) -> list[BadRow] | None:
    """Return the bad rows of a table that must be read cell by cell, None for any other."""
    return None if table.is_plain else table.bad_cells()


def _widest(raw: pl.DataFrame) -> int:
    """Return an upper bound for the bytes of text in any one row."""
    texts = raw.select(pl.col(pl.String).str.len_bytes().max()).row(0)
    return sum(width or 0 for width in texts)


def _exact(rows: pl.DataFrame, raw: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with the source's Float64 in place of each Float32."""
    compact = [c for c, dtype in rows.schema.items() if dtype == pl.Float32]
    exact = raw.select(ROWID, *compact)
    both = rows.join(exact, on=ROWID, suffix="_exact", maintain_order="left")
    kept = (pl.when(pl.col(c).is_not_null()).then(f"{c}_exact").alias(c) for c in compact)
    return both.with_columns(kept).select(rows.columns)


def _noted(bad: list[BadRow]) -> pl.DataFrame:
    rows = {"rowid": [b.rowid for b in bad], "reason": [b.reason for b in bad], "kept": False}
    return pl.DataFrame(rows, schema=NOTES) if bad else NOTES.to_frame()
