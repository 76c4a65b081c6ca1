"""Which years of `daily_prices` may have changed since an earlier state, found without a scan.

A state keeps a hash of every leaf page of the table, by page number. A row that was added or
changed lies on a leaf whose hash differs from that of the same page before, so the year that it
has now is found. Of a year that is not found every row is as it was, but rows may be gone: deleted,
or moved to another year or page. Then fewer rows lie outside the years that are found than before,
and the caller must compare these numbers; where they agree, nothing is gone.

Rows must be small enough to lie on their leaf whole, which the caller must see to. Nothing is
missed but by a collision of 64-bit hashes. Rewriting the file with `VACUUM` changes every year.

A leaf page is of type `0D`, an interior page `05`; see https://sqlite.org/fileformat2.html.
"""

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Set
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import IO, Any, Final, Self

import numpy as np
import numpy.typing as npt
from xxhash import xxh3_64_intdigest, xxh3_128

from pipelines.errors import LakeError, SourceError

TABLE: Final = "daily_prices"
SMALL: Final = ("fundamentals", "fundamentals_snapshots", "index_prices")
SOURCE_YEAR: Final = "CASE typeof(date) WHEN 'text' THEN substr(date, 1, 4) ELSE '' END"
"""The source year of a row in SQL: whatever a text begins with, `''` of anything else."""

INTERIOR: Final = 0x05
SEVEN: Final = np.uint64(0x7F)
"""The bits of a byte that are of a number in several bytes; the eighth says that more follow."""
BLOCK_PAGES: Final = 1024
MOST_RANGES: Final = 2000
"""Beyond so many changed stretches of the table it is read whole."""

FIRST_ROWID, LAST_ROWID = -(2**63), 2**63 - 1

Range = tuple[int, int]
"""Rowids from the first to the last, both included."""

Hashes = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.int64]


# ------------------------------------------------------------------------------- fingerprint


def fingerprint(path: Path) -> dict[str, Any]:
    """What changes whenever a database is written to; two that are equal mean that it was not.

    No connection of this process to the database may be open: closing a file drops its locks.
    """
    path = path.resolve()
    stat, header = path.stat(), _head(path, 96) or b""
    wal = path.with_name(path.name + "-wal")
    written = wal.exists() and wal.stat().st_size > 0
    return {
        "path": os.fsencode(path).decode(errors="backslashreplace"),
        "bytes": stat.st_size,
        "times": [stat.st_mtime_ns, stat.st_ctime_ns],
        "inode": stat.st_ino,
        "header": (header[24:28] + header[92:96]).hex(),
        "wal": [wal.stat().st_size, wal.stat().st_mtime_ns] if written else None,
        "wal_header": _hex(_head(wal, 32)) if written else None,
        "shm_header": _hex(_head(path.with_name(path.name + "-shm"), 48)) if written else None,
    }


def _head(path: Path, size: int) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(size)
    except FileNotFoundError:
        return None


def _hex(raw: bytes | None) -> str | None:
    return None if raw is None else raw.hex()


# -------------------------------------------------------------------------------------- copy


DAMAGED: Final = (
    "the database is damaged, so restore it from a backup, "
    "or save what can be with the command .recover of sqlite3"
)
UNFINISHED: Final = (
    "a writer was killed and its -journal is still there, so open the database once for writing, "
    "with its application or with sqlite3 FILE 'SELECT count(*) FROM sqlite_master', "
    "and SQLite will undo the unfinished write"
)


@contextmanager
def reading(copy: Path, table: str) -> Iterator[sqlite3.Connection]:
    """A connection to a private copy, to read a table; `SourceError` where that is damaged.

    Texts that are no UTF-8 come with their bytes as escapes.
    """
    try:
        with closing(sqlite3.connect(copy)) as con:
            con.text_factory = lambda raw: raw.decode(errors="backslashreplace")
            yield con
    except sqlite3.Error as error:
        raise SourceError(f"cannot read {table}: {told(error)}") from None


def told(error: Exception) -> str:
    """What SQLite says, and the remedy if the database is damaged or a write is unfinished."""
    if is_unfinished(error):
        return f"{error}; {UNFINISHED}"
    return f"{error}; {DAMAGED}" if "malformed" in str(error) else str(error)


def is_unfinished(error: Exception) -> bool:
    """Whether a reader met the journal of a killed writer, which only a writer may roll back."""
    return getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_READONLY_ROLLBACK


# ------------------------------------------------------------------------------------- pages


@dataclass(frozen=True)
class Leaves:
    """The leaf pages of a table in the order of their rowids, and the last rowid of each."""

    pages: Numbers
    last: Numbers


def _leaves(file: IO[bytes], page_size: int, root: int) -> Leaves:
    """The leaves below a page; all are equally deep.

    `IndexError` where pages lead in a circle or out of the file.
    """
    level = Leaves(np.array([root]), np.array([LAST_ROWID]))
    unseen = file.seek(0, os.SEEK_END) // page_size
    while _type(_page(file, page_size, level.pages[0]), level.pages[0]) == INTERIOR:
        below = [
            _children(_page(file, page_size, number), number, last)
            for number, last in zip(level.pages.tolist(), level.last.tolist(), strict=True)
        ]
        level = Leaves(
            np.concatenate([leaves.pages for leaves in below]),
            np.concatenate([leaves.last for leaves in below]),
        )
        unseen -= len(level.pages)
        if unseen < 0:
            raise IndexError
    return level


def _page(file: IO[bytes], page_size: int, number: int) -> bytes:
    if number < 1:
        raise IndexError
    file.seek((number - 1) * page_size)
    page = file.read(page_size)
    if len(page) < page_size:
        raise IndexError
    return page


def _type(page: bytes, number: int) -> int:
    return page[_header(number)]


def _header(number: int) -> int:
    """Where the header of a page begins: that of the first comes after the database's own."""
    return 100 if number == 1 else 0


def _children(page: bytes, number: int, last: int) -> Leaves:
    """The pages below an interior page, whose own last rowid is `last`."""
    header, raw = _header(number), np.frombuffer(page, np.uint8)
    cells = int.from_bytes(page[header + 3 : header + 5])
    if header + 12 + 2 * cells > len(page):
        raise IndexError
    at = np.frombuffer(page, ">u2", cells, header + 12).astype(np.int64)[:, None]
    pages = np.append(raw[at + np.arange(4)], raw[header + 8 : header + 12])
    # A cell's rowid has nine bytes at most, and ends on the page.
    keys, sizes = _varints(np.append(raw, np.zeros(9, np.uint8))[at + 4 + np.arange(9)])
    if (at[:, 0] + 4 + sizes > len(page)).any():
        raise IndexError
    return Leaves(pages.view(">u4").astype(np.int64), np.append(keys, last))


def _varints(raw: npt.NDArray[np.uint8]) -> tuple[Numbers, Numbers]:
    """SQLite's variable-length integers, one a row of nine bytes whatever follows it, and sizes.

    Seven bits a byte until one without the eighth, all eight of the ninth; signed.
    """
    value, size = np.zeros(len(raw), np.uint64), np.zeros(len(raw), np.int64)
    more = np.ones(len(raw), np.bool_)
    for n, byte in enumerate(raw.T.astype(np.uint64)):
        longer = value << np.uint64(8) | byte if n == 8 else value << np.uint64(7) | byte & SEVEN
        value = np.where(more, longer, value)
        size += more
        more &= byte > SEVEN
    return value.view(np.int64), size


def _hashes(file: IO[bytes], page_size: int, pages: Numbers) -> Hashes:
    """A hash of each of the pages at the place of its number, 0 elsewhere."""
    file.seek(0, 2)
    hashes = np.zeros(file.tell() // page_size + 1, dtype=np.uint64)
    wanted = np.zeros(len(hashes), dtype=np.bool_)
    wanted[pages] = True
    file.seek(0)
    for start in range(1, len(hashes), BLOCK_PAGES):
        block = memoryview(file.read(page_size * BLOCK_PAGES))
        for number in np.flatnonzero(wanted[start : start + BLOCK_PAGES]).tolist():
            page = block[number * page_size : (number + 1) * page_size]
            hashes[start + number] = xxh3_64_intdigest(page)
    return hashes


def _digest(file: IO[bytes], page_size: int, root: int, definition: str) -> str:
    digest = xxh3_128(f"{definition} {page_size}".encode())
    for number in _leaves(file, page_size, root).pages.tolist():
        digest.update(_page(file, page_size, number))
    return digest.hexdigest()


# ------------------------------------------------------------------------------------- state


@dataclass(frozen=True)
class State:
    """What `daily_prices` was like: its definition, and a hash of each of its leaf pages."""

    definition: list[Any]
    hashes: Hashes
    digests: dict[str, str]
    """Of each small table, a hash of its definition and of all its leaf pages in order."""
    columns: dict[str, int]
    """How many columns each of the tables has, generated ones included."""
    leaves: Leaves | None = None
    """Of `daily_prices`; not saved, for a later state has leaves of its own."""

    @classmethod
    def of(cls, copy: Path) -> Self:
        """The state of a private copy, to which no connection is open."""
        with reading(copy, TABLE) as con:
            sql, root = con.execute(
                "SELECT sql, rootpage FROM sqlite_master WHERE type = 'table' AND name = ?",
                (TABLE,),
            ).fetchone()
            page_size = con.execute("PRAGMA page_size").fetchone()[0]
            encoding = con.execute("PRAGMA encoding").fetchone()[0]
            columns = {
                name: len(con.execute(f"PRAGMA table_xinfo({name})").fetchall())
                for name in (TABLE, *SMALL)
            }
            roots = con.execute(
                "SELECT name, sql, rootpage FROM sqlite_master WHERE type = 'table'"
            ).fetchall()
        with copy.open("rb") as file, _whole_pages():
            digests = {
                name: _digest(file, page_size, at, f"{text} {encoding}")
                for name, text, at in roots
                if name in SMALL
            }
            leaves = _leaves(file, page_size, root)
            hashes = _hashes(file, page_size, leaves.pages)
        return cls([sql, page_size, encoding], hashes, digests, columns, leaves)

    @property
    def encoding(self) -> str:
        """How the texts of the database are stored."""
        return str(self.definition[2])

    @property
    def page_size(self) -> int:
        """Bytes of a page."""
        return int(self.definition[1])

    def save(self, path: Path) -> None:
        """Write what a later state is compared with."""
        with path.open("wb") as file:
            file.write(json.dumps([self.definition, self.digests]).encode() + b"\n")
            np.save(file, self.hashes)

    @classmethod
    def load(cls, path: Path) -> Self:
        """What was saved; `LakeError` where the file is absent or damaged."""
        try:
            with path.open("rb") as file:
                definition, digests = json.loads(file.readline())
                return cls(definition, np.load(file), digests, {})
        except (OSError, EOFError, ValueError, TypeError):
            raise LakeError(f"{path.name} cannot be read") from None

    def changed_since(self, before: Self) -> list[Range] | None:
        """Stretches of rowids that lie on changed leaves; None where anything may have changed."""
        if self.definition != before.definition or self.leaves is None:
            return None
        pages, last = self.leaves.pages, self.leaves.last
        known = np.zeros(max(len(self.hashes), len(before.hashes)), np.uint64)
        known[: len(before.hashes)] = before.hashes
        changed = np.flatnonzero((known[pages] != self.hashes[pages]) | (self.hashes[pages] == 0))
        starts = changed[np.diff(changed, prepend=-2) > 1]
        ends = changed[np.diff(changed, append=len(pages) + 1) > 1]
        first = np.append(FIRST_ROWID, last[:-1] + 1)
        return list(zip(first[starts].tolist(), last[ends].tolist(), strict=True))


@contextmanager
def _whole_pages() -> Iterator[None]:
    try:
        yield
    except IndexError:
        raise SourceError(f"cannot read the database: a page is malformed; {DAMAGED}") from None


def found_years(copy: Path, now: State, before: State) -> frozenset[str] | None:
    """The source years that rows on changed leaves have now; None where any may have changed."""
    ranges = now.changed_since(before)
    if ranges is None or len(ranges) > MOST_RANGES:
        return None
    query = f"SELECT DISTINCT {SOURCE_YEAR} FROM {TABLE} WHERE rowid BETWEEN ? AND ?"
    with reading(copy, TABLE) as con:
        return frozenset(year for pair in ranges for (year,) in con.execute(query, pair))


def wide_years(copy: Path, columns: Iterable[str], width: int) -> frozenset[str]:
    """The source years of rows whose texts and blobs take more bytes than `width`; a full scan."""
    sizes = " + ".join(f"IFNULL(LENGTH(CAST({column} AS BLOB)), 0)" for column in columns)
    query = f"SELECT DISTINCT {SOURCE_YEAR} FROM {TABLE} WHERE {sizes} > ?"
    with reading(copy, TABLE) as con:
        return frozenset(year for (year,) in con.execute(query, (width,)))


def outside(years: Set[str], known: Iterable[str]) -> str:
    """The rows of no source year among `years`, all of four digits, as a condition in SQL.

    `known` holds the source years of all rows of the table, and at least one of `years`. Years
    with none of the others between them are one range of text, cheaper to compare with than each.
    """
    runs = [list(run) for taken, run in groupby(sorted(known), years.__contains__) if taken]
    # The plus keeps SQLite from taking '1982' beside a DATE for a number.
    date = "+date COLLATE BINARY"
    ranges = (f"{date} >= '{run[0]}' AND {date} < '{_after(run[-1])}'" for run in runs)
    return f"(date IS NULL OR NOT ({' OR '.join(ranges)}))"


def _after(year: str) -> str:
    """The first text after all that begin with a year."""
    return year[:-1] + chr(ord(year[-1]) + 1)
