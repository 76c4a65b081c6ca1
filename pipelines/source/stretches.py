"""A table in stretches of rowids, one query each.

connectorx reads as fast as it can into a queue without bounds: with a query for the whole table, a
slow reader would have all of it in memory.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

from pipelines.source.copying import open_copy

SPARSE: Final = 2
"""If the rowids from first to last are this many times the rows, or more, rows are counted."""


def span(copy: Path, table: str) -> tuple[int, int] | None:
    """Return the first and the last rowid of a table, None where it is empty."""
    with open_copy(copy, table) as con:
        # Asked for one at a time, SQLite looks them up; for both at once it scans the table.
        (first,) = con.execute(f"SELECT min(rowid) FROM {table}").fetchone()
        (last,) = con.execute(f"SELECT max(rowid) FROM {table}").fetchone()
    return None if first is None else (first, last)


def stretches(
    copy: Path, table: str, ends: tuple[int, int], rows: int, height: int
) -> Iterator[tuple[int, int]]:
    """Yield ranges of rowids, ends included, that cover a table of `rows` rows.

    None of them holds more rows than `height`.
    """
    first, last = ends
    if last - first < SPARSE * rows:
        edges = list(range(first, last + 1, height))
    else:
        edges = _counted_out(copy, table, first, height)
    for begin, end in pairwise([*edges, last + 1]):
        yield begin, end - 1


def _counted_out(copy: Path, table: str, first: int, height: int) -> list[int]:
    """Return the rowid of every row that begins a stretch of `height` rows."""
    edges = [first]
    query = f"SELECT rowid FROM {table} WHERE rowid >= ? ORDER BY rowid LIMIT 1 OFFSET ?"
    with open_copy(copy, table) as con:
        while found := con.execute(query, (edges[-1], height)).fetchone():
            edges += found
    return edges
