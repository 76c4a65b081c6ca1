"""What a refresh asks of a source, whichever database it is."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Protocol, Self

import polars as pl

from pipelines.fingerprint import Fingerprint
from pipelines.source.tables import Kind, SourceTable
from pipelines.source.unreadable import BadRow


class TableReader(Protocol):
    """Reads one table as it is at one moment.

    Within a refresh each row has a number, which tells it from the others of its table.
    """

    @property
    def table(self) -> SourceTable:
        """The table that is read."""

    @property
    def name(self) -> str:
        """The table's name."""

    @property
    def columns(self) -> Mapping[str, Kind]:
        """The columns that are read, and what they hold."""

    @property
    def rows(self) -> int:
        """The number of rows in the table."""

    @property
    def is_plain(self) -> bool:
        """True if every cell holds what its column is declared to hold."""

    @property
    def has_rowids(self) -> bool:
        """True if the numbers of rows are known to the database's owner, as rowids are."""

    def batches(self, bad: Sequence[BadRow] | None = None) -> Iterator[pl.DataFrame]:
        """Yield the rows without the bad ones, with their numbers as `rowid_`."""

    def bad_cells(self) -> list[BadRow]:
        """Return the rows with a cell of another kind that a ranking needs."""

    def unreadable(self) -> list[BadRow]:
        """Return the rows that cannot be read, each with its first reason."""

    def originals(self, numbers: Sequence[int]) -> Iterator[tuple[str | None, ...]]:
        """Yield the rows of those numbers, every value as text, in the order of the columns."""

    def source_years(self, numbers: Sequence[int]) -> list[str]:
        """Return the source year of each of those rows; `''` also for one that is not there."""

    def outside(self, years: Set[str], known: Iterable[str]) -> Self:
        """Return a reader of the rows whose source year is none of `years`; `rows` counts all.

        `known` holds the source years of all rows, at least one of them in `years`.
        """

    def carried(self, rejects: Path, years: Set[str]) -> pl.DataFrame:
        """Return `rowid, reason, kept` of old rejects that have a date in these years now."""


class Snapshot(Protocol):
    """A database as it is at one moment, and what changed in it since another."""

    def save_state(self, path: Path) -> None:
        """Write the parts of the state that a later one is compared with."""

    def found_years(self, saved: Path) -> Set[str] | None:
        """Return the source years of prices that may have changed since a state was saved.

        A year that only lost rows may be left out. None where any year may have changed.
        """

    def wide_years(self, widest: int) -> tuple[Set[str], int]:
        """Return the years with rows too wide to tell whether they changed.

        `widest` is an upper bound for the bytes of text in any row. With the years comes such a
        bound for the rows of all other years.
        """

    def is_unchanged(self, saved: Path, tables: Sequence[SourceTable], widest: int) -> bool:
        """Return True if no row of small tables can have changed since a state was saved."""

    def table(self, table: SourceTable) -> TableReader:
        """Return a reader of one table."""


class Source(Protocol):
    """A database that is read."""

    def preflight(self) -> list[SourceTable]:
        """Return the tables that the database has; `SourceError` names all that is wrong."""

    def fingerprint(self) -> Fingerprint:
        """Return what differs after each write."""

    def is_demo(self) -> bool:
        """Return True for a demo market."""

    def snapshot(self, folder: Path) -> Snapshot:
        """Return the database as it is now; what it needs on disk is in the folder."""
