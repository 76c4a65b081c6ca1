"""A SQLite database as a source: it is copied, and all is read from the private copy."""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from pipelines import fingerprint
from pipelines.fingerprint import Fingerprint
from pipelines.source.batches import SqliteTable
from pipelines.source.changes import SourceState, found_years
from pipelines.source.copying import copy
from pipelines.source.postgres import is_of_postgres
from pipelines.source.schema import preflight
from pipelines.source.tables import PRICES, SourceTable
from pipelines.source.years import wide_years

ROOM: Final = 500
"""Bytes of a page that the text of a row cannot use: headers, thirty numbers, some to spare."""


@dataclass(frozen=True)
class SqliteSource:
    """A SQLite database file."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def preflight(self) -> list[SourceTable]:
        """Return the tables that the database has; nothing is written."""
        return preflight(self.path)

    def fingerprint(self) -> Fingerprint:
        """Return what differs after each write."""
        return fingerprint.fingerprint(self.path)

    def is_demo(self) -> bool:
        """Return True for a demo market."""
        return fingerprint.is_demo(self.path)

    def snapshot(self, folder: Path) -> "SqliteSnapshot":
        """Make the private copy in the folder."""
        copy(self.path, folder / "source.db")
        return SqliteSnapshot(folder / "source.db")


@dataclass(frozen=True)
class SqliteSnapshot:
    """A private copy of a database."""

    copy: Path

    def table(self, table: SourceTable) -> SqliteTable:
        """Return a reader of one table."""
        return SqliteTable(self.copy, table)

    @cached_property
    def state(self) -> SourceState:
        """The state of the copy; it must be asked for before rows of it are marked."""
        return SourceState.of(self.copy)

    def save_state(self, path: Path) -> None:
        """Write the parts of the state that a later one is compared with."""
        self.state.save(path)

    def found_years(self, saved: Path) -> Set[str] | None:
        """Return the source years of rows on changed pages; None where any may have changed."""
        if is_of_postgres(saved) or not self._is_known((PRICES,)):
            return None
        return found_years(self.copy, self.state, SourceState.load(saved))

    def wide_years(self, widest: int) -> tuple[Set[str], int]:
        """Return the years of rows that may not lie on one page, and a bound for all others."""
        if widest <= self._widest_plain:
            return frozenset(), widest
        return wide_years(self.copy, self._widest_plain), self._widest_plain

    def is_unchanged(self, saved: Path, tables: Sequence[SourceTable], widest: int) -> bool:
        """Return True if the pages of small tables are the same, and hold their rows whole."""
        was, now = SourceState.load(saved).digests, self.state.digests
        return (
            all(was.get(table.name) == now.get(table.name) for table in tables)
            and self._is_known(tables)
            and widest <= self._widest_plain
        )

    @property
    def _widest_plain(self) -> int:
        """The bytes of text up to which a row surely lies on one page."""
        return self.state.page_size - ROOM

    def _is_known(self, tables: Sequence[SourceTable]) -> bool:
        """Return True if all columns of the tables are read, and texts are UTF-8.

        A column that is not read may be of any size, and then the others of its row may lie on
        pages that are not hashed.
        """
        widths = self.state.widths
        columns = all(widths[table.name] in (0, len(table.columns)) for table in tables)
        return columns and self.state.encoding == "UTF-8"
