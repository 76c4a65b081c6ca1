"""Find the years of `daily_prices` that may have changed since an earlier state, without a scan.

A state keeps a hash of every leaf page of the table, by page number. A row that was added or
changed lies on a page whose hash differs, so its year is found. In a year that is
not found every row is as it was, but rows may be gone: deleted, or moved to another year or page.
Then fewer rows than before lie outside the years that are found, so the caller must compare these
numbers; where they agree, nothing is gone.

A row must lie whole on its leaf page, and the caller must see to that. Nothing but two equal 64-bit
hashes can hide a change. `VACUUM` rewrites the file, which changes every year.
"""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np

from pipelines.errors import LakeError
from pipelines.source.copying import open_copy
from pipelines.source.pages import Leaves, Numbers, PageFile, PageHashes, well_formed
from pipelines.source.tables import PRICES, STOCKS, TABLES, SourceTable
from pipelines.source.years import years_between

DIGESTED: Final = tuple(table for table in TABLES.values() if table not in (PRICES, STOCKS))
"""Tables that are small, and so are taken as a whole or not at all. Stocks are read each time."""
MOST_RANGES: Final = 2000
"""If more stretches of the table than this have changed, the whole table is read."""
FIRST_ROWID: Final = -(2**63)

Range = tuple[int, int]
"""Rowids from the first to the last, both included."""


@dataclass(frozen=True)
class Definition:
    """The statement that made `daily_prices`, and how the file stores rows and texts."""

    sql: str
    page_size: int
    encoding: str


@dataclass(frozen=True)
class SourceState:
    """The state of a database: a hash of each leaf page of `daily_prices`, by page number.

    `digests` has one hash of each small table, and `widths` the number of columns of each table,
    generated ones included.
    """

    definition: Definition
    hashes: PageHashes
    digests: Mapping[str, str]
    widths: Mapping[str, int]
    leaves: Leaves | None = None
    """The leaves of `daily_prices`; not saved, for a later state has its own."""

    @classmethod
    def of(cls, copy: Path) -> Self:
        """Return the state of a private copy, to which no connection is open."""
        with open_copy(copy, PRICES.name) as con:
            page_size, encoding = _pragma(con, "page_size"), _pragma(con, "encoding")
            widths = {table.name: _width(con, table) for table in (PRICES, *DIGESTED)}
            made = _definitions(con)
        sql, root = made[PRICES.name]
        with copy.open("rb") as file, well_formed():
            pages = PageFile(file, page_size)
            digests = {
                table.name: _digest(pages, *made[table.name], encoding)
                for table in DIGESTED
                if table.name in made
            }
            leaves = pages.leaves(root)
            hashes = pages.hashes(leaves.pages)
        return cls(Definition(sql, page_size, encoding), hashes, digests, widths, leaves)

    @property
    def encoding(self) -> str:
        """How the texts of the database are stored."""
        return self.definition.encoding

    @property
    def page_size(self) -> int:
        """The bytes of a page."""
        return self.definition.page_size

    def save(self, path: Path) -> None:
        """Write the parts that a later state is compared with."""
        with path.open("wb") as file:
            file.write(json.dumps([astuple(self.definition), self.digests]).encode() + b"\n")
            np.save(file, self.hashes)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what was saved; `LakeError` where the file is absent or damaged."""
        try:
            with path.open("rb") as file:
                definition, digests = json.loads(file.readline())
                return cls(Definition(*definition), np.load(file), digests, {})
        except (OSError, EOFError, ValueError, TypeError):
            raise LakeError(f"{path.name} cannot be read") from None

    def changed_since(self, before: Self) -> list[Range] | None:
        """Return ranges of rowids on changed leaves; None where anything may have changed."""
        if self.definition != before.definition or self.leaves is None:
            return None
        pages, last = self.leaves.pages, self.leaves.last
        known = np.zeros(max(len(self.hashes), len(before.hashes)), np.uint64)
        known[: len(before.hashes)] = before.hashes
        differs = (known[pages] != self.hashes[pages]) | (self.hashes[pages] == 0)
        return _ranges(np.flatnonzero(differs), last)


def _ranges(changed: Numbers, last: Numbers) -> list[Range]:
    """Join changed leaves that follow each other; `last` has the last rowid of every leaf."""
    starts = changed[np.diff(changed, prepend=-2) > 1]
    ends = changed[np.diff(changed, append=len(last) + 1) > 1]
    first = np.append(FIRST_ROWID, last[:-1] + 1)
    return list(zip(first[starts].tolist(), last[ends].tolist(), strict=True))


def _pragma(con: sqlite3.Connection, name: str) -> Any:
    return con.execute(f"PRAGMA {name}").fetchone()[0]


def _width(con: sqlite3.Connection, table: SourceTable) -> int:
    return len(con.execute(f"PRAGMA table_xinfo({table.name})").fetchall())


def _definitions(con: sqlite3.Connection) -> dict[str, tuple[str, int]]:
    """Return the statement and root page of each table, by its name in small letters."""
    rows = con.execute("SELECT name, sql, rootpage FROM sqlite_master WHERE type = 'table'")
    return {name.lower(): (sql, root) for name, sql, root in rows}


def _digest(pages: PageFile, sql: str, root: int, encoding: str) -> str:
    return pages.digest(root, f"{sql} {encoding}")


def found_years(copy: Path, now: SourceState, before: SourceState) -> frozenset[str] | None:
    """Return the source years of rows on changed leaves; None where any may have changed."""
    ranges = now.changed_since(before)
    if ranges is None or len(ranges) > MOST_RANGES:
        return None
    return years_between(copy, ranges)
