"""The tables of the private copy as frames, read by connectorx.

Days and times are read as text and parsed under the contract, for connectorx would accept
`2024-1-3` as a date.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, pairwise
from pathlib import Path
from secrets import token_hex
from typing import Any, ClassVar, Final, Self
from urllib.parse import quote

import polars as pl

from pipelines.database import told
from pipelines.errors import SourceError
from pipelines.panics import is_panic, quietly
from pipelines.source.copying import open_copy
from pipelines.source.schema import is_plain
from pipelines.source.stretches import span, stretches
from pipelines.source.tables import Kind, SourceTable
from pipelines.source.unreadable import BadRow, UnreadableRow, bad_cells, bad_rows
from pipelines.source.values import TYPES, value, warnings
from pipelines.source.years import outside, years_of

BATCH_VALUES: Final = 800_000
"""Values of a batch, all columns together: 100,000 rows of prices."""
STRETCH_VALUES: Final = 1_600_000
"""Values of a stretch of rowids, which is one query."""

ALL: Final = "1"
"""The condition of all rows."""
ROWID: Final = "rowid_"
STRETCH: Final = ":stretch:"
"""What stands in a query for the rowids of a stretch."""


@dataclass(frozen=True)
class SqliteTable:
    """Reads one table of the private copy."""

    copy: Path
    table: SourceTable
    where: str = ALL
    """The rows that are read, as a condition in SQL; `rows` counts all."""
    has_rowids: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """The table's name."""
        return self.table.name

    @property
    def columns(self) -> Mapping[str, Kind]:
        """The columns that are read, and what they hold."""
        return self.table.columns

    @cached_property
    def rows(self) -> int:
        """The number of rows in the table."""
        with open_copy(self.copy, self.name) as con:
            # Not of an index: it may be stale, or in an order that only its own program knows.
            query = f"SELECT count(*) FROM {self.name} NOT INDEXED"
            count: int = con.execute(query).fetchone()[0]
            return count

    @cached_property
    def is_plain(self) -> bool:
        """True if the columns are declared so that connectorx can read them as they are."""
        with open_copy(self.copy, self.name) as con:
            return is_plain(con, self.table)

    def batches(self, bad: Sequence[BadRow] | None = None) -> Iterator[pl.DataFrame]:
        """Yield frames of about `BATCH_VALUES` values in the order of `rowid`, without bad rows.

        Their columns are `rowid_` and those of the table, with days and times as text, empty for
        null. Where connectorx cannot read a value, `UnreadableRow` is raised, and what came before
        it is void. Once the bad rows are known, every cell is read as `values` says, and there are
        its `warn_…` too.
        """
        try:
            yield from self._frames(bad)
        except BaseException as error:
            if is_panic(error):
                raise UnreadableRow(self.name, str(error)) from None
            if isinstance(error, RuntimeError):
                raise SourceError(f"cannot read {self.name}: {told(error)}") from None
            raise

    def _frames(self, bad: Sequence[BadRow] | None) -> Iterator[pl.DataFrame]:
        ends = span(self.copy, self.name)
        if ends is None:
            return
        first, last = ends
        # Where no rowid is missing in between they are counted, which is faster than to read them.
        counted = self.where == ALL and bad is None and last - first + 1 == self.rows
        query = self._select(rowid=not counted) if bad is None else self._careful(bad)
        for batch in self._read(ends, query):
            if counted:
                rowids = first + pl.int_range(batch.height, eager=True)
                batch.insert_column(0, rowids.alias(ROWID))
                first += batch.height
            yield batch

    def _read(self, ends: tuple[int, int], query: str) -> Iterator[pl.DataFrame]:
        """Yield the rows stretch by stretch; while one is used, the next is being read."""
        height = self.table.height(STRETCH_VALUES)
        streams = (
            self._stream(query.replace(STRETCH, f"{begin} AND {end}"))
            for begin, end in stretches(self.copy, self.name, ends, self.rows, height)
        )
        for stream, _ in pairwise(chain(streams, [()])):
            yield from (frame for frame in map(pl.DataFrame, quietly(stream)) if frame.height)

    def _stream(self, query: str) -> Iterable[Any]:
        """Return the batches of a query, which connectorx begins to read at once."""
        from connectorx import read_sql  # noqa: PLC0415 - heavy, and loaded while copying

        batches: Iterable[Any] = read_sql(
            f"sqlite://{quote(str(self.copy))}", query, return_type="arrow_stream",
            batch_size=self.table.height(BATCH_VALUES),
        )  # fmt: skip
        return batches

    def _select(self, *, rowid: bool) -> str:
        # Under the name that a column has here, for the table's may be in another case.
        columns = [f"{_selected(c, kind)} AS {c}" for c, kind in self.columns.items()]
        if rowid:
            columns = [f"rowid AS {ROWID}", *columns]
        return f"SELECT {', '.join(columns)} FROM {self._rows()} ORDER BY rowid"

    def _careful(self, bad: Sequence[BadRow]) -> str:
        """Return the query that reads cell by cell.

        connectorx takes the types of a union from its first part, which is of an empty table.
        """
        marks = self._mark(bad)
        in_column = f"rowid IN (SELECT bad_rowid FROM {marks} WHERE bad_column = '{{}}')"
        texts = [c for c in self.table.spare if self.columns[c] == "text"]
        values = {
            c: f"CASE WHEN {in_column.format(c)} THEN NULL ELSE {value(c, kind)} END"
            if c in texts
            else value(c, kind)
            for c, kind in self.columns.items()
        }
        lost = warnings(self.table, " OR ".join(map(in_column.format, texts)) or "0")
        cells = ", ".join(["rowid", *values.values(), *lost.values()])
        good = f"NOT {in_column.format('')}"
        return (
            f"SELECT * FROM {self._typed(lost)} UNION ALL "
            f"SELECT {cells} FROM {self._rows()} AND {good} ORDER BY {ROWID}"
        )

    def _rows(self) -> str:
        return f"{self.name} WHERE {self.where} AND rowid BETWEEN {STRETCH}"

    def _typed(self, flags: Iterable[str]) -> str:
        """Add an empty table with the types of the columns to the copy."""
        name = f"typed_{token_hex(8)}"
        types = {c: TYPES[kind] for c, kind in self.columns.items()} | dict.fromkeys(flags, "BOOL")
        columns = ", ".join(f"{column} {dtype}" for column, dtype in types.items())
        with open_copy(self.copy, self.name) as con, con:
            con.execute(f"CREATE TABLE {name} ({ROWID} INTEGER, {columns})")
        return name

    def _mark(self, bad: Sequence[BadRow]) -> str:
        """Add a table of the bad rows to the copy, under a name that none of its tables has."""
        marks = f"bad_{token_hex(8)}"
        rows = [(row.column, row.rowid) for row in bad]
        with open_copy(self.copy, self.name) as con, con:
            con.execute(
                f"CREATE TABLE {marks} (bad_column TEXT, bad_rowid INTEGER, "
                "PRIMARY KEY (bad_column, bad_rowid)) WITHOUT ROWID"
            )
            con.executemany(f"INSERT INTO {marks} VALUES (?, ?)", rows)
        return marks

    def bad_cells(self) -> list[BadRow]:
        """Return the rows with a cell of another kind that a ranking needs."""
        return bad_cells(self.copy, self.table, self.where)

    def unreadable(self) -> list[BadRow]:
        """Return the rows that cannot be read, each with its first reason; a slow full scan."""
        return bad_rows(self.copy, self.table, self.where)

    def originals(self, rowids: Sequence[int]) -> Iterator[tuple[str | None, ...]]:
        """Yield the rows of those rowids, every value as text, in the order of the columns."""
        query = f"SELECT {', '.join(self.columns)} FROM {self.name} WHERE rowid = ?"
        with open_copy(self.copy, self.name) as con:
            for rowid in rowids:
                row = con.execute(query, (rowid,)).fetchone()
                yield tuple(_as_text(value) for value in row)

    def source_years(self, rowids: Sequence[int]) -> list[str]:
        """Return the source year of each of those rows; `''` also for one that is not there."""
        return years_of(self.copy, self.name, rowids)

    def outside(self, years: Set[str], known: Iterable[str]) -> Self:
        """Return a reader of the rows whose source year is none of `years`."""
        return replace(self, where=outside(years, known))

    def carried(self, rejects: Path, years: Set[str]) -> pl.DataFrame:
        """Return the old notes on rows that have a date in these years now."""
        notes = pl.read_parquet(rejects, columns=["rowid", "reason", "kept"], glob=False)
        now = self.source_years(notes["rowid"].to_list())
        return notes.filter([year in years for year in now])


def _selected(column: str, kind: Kind) -> str:
    return value(column, kind) if kind in ("day", "time") else column


def _as_text(value: object) -> str | None:
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    return None if value is None else str(value)
