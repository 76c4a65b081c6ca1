"""The rows of a dataset, counted: written, rejected, or kept without a value."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from pipelines.errors import ContractError
from pipelines.lake import (
    OHL_INCONSISTENT,
    OHL_MISSING,
    DataFile,
    Dataset,
    damage,
    layout,
    schema_text,
)
from pipelines.refresh.files import to_arrow, writer
from pipelines.refresh.normalise import NOTES
from pipelines.source import TableReader

REJECTS_ROWS: Final = 50_000
"""How many rejected rows are looked up in the database at a time."""


@dataclass
class Tally:
    """The rows of one dataset while it is made: read, written, and noted with a reason."""

    rows_in: int = 0
    widest_text: int = 0
    notes: dict[str, list[pl.DataFrame]] = field(default_factory=dict)
    files: list[DataFile] = field(default_factory=list)

    def add(self, table: str, notes: pl.DataFrame) -> None:
        """Note rows of a table that were rejected, or lost a value."""
        if notes.height:
            self.notes.setdefault(table, []).append(notes)

    def reject(self, table: str, notes: pl.DataFrame) -> None:
        """Note rejected rows, in place of the warnings that were noted for them before."""
        if notes.height:
            kept = [n.join(notes, on="rowid", how="anti") for n in self.notes.get(table, [])]
            self.notes[table] = [*kept, notes]

    def of_table(self, table: str) -> pl.DataFrame:
        """Return the notes on the rows of a table."""
        return pl.concat(self.notes.get(table, [NOTES.to_frame()]))

    def rejected(self, table: str) -> list[int]:
        """Return the rowids of a table's rejected rows."""
        return self.of_table(table).filter(kept=False)["rowid"].to_list()

    def by_reason(self, *, kept: bool) -> dict[str, int]:
        """Return the number of rejected rows, or of those kept without a value, by reason."""
        if not self.notes:
            return {}
        notes = pl.concat(frame for frames in self.notes.values() for frame in frames)
        counted = notes.filter(kept=kept).group_by("reason").len("rows").sort("reason")
        return dict(counted.iter_rows())

    def without_range(self) -> dict[str, int]:
        """Return the number of daily rows that came without open, high and low, if any did."""
        nulls = sum(file.nulls.get("open", 0) for file in self.files)
        given_up = self.by_reason(kept=True).get(OHL_INCONSISTENT, 0)
        return {OHL_MISSING: nulls - given_up} if nulls > given_up else {}


def finish(
    staged: Path, dataset: str, schema: pl.Schema, tally: Tally, tables: Sequence[TableReader]
) -> Dataset:
    """Write the rejects beside a dataset, and return the dataset's entry in the manifest.

    `ContractError` unless every row of the source is accounted for.
    """
    path = staged / layout.rejects(dataset)
    if tally.notes:
        _write_rejects(path, tally, tables)
    rejected, rows = tally.by_reason(kept=False), sum(file.rows for file in tally.files)
    if tally.rows_in != rows + sum(rejected.values()):
        raise ContractError(
            f"{dataset}: of {tally.rows_in} rows in the source {rows} were written and "
            f"{sum(rejected.values())} rejected; report this with the log, it is a defect"
        )
    return Dataset(
        schema=schema_text(schema),
        rows_in=tally.rows_in,
        rows=rows,
        rejected=rejected,
        warnings=tally.by_reason(kept=True) | tally.without_range(),
        files=tuple(tally.files),
        widest_text=tally.widest_text,
        rejects_sha256=damage.hashed(path) if tally.notes else None,
        rejects_bytes=path.stat().st_size if tally.notes else None,
    )


def _write_rejects(path: Path, tally: Tally, tables: Sequence[TableReader]) -> None:
    """Write the notes, `table, rowid, reason, kept`, with the source's values as text.

    `kept` is true for a row that stays without a value. A row of a database without rowids is
    named by its key alone.
    """
    columns = dict.fromkeys(c for table in tables for c in table.columns)
    schema = pl.Schema({"table": pl.String(), **NOTES, **dict.fromkeys(columns, pl.String())})
    path.parent.mkdir(exist_ok=True)
    with writer(path, schema) as file:
        for table in tables:
            notes = tally.of_table(table.name).sort("rowid", "reason")
            for part in notes.iter_slices(REJECTS_ROWS):
                originals = _originals(table, part["rowid"].to_list(), list(columns))
                widths = originals.select(pl.sum_horizontal(pl.all().str.len_bytes())).to_series()
                tally.widest_text = max(tally.widest_text, *widths)
                full = part.with_columns(table=pl.lit(table.name)).hstack(originals)
                if not table.has_rowids:
                    full = full.with_columns(rowid=pl.lit(None, pl.Int64))
                file.write_table(to_arrow(full.select(*schema)))


def _originals(table: TableReader, rowids: list[int], columns: list[str]) -> pl.DataFrame:
    """Return the source's values of some rows as text, null in the columns of other tables."""
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.originals(rowids)]
    return pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String))
