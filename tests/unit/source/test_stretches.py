"""Windows cover a table, none of them with more rows than asked for."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pipelines.source import batches as reading
from pipelines.source.stretches import span, stretches
from tests.unit.source.tables import change, prices, whole

LAST = 2**63 - 1


def table(folder: Path, *rowids: int) -> Path:
    path = folder / "x.db"
    with closing(sqlite3.connect(path)) as con, con:
        con.execute("CREATE TABLE t (x)")
        con.executemany("INSERT INTO t (rowid) VALUES (?)", [(rowid,) for rowid in rowids])
    return path


def test_an_empty_table_has_no_span(tmp_path: Path) -> None:
    assert span(table(tmp_path), "t") is None


@pytest.mark.parametrize(
    ("rowids", "ends", "expected"),
    [
        ((7,), (7, 7), [(7, 7)]),
        ((1, 2, 3, 4, 5), (1, 5), [(1, 2), (3, 4), (5, 5)]),
        ((-3, -2, -1, 0), (-3, 0), [(-3, -2), (-1, 0)]),
        ((1, 2, 3, 4, 5, 8), (1, 8), [(1, 2), (3, 4), (5, 6), (7, 8)]),
        ((-LAST - 1, 5, 6, LAST), (-LAST - 1, LAST), [(-LAST - 1, 5), (6, LAST)]),
        ((1, 2, 3, 1000), (1, 1000), [(1, 2), (3, 1000)]),
    ],
)
def test_stretches_of_two_rows(
    tmp_path: Path, rowids: tuple[int, ...], ends: tuple[int, int], expected: list[tuple[int, int]]
) -> None:
    path = table(tmp_path, *rowids)
    assert span(path, "t") == ends
    assert list(stretches(path, "t", ends, len(rowids), 2)) == expected


@pytest.mark.parametrize("far", [-(2**63), 2**40, 2**63 - 1])
def test_a_row_far_from_the_others_makes_no_stretch_of_the_whole_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, far: int
) -> None:
    monkeypatch.setattr(reading, "STRETCH_VALUES", 24)  # three rows
    table = prices(tmp_path, *[{}] * 20)
    change(table, "INSERT INTO daily_prices (rowid, ticker, date) VALUES (?, 'F', 'x')", far)
    ends = (min(1, far), max(20, far))
    found = stretches(table.copy, table.name, ends, table.rows, 3)
    query = "SELECT count(*) FROM daily_prices WHERE rowid BETWEEN ? AND ?"
    with closing(sqlite3.connect(table.copy)) as con:
        counts = [con.execute(query, stretch).fetchone()[0] for stretch in found]
    assert counts == [3] * 7
    assert whole(table)["rowid_"].to_list() == sorted([*range(1, 21), far])
