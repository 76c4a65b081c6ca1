"""Which source years of `daily_prices` may differ from an earlier state, found without a scan.

The source year of a row is `SOURCE_YEAR`. A state keeps a hash of every leaf page of the table,
and 0 for other pages and for leaves with a row that continues on overflow pages. A leaf is
unchanged if its hash is that of the page of the same number in the earlier state, and not 0. It
was then a leaf of the table with the same bytes, which are all of its rows. So:

- A row that was added or changed, in a value or its rowid, is on a changed leaf: the year that it
  has now is found.
- Of a year that is not found, every row is as it was, but some may be gone: deleted, or moved to
  another year or page. Then fewer rows lie outside the years found than before. If as many do,
  none is gone; else the rows of each year are counted, and those with another count added.

Nothing is missed but by a collision of 64-bit hashes. Rewriting the file with `VACUUM`, and
another definition of the table, change every year. A small table is compared whole: its definition
and every page that can be reached from its root, in order.

A leaf page is `0D`, an interior page `05`; see https://sqlite.org/fileformat2.html.
"""

import json
import os
import sqlite3
import struct
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from xxhash import xxh3_64, xxh3_64_intdigest

from pipelines.errors import SourceError

TABLE: Final = "daily_prices"
SOURCE_YEAR: Final = "CASE typeof(date) WHEN 'text' THEN substr(date, 1, 4) ELSE '' END"
"""The source year of a row in SQL: whatever a text begins with, `''` of anything else."""

FORMAT: Final = 1
INTERIOR, LEAF = 0x05, 0x0D
MAX_DEPTH: Final = 20
ROWIDS: Final = (-(2**63), 2**63 - 1)

Range = tuple[int, int]
"""Rowids from the first to the last, both included."""


# ------------------------------------------------------------------------------- fingerprint


def fingerprint(path: Path) -> dict[str, Any]:
    """What changes whenever a database is written to; two that are equal mean that it was not.

    No connection of this process to the database may be open: closing a file drops its locks.
    """
    stat, header = path.stat(), _head(path, 96) or b""
    wal = path.with_name(path.name + "-wal")
    written = wal.exists() and wal.stat().st_size > 0
    return {
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
