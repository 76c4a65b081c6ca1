"""A PostgreSQL database as a source: nothing is copied, all is read in one snapshot.

Of each year of `daily_prices`, and of each other table, the state has the number of rows and the
sum of their hashes. It is exact: only two equal sums of 64-bit hashes can hide a change.
"""

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Self

from pipelines.errors import LakeError
from pipelines.fingerprint import Fingerprint
from pipelines.place import Postgres
from pipelines.postgres import IS_DEMO, Session
from pipelines.source.catalogue import Found, found, preflight
from pipelines.source.remote_cells import year
from pipelines.source.remote_table import RemoteTable
from pipelines.source.tables import PRICES, SourceTable

MARK: Final = "postgresql"
"""The first key of a saved state, by which it is told from that of a SQLite database."""

Years = Mapping[str, Sequence[str]]
"""The number of rows and the sum of their hashes, as text, by source year; of one year, `''`."""


@dataclass(frozen=True)
class RemoteState:
    """The state of each table that is there, by its columns' types and its rows."""

    types: Mapping[str, Mapping[str, str]]
    rows: Mapping[str, Years]

    @property
    def digest(self) -> str:
        """A hash of all of it."""
        return sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def save(self, path: Path) -> None:
        """Write the state."""
        path.write_text(json.dumps({MARK: asdict(self)}, sort_keys=True), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what was saved; `LakeError` where the file is absent or damaged."""
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8"))[MARK])
        except (OSError, ValueError, TypeError, KeyError):
            raise LakeError(f"{path.name} cannot be read") from None

    def is_same(self, before: Self, table: str) -> bool:
        """Return True if no row of a table differs."""
        return self._of(table) == before._of(table)

    def _of(self, table: str) -> tuple[object, object]:
        return self.types.get(table), self.rows.get(table)

    def changed_years(self, before: Self) -> Set[str] | None:
        """Return the years of prices whose rows differ; None where the columns do."""
        if self.types[PRICES.name] != before.types.get(PRICES.name):
            return None
        now, was = self.rows[PRICES.name], before.rows[PRICES.name]
        return frozenset(key for key in now.keys() | was.keys() if now.get(key) != was.get(key))


def is_of_postgres(saved: Path) -> bool:
    """Return True if a state was saved of a PostgreSQL database."""
    try:
        with saved.open("rb") as file:
            return file.read(20).startswith(f'{{"{MARK}"'.encode())
    except OSError:
        return False


@dataclass(frozen=True)
class PostgresSource:
    """A database as it was when the session began, which is its snapshot too."""

    session: Session

    def __str__(self) -> str:
        return str(self.place)

    @property
    def place(self) -> Postgres:
        """Where it is."""
        return self.session.where

    @cached_property
    def _tables(self) -> dict[str, Found]:
        return found(self.session)

    def preflight(self) -> list[SourceTable]:
        """Return the tables that the database has; `SourceError` names all that is wrong."""
        return preflight(self.session, self._tables)

    def fingerprint(self) -> Fingerprint:
        """Return what differs after each write that changes a row."""
        oids = [part.oid for one in self._tables.values() for part in one.parts]
        query = "SELECT sum(pg_relation_size(oid))::int8 FROM unnest(%s::oid[]) AS oid"
        ((size,),) = self.session.rows(query, (oids,))
        return Fingerprint(
            path=str(self.place), bytes=size, times=(0, 0), inode=0, header=self.state.digest,
            wal=None, wal_header=None, shm_header=None,
        )  # fmt: skip

    def is_demo(self) -> bool:
        """Return True for a demo market."""
        return self.session.rows(IS_DEMO) == [(True,)]

    def snapshot(self, folder: Path) -> Self:  # noqa: ARG002 - nothing is written
        """Return itself: what the session sees does not change."""
        return self

    # ---------------------------------------------------------------------------------- state

    @cached_property
    def state(self) -> RemoteState:
        """The state of all tables, which are scanned for it."""
        types = {
            name: {column: one.type_of(column) for column in one.table.columns}
            for name, one in self._tables.items()
        }
        return RemoteState(types, {name: self._rows(one) for name, one in self._tables.items()})

    def _rows(self, one: Found) -> Years:
        key = year(one.type_of("date"), "date") if one.table is PRICES else "''"
        row = f"hash_record_extended(ROW({', '.join(one.table.columns)}), 0)"
        # A row's hash is itself a sum over its cells, so that two rows which change places in one
        # column would leave the sum of all rows as it was; of hashes of these hashes it differs.
        query = (
            f"SELECT {key}, count(*)::text, "
            f"coalesce(sum(hashtextextended({row}::text, 0)), 0)::text "
            f"FROM {one.name} GROUP BY 1"
        )
        rows: list[tuple[Any, ...]] = self.session.rows(query)
        return {year: [count, total] for year, count, total in rows}

    def save_state(self, path: Path) -> None:
        """Write what a later state is compared with."""
        self.state.save(path)

    def found_years(self, saved: Path) -> Set[str] | None:
        """Return the years whose rows differ; None where the state is of another database."""
        return self.state.changed_years(RemoteState.load(saved)) if is_of_postgres(saved) else None

    def wide_years(self, widest: int) -> tuple[Set[str], int]:
        """Return none: a row is hashed as a whole, however wide it is."""
        return frozenset(), widest

    def is_unchanged(self, saved: Path, tables: Sequence[SourceTable], widest: int) -> bool:  # noqa: ARG002
        """Return True if no row of the tables differs."""
        before = RemoteState.load(saved)
        return all(self.state.is_same(before, table.name) for table in tables)

    def table(self, table: SourceTable) -> RemoteTable:
        """Return a reader of one table."""
        counts = {year: int(count) for year, (count, _) in self.state.rows[table.name].items()}
        rows = sum(counts.values())
        return RemoteTable(self._tables[table.name], rows, rows, counts)
