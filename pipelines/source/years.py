"""Years of `daily_prices`: which of its rows belong to one, as conditions and queries in SQL."""

from collections.abc import Iterable, Sequence, Set
from itertools import groupby
from pathlib import Path
from typing import Final

from pipelines.source.copying import open_copy
from pipelines.source.tables import PRICES

SOURCE_YEAR: Final = "CASE typeof(date) WHEN 'text' THEN substr(date, 1, 4) ELSE '' END"
"""The source year of a row in SQL: the first four characters of a text, `''` of anything else."""


def years_of(copy: Path, table: str, rowids: Sequence[int]) -> list[str]:
    """Return the source year of each of these rows; `''` also for a row that is not there."""
    query = f"SELECT {SOURCE_YEAR} FROM {table} WHERE rowid = ?"
    with open_copy(copy, table) as con:
        found = (con.execute(query, (rowid,)).fetchone() for rowid in rowids)
        return [row[0] if row else "" for row in found]


def years_between(copy: Path, ranges: Iterable[tuple[int, int]]) -> frozenset[str]:
    """Return the source years of prices whose rowid lies in one of the ranges, ends included."""
    query = f"SELECT DISTINCT {SOURCE_YEAR} FROM {PRICES.name} WHERE rowid BETWEEN ? AND ?"
    with open_copy(copy, PRICES.name) as con:
        return frozenset(year for ends in ranges for (year,) in con.execute(query, ends))


def wide_years(copy: Path, width: int) -> frozenset[str]:
    """Return the source years of prices with more bytes of text than `width`; a full scan."""
    sizes = " + ".join(f"IFNULL(LENGTH(CAST({c} AS BLOB)), 0)" for c in PRICES.columns)
    query = f"SELECT DISTINCT {SOURCE_YEAR} FROM {PRICES.name} WHERE {sizes} > ?"
    with open_copy(copy, PRICES.name) as con:
        return frozenset(year for (year,) in con.execute(query, (width,)))


def outside(years: Set[str], known: Iterable[str]) -> str:
    """Return the condition in SQL that a row's source year is none of `years`.

    All of them have four digits. `known` holds the source years of all rows of the table, at
    least one of them in `years`. Years with none of the others between them become one range of
    text, which is cheaper to compare with than each year.
    """
    runs = [list(run) for taken, run in groupby(sorted(known), years.__contains__) if taken]
    # Without the plus, SQLite would take '1982' beside a DATE for a number.
    date = "+date COLLATE BINARY"
    ranges = (f"{date} >= '{run[0]}' AND {date} < '{_after(run[-1])}'" for run in runs)
    return f"(date IS NULL OR NOT ({' OR '.join(ranges)}))"


def _after(year: str) -> str:
    """Return the first text in order that comes after all texts which begin with the year."""
    return year[:-1] + chr(ord(year[-1]) + 1)
