"""Rows by year, waiting on disk: a dataset of any size is sorted with the memory of one year."""

from collections import defaultdict
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow as pa

SPILL_BYTES: Final = 16_000_000


class Names:
    """Small integers for the names that recur in every row."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}

    def encode(self, names: pl.Series) -> pl.Series:
        """The code of each name; a new name gets the next one."""
        for name in names.unique(maintain_order=True):
            self._codes.setdefault(name, len(self._codes))
        return names.replace_strict(self._codes, return_dtype=pl.UInt32)

    def decode(self, codes: pl.Series) -> pl.Series:
        """The name of each code."""
        return self._series().gather(codes)

    def order(self, codes: pl.Series) -> pl.Series:
        """The place of each code's name among all names in alphabetic order."""
        return self._series().rank("ordinal").cast(pl.Int64).gather(codes)

    def _series(self) -> pl.Series:
        return pl.Series(list(self._codes), dtype=pl.String)


class Buckets:
    """Rows of a dataset by the year of `day`, in order of arrival within each.

    `name` is the column of names that the rows are sorted by, before `day`. Beyond a few
    megabytes the rows wait in one spill file a year below `folder`.
    """

    def __init__(self, folder: Path, *, name: str, day: str) -> None:
        self.folder: Final = folder
        self.name: Final = name
        self.day: Final = day
        self._names = Names()
        self._waiting: defaultdict[int, list[pl.DataFrame]] = defaultdict(list)
        self._bytes = 0
        self._spills: dict[int, Any] = {}

    def add(self, rows: pl.DataFrame) -> None:
        """Put rows into the buckets of their years."""
        rows = rows.with_columns(
            self._names.encode(rows[self.name]), year_=pl.col(self.day).dt.year()
        )
        for (year,), part in rows.partition_by("year_", as_dict=True, include_key=False).items():
            self._waiting[int(year)].append(part)
        self._bytes += int(rows.estimated_size())
        if self._bytes > SPILL_BYTES:
            self._spill()

    def years(self) -> list[int]:
        """The years that have rows, oldest first."""
        return sorted(self._waiting)

    def take(self, year: int) -> pl.DataFrame:
        """The rows of a year, sorted by name and day and then by arrival; they leave the bucket."""
        parts = [*self._spilled(year), *self._waiting.pop(year)]
        rows = pl.concat(parts, rechunk=True)
        parts.clear()
        key = self._names.order(rows[self.name]) * 2**20 + rows[self.day].cast(pl.Int32)
        keys = key.alias("key").to_frame()
        order = keys.select(pl.arg_sort_by("key", maintain_order=True)).to_series()
        # Column by column, so that there are never two copies of the whole.
        columns = [rows.drop_in_place(name).gather(order) for name in rows.columns]
        return pl.DataFrame(
            [self._names.decode(c).alias(c.name) if c.name == self.name else c for c in columns]
        )

    def _spill(self) -> None:
        for year, parts in self._waiting.items():
            if parts:
                table = pl.concat(parts).to_arrow(compat_level=pl.CompatLevel.oldest())
                if year not in self._spills:
                    path = self.folder / f"{year}.arrows"
                    self._spills[year] = pa.ipc.new_stream(path, table.schema)
                self._spills[year].write_table(table)
                parts.clear()
        self._bytes = 0

    def _spilled(self, year: int) -> list[pl.DataFrame]:
        writer = self._spills.pop(year, None)
        if writer is None:
            return []
        writer.close()
        path = self.folder / f"{year}.arrows"
        with path.open("rb") as file, pa.ipc.open_stream(file) as reader:
            rows = pl.DataFrame(reader.read_all())
        path.unlink()
        return [rows]
