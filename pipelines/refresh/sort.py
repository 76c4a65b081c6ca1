"""Divide a dataset of any size into years and sort it, in little memory.

A small one is sorted at once. The rows of a large one wait on the disk; a year with more than
`PORTION_BYTES` of them is divided by name, and sorted portion by portion.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import chain
from pathlib import Path
from secrets import token_hex
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa

HELD_BYTES: Final = 20_000_000
PORTION_BYTES: Final = 5_000_000
READ_BYTES: Final = 2_000_000

Key = int
"""A year, or the number of a portion of one."""


class Names:
    """Small integers for the names that recur in every row."""

    def __init__(self) -> None:
        self._categories: Final = pl.Categories.random()
        # Polars forgets the codes once no series has them.
        self._none: Final = pl.Series([], dtype=pl.Categorical(self._categories))

    def encode(self, names: pl.Series) -> pl.Series:
        """Return the code of each name; a new name gets the next code."""
        return names.cast(self._none.dtype).to_physical()

    def decode(self, codes: pl.Series) -> pl.Series:
        """Return the name of each code."""
        return self._categories.to_series().gather(codes)

    def order(self) -> pl.Series:
        """Return all codes in the alphabetic order of their names."""
        return self._categories.to_series().arg_sort()


class Spills:
    """Rows by key, in order of arrival, in a file that is gone when this object is."""

    def __init__(self, folder: Path) -> None:
        path = folder / token_hex(8)
        self._out: Final = pa.OSFile(str(path), "w")
        self._in: Final = pa.OSFile(str(path))
        path.unlink()
        self._places: Final[defaultdict[Key, list[tuple[int, int]]]] = defaultdict(list)
        self._schema = pa.schema([])
        self.rows: Final[Counter[Key]] = Counter()
        """The number of rows of each key."""

    def add(self, rows: pl.DataFrame, by: str) -> None:
        """Add rows, each under the key in its column `by`; `TypeError` for another schema."""
        rows = rows.sort(by, maintain_order=True)
        table = rows.drop(by).rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
        if self._places and table.schema != self._schema:
            raise TypeError(f"rows of {table.schema} after rows of {self._schema}")
        at, self._schema = 0, table.schema
        for count, key in rows[by].rle().struct.unnest().iter_rows():
            (batch,) = table.slice(at, count).to_batches()
            start = self._out.tell()
            self._out.write(batch.serialize())
            self._places[key].append((start, self._out.tell() - start))
            self.rows[key] += count
            at += count

    def known(self) -> list[Key]:
        """Return all keys, sorted."""
        return sorted(self._places)

    def size(self, key: Key) -> int:
        """Return the bytes of the rows of a key."""
        return sum(size for _, size in self._places[key])

    def read(self, key: Key) -> Iterator[pl.DataFrame]:
        """Return the rows of a key, some megabytes at a time."""
        waiting, waiting_bytes = [], 0
        for start, size in self._places[key]:
            data = pa.py_buffer(self._in.read_at(size, start))
            waiting.append(pa.ipc.read_record_batch(data, self._schema))
            waiting_bytes += size
            if waiting_bytes > READ_BYTES:
                yield pl.DataFrame(pa.Table.from_batches(waiting))
                waiting, waiting_bytes = [], 0
        if waiting:
            yield pl.DataFrame(pa.Table.from_batches(waiting))


class Buckets:
    """Rows of a dataset by the year of their `day`.

    Within a year they are sorted by the column `name`, then by `day`, then by arrival. Above
    `HELD_BYTES`, rows wait in a file in `folder`.
    """

    def __init__(self, folder: Path, *, name: str, day: str) -> None:
        self.name: Final = name
        self.day: Final = day
        self._folder: Final = folder
        self._names: Final = Names()
        self._held: list[pl.DataFrame] = []
        self._spills: Spills | None = None

    def add(self, rows: pl.DataFrame) -> None:
        """Add rows to their years."""
        rows = rows.with_columns(
            self._names.encode(rows[self.name]), year_=pl.col(self.day).dt.year()
        )
        self._held.append(rows)
        if self._spills or sum(held.estimated_size() for held in self._held) > HELD_BYTES:
            self._spills = self._spills or Spills(self._folder)
            for held in self._held:
                self._spills.add(held, "year_")
            self._held.clear()

    def spans(self, rows: int = 1) -> list[tuple[int, ...]]:
        """Return the years that have rows, oldest first: each with those after it until so many.

        Call it once, after all were added.
        """
        found: list[tuple[int, ...]] = []
        waiting: tuple[int, ...] = ()
        for year, height in sorted(self._heights.items()):
            waiting, there = (*waiting, year), height + sum(self._heights[y] for y in waiting)
            if there >= rows:
                found.append(waiting)
                waiting = ()
        return [*found, waiting] if waiting else found

    @property
    def _heights(self) -> dict[int, int]:
        if self._spills:
            return self._spills.rows
        return {year: part.height for year, part in self._whole.items()}

    @cached_property
    def _whole(self) -> dict[int, pl.DataFrame]:
        """Return the sorted rows of each year, where none were spilled."""
        if not self._held:
            return {}
        rows = self._sorted(self._held).sort("year_", maintain_order=True)
        self._held.clear()
        years = rows.partition_by("year_", as_dict=True, include_key=False, maintain_order=True)
        return {year: part for (year,), part in years.items()}

    def take(self, *years: int) -> Iterator[pl.DataFrame]:
        """Return the sorted rows of some years, the oldest first, once.

        If rows were spilled, they come in frames of about `PORTION_BYTES`; all rows of a name are
        in one frame.
        """
        if not self._spills:
            rows = pl.concat(self._whole.pop(year) for year in years)
            yield rows.sort(self.name, self.day, maintain_order=True) if years[1:] else rows
            return
        portions = sum(map(self._spills.size, years)) // PORTION_BYTES + 1
        if portions == 1:
            yield self._sorted(_read(self._spills, years))
            return
        divided = self._divided(self._spills, years, portions)
        for portion in divided.known():
            yield self._sorted(divided.read(portion))

    def _divided(self, spills: Spills, years: Iterable[int], portions: int) -> Spills:
        """Return the rows of some years by portions of the alphabet."""
        portion, divided = self._portions(spills, years, portions), Spills(self._folder)
        for rows in _read(spills, years):
            divided.add(rows.with_columns(portion_=portion.gather(rows[self.name])), "portion_")
        return divided

    def _portions(self, spills: Spills, years: Iterable[int], portions: int) -> pl.Series:
        """Return the portion of each code; all portions have about the same number of rows."""
        order, _ = self._alphabet
        counts = np.zeros(len(order), dtype=np.int64)
        for rows in _read(spills, years):
            counts += np.bincount(rows[self.name], minlength=len(order))
        before = counts[order].cumsum() - counts[order]
        found = np.empty_like(before)
        found[order] = before * portions // counts.sum()
        return pl.Series(found)

    @cached_property
    def _alphabet(self) -> tuple[pl.Series, pl.Series]:
        """Return all codes in the order of their names, and the place of each in that order."""
        order = self._names.order()
        return order, order.arg_sort().cast(pl.Int64)

    def _sorted(self, parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
        rows, (_, place) = pl.concat(parts, rechunk=True), self._alphabet
        key = place.gather(rows[self.name]) * 2**20 + rows[self.day].cast(pl.Int32)
        order = rows.select(pl.arg_sort_by(key, maintain_order=True)).to_series()
        ordered = rows[order]
        return ordered.with_columns(self._names.decode(ordered[self.name]).alias(self.name))


def _read(spills: Spills, keys: Iterable[Key]) -> Iterator[pl.DataFrame]:
    return chain.from_iterable(map(spills.read, keys))
