"""Rows by year, waiting on disk: a dataset of any size is sorted in little memory.

A year that is larger than `PORTION_BYTES` is divided by name, and sorted portion by portion.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa

PORTION_BYTES: Final = 5_000_000
READ_BYTES: Final = 2_000_000


class Names:
    """Small integers for the names that recur in every row."""

    def __init__(self) -> None:
        self._categories: Final = pl.Categories.random()
        # Polars forgets the codes once no series has them.
        self._none: Final = pl.Series([], dtype=pl.Categorical(self._categories))

    def encode(self, names: pl.Series) -> pl.Series:
        """The code of each name; a new name gets the next one."""
        return names.cast(self._none.dtype).to_physical()

    def decode(self, codes: pl.Series) -> pl.Series:
        """The name of each code."""
        return self._categories.to_series().gather(codes)

    def order(self) -> pl.Series:
        """All codes in the alphabetic order of their names."""
        return self._categories.to_series().arg_sort()


class Spills:
    """Rows in one file a key, in order of arrival."""

    def __init__(self, folder: Path) -> None:
        self._folder: Final = folder
        self._writers: Final[dict[str, Any]] = {}

    def append(self, key: str, rows: pl.DataFrame) -> None:
        """Add rows to the file of a key."""
        table = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
        if key not in self._writers:
            self._writers[key] = pa.ipc.new_stream(self._path(key), table.schema)
        self._writers[key].write_table(table)

    def size(self, key: str) -> int:
        """Bytes of the rows of a key."""
        return self._path(key).stat().st_size

    def read(self, key: str) -> Iterator[pl.DataFrame]:
        """The rows of a key, some megabytes at a time; from then on none can be added."""
        self._writers[key].close()
        waiting, size = [], 0
        with pa.OSFile(str(self._path(key))) as file, pa.ipc.open_stream(file) as reader:
            for batch in reader:
                waiting.append(batch)
                size += batch.nbytes
                if size > READ_BYTES:
                    yield pl.DataFrame(pa.Table.from_batches(waiting))
                    waiting, size = [], 0
        if waiting:
            yield pl.DataFrame(pa.Table.from_batches(waiting))

    def take(self, key: str) -> Iterator[pl.DataFrame]:
        """As `read`, and the file is gone after the last."""
        yield from self.read(key)
        self._writers.pop(key)
        self._path(key).unlink()

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.arrows"


class Buckets:
    """Rows of a dataset by the year of `day`, in order of arrival within each.

    `name` is the column of names that the rows are sorted by, before `day`. The rows wait in one
    spill file a year below `folder`.
    """

    def __init__(self, folder: Path, *, name: str, day: str) -> None:
        self.name: Final = name
        self.day: Final = day
        self._names = Names()
        self._years: set[int] = set()
        self._spills = Spills(folder)

    def add(self, rows: pl.DataFrame) -> None:
        """Put rows into the buckets of their years."""
        rows = rows.with_columns(
            self._names.encode(rows[self.name]), year_=pl.col(self.day).dt.year()
        )
        for (year,), part in rows.partition_by("year_", as_dict=True, include_key=False).items():
            self._spills.append(str(year), part)
            self._years.add(int(year))

    def years(self) -> list[int]:
        """The years that have rows, oldest first; from then on none can be added."""
        return sorted(self._years)

    def take(self, year: int) -> Iterator[pl.DataFrame]:
        """The rows of a year, sorted by name and day and then by arrival; they leave the bucket.

        They come in frames of about `PORTION_BYTES` at most, of which one has all rows of a name.
        """
        self._years.remove(year)
        portions = self._spills.size(str(year)) // PORTION_BYTES + 1
        for key in self._divided(str(year), portions) if portions > 1 else [str(year)]:
            yield self._sorted(pl.concat(self._spills.take(key), rechunk=True))

    def _divided(self, year: str, portions: int) -> list[str]:
        """Divide the rows of a year by name; the keys of the portions, in alphabetic order."""
        portion, found = self._portions(year, portions), set()
        for rows in self._spills.take(year):
            by_name = rows.with_columns(portion_=portion.gather(rows[self.name]))
            parts = by_name.partition_by("portion_", as_dict=True, include_key=False)
            for (n,), part in parts.items():
                self._spills.append(f"{year}-{n}", part)
                found.add(n)
        return [f"{year}-{n}" for n in sorted(found)]

    def _portions(self, year: str, portions: int) -> pl.Series:
        """The portion of each code, such that all have about as many rows of the year."""
        order = self._names.order()
        counts = np.zeros(len(order), dtype=np.int64)
        for rows in self._spills.read(year):
            counts += np.bincount(rows[self.name], minlength=len(order))
        before = counts[order].cumsum() - counts[order]
        found = np.empty_like(before)
        found[order] = before * portions // counts.sum()
        return pl.Series(found)

    def _sorted(self, rows: pl.DataFrame) -> pl.DataFrame:
        place = self._names.order().arg_sort().cast(pl.Int64)
        key = place.gather(rows[self.name]) * 2**20 + rows[self.day].cast(pl.Int32)
        order = rows.select(pl.arg_sort_by(key, maintain_order=True)).to_series()
        ordered = rows[order]
        return ordered.with_columns(self._names.decode(ordered[self.name]).alias(self.name))
