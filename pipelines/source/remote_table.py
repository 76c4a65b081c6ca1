"""A table of a PostgreSQL database as frames, read by connectorx.

A row is known by where it lies: its part of the table, page and line there, packed into one number.
That place is of use only while the snapshot lives, so what is kept names a row by its key.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import polars as pl

from pipelines.errors import SourceError
from pipelines.panics import is_panic, quietly
from pipelines.postgres import Session, ended
from pipelines.source.batches import BATCH_VALUES, ROWID, STRETCH_VALUES
from pipelines.source.catalogue import DAYS, Found, Part
from pipelines.source.remote_cells import cell, original, year
from pipelines.source.tables import Kind, SourceTable
from pipelines.source.unreadable import BadRow

NUMBER: Final = "((ctid::text::point)[0]::int8 << 16) + (ctid::text::point)[1]::int8"
"""The number of a row in its part: the page in the upper bits, the line in the lower sixteen."""
PART_BITS: Final = 48
ALL: Final = "true"


@dataclass(frozen=True)
class RemoteTable:
    """Reads one table in the snapshot of a session."""

    found: Found
    rows: int
    """The number of rows in the table."""
    wanted: int
    """The number of rows that are read."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """The number of rows of each source year, where the table is of prices."""
    where: str = ALL
    """The rows that are read, as a condition in SQL."""
    old: list[tuple[str | None, ...]] = field(default_factory=list)
    """Rejected rows that were carried over, numbered from -1 downwards."""
    is_plain: ClassVar[bool] = True
    has_rowids: ClassVar[bool] = False

    @property
    def table(self) -> SourceTable:
        """The table as it is read anywhere."""
        return self.found.table

    @property
    def name(self) -> str:
        """The table's name."""
        return self.table.name

    @property
    def columns(self) -> Mapping[str, Kind]:
        """The columns that are read, and what they hold."""
        return self.table.columns

    @property
    def session(self) -> Session:
        """The session whose snapshot is read."""
        return self.found.session

    # ------------------------------------------------------------------------------- reading

    def batches(self, bad: Sequence[BadRow] | None = None) -> Iterator[pl.DataFrame]:  # noqa: ARG002
        """Yield frames of about `BATCH_VALUES` values; the server has seen to their types."""
        if not self.wanted:
            return
        try:
            for number, stream in self._streams():
                for frame in map(pl.DataFrame, quietly(stream)):
                    if frame.height:
                        yield frame.with_columns(pl.col(ROWID) + (number << PART_BITS))
        except BaseException as error:
            if is_panic(error) or isinstance(error, RuntimeError):
                raise self._ended(error) from None
            raise

    @cached_property
    def pages(self) -> dict[int, int]:
        """The number of pages of each part."""
        query = (
            "SELECT oid::int8, pg_relation_size(oid) / current_setting('block_size')::int8 "
            "FROM unnest(%s::oid[]) AS oid"
        )
        return dict(self.session.rows(query, ([part.oid for part in self.found.parts],)))

    def stretches(self, part: Part) -> Iterator[tuple[int, int]]:
        """Yield ranges of pages, the last excluded; one where few rows of them are wanted."""
        pages, height = self.pages[part.oid], self.table.height(STRETCH_VALUES)
        few = self.wanted <= height
        step = max(1, pages if few else -(-sum(self.pages.values()) * height // self.rows))
        for first in range(0, pages, step):
            yield first, first + step

    def _streams(self) -> Iterator[tuple[int, Iterable[Any]]]:
        """Yield the stretches, each with its part; while one is used, the next is being read."""
        stretches = (
            (number, self._stream(part, pages))
            for number, part in enumerate(self.found.parts)
            if part.kind != "p"  # which has no rows of its own
            for pages in self.stretches(part)
        )
        for one, _ in pairwise(chain(stretches, [(0, ())])):
            yield one

    def _stream(self, part: Part, pages: tuple[int, int]) -> Iterable[Any]:
        """Return the batches of a stretch, which connectorx begins to read at once."""
        from connectorx import read_sql  # noqa: PLC0415 - heavy, and loaded while connecting

        # connectorx waits half a minute for a server that is gone; this tells at once.
        self.session.rows("SELECT 1")
        first, after = pages
        cells = [f"{cell(kind, self.found.type_of(c), c)} AS {c}" for c, kind in self._columns]
        query = (
            f"SELECT {NUMBER} AS {ROWID}, {', '.join(cells)} FROM ONLY {part.name} "
            f"WHERE ctid >= '({first},0)' AND ctid < '({after},0)' AND {self.where}"
        )
        batches: Iterable[Any] = read_sql(
            self.session.url, query, return_type="arrow_stream", protocol="binary",
            batch_size=self.table.height(BATCH_VALUES),
            pre_execution_query=self.session.preparation,
        )  # fmt: skip
        return batches

    @property
    def _columns(self) -> Iterable[tuple[str, Kind]]:
        return self.columns.items()

    def _ended(self, error: BaseException) -> SourceError:
        """Return the error of a read that the server ended; a session that ended too tells why."""
        try:
            self.session.rows("SELECT 1")
        except SourceError as told:
            return told
        return ended(self.session.where, self.name, str(error))

    # -------------------------------------------------------------------------- single rows

    def bad_cells(self) -> list[BadRow]:
        """Return none, for every cell has the type of its column."""
        return []

    def unreadable(self) -> list[BadRow]:
        """Return none: a read that fails has failed."""
        return []

    def originals(self, numbers: Sequence[int]) -> Iterator[tuple[str | None, ...]]:
        """Yield the rows of those numbers, every value as text, in the order of the columns."""
        cells = [original(kind, c) for c, kind in self._columns]
        there = self._looked_up(", ".join(cells), numbers)
        for number in numbers:
            yield self.old[-number - 1] if number < 0 else tuple(map(_as_text, there[number]))

    def source_years(self, numbers: Sequence[int]) -> list[str]:
        """Return the source year of each of those rows; `''` also for one that is not there."""
        if "date" not in self.columns:
            return [""] * len(numbers)
        there = self._looked_up(year(self.found.type_of("date"), "date"), numbers)
        place = list(self.columns).index("date")
        return [
            (self.old[-n - 1][place] or "")[:4] if n < 0 else there.get(n, ("",))[0]
            for n in numbers
        ]

    def _looked_up(self, cells: str, numbers: Sequence[int]) -> dict[int, tuple[Any, ...]]:
        """Return some cells of each row that is there, by its number."""
        known = dict[int, tuple[Any, ...]]()
        for number, part in enumerate(self.found.parts):
            low = (1 << PART_BITS) - 1
            mine = [n & low for n in numbers if n >= 0 and n >> PART_BITS == number]
            places = [f"({n >> 16},{n & 0xFFFF})" for n in mine]
            query = f"SELECT {NUMBER}, {cells} FROM ONLY {part.name} WHERE ctid = ANY(%s::tid[])"
            for n, *row in self.session.rows(query, (places,)) if places else ():
                known[n + (number << PART_BITS)] = tuple(row)
        return known

    # -------------------------------------------------------------- rows of an earlier refresh

    def outside(self, years: Set[str], known: Iterable[str]) -> Self:  # noqa: ARG002 - of SQLite
        """Return a reader of the rows whose source year is none of `years`."""
        kind = self.found.type_of("date")
        if kind in DAYS:
            runs = _runs(sorted(map(int, years)))
            inside = [f"date >= '{a:04}-01-01' AND date < '{z + 1:04}-01-01'" for a, z in runs]
        else:
            listed = ", ".join(f"'{one}'" for one in sorted(years))
            inside = [f"{year(kind, 'date')} IN ({listed})"]
        where = f"(date IS NULL OR NOT ({' OR '.join(inside)}))"
        wanted = self.rows - sum(self.counts.get(one, 0) for one in years)
        return replace(self, where=where, wanted=wanted)

    def carried(self, rejects: Path, years: Set[str]) -> pl.DataFrame:
        """Return the old notes on rows of these years, which are the same rows as then.

        They get numbers of their own, for a row may lie elsewhere now.
        """
        rows = pl.read_parquet(rejects, glob=False)
        rows = rows.filter(pl.col("date").str.head(4).is_in(list(years)))
        first = len(self.old)
        self.old.extend(rows.select(*self.columns).rows())
        numbers = -1 - first - pl.int_range(rows.height, eager=True)
        return rows.select("reason", "kept").insert_column(0, numbers.alias("rowid"))


def _runs(years: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last of years that follow each other."""
    starts = [year for year in years if year - 1 not in years]
    ends = [year for year in years if year + 1 not in years]
    yield from zip(starts, ends, strict=True)


def _as_text(value: object) -> str | None:
    """Return a value as SQLite's own would be shown."""
    if isinstance(value, bool):
        return str(int(value))
    return None if value is None else str(value)
