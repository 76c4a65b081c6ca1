"""What changed between two states of a database, down to the rows on a page."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pipelines.errors import LakeError, SourceError
from pipelines.source.batches import SqliteTable
from pipelines.source.changes import SourceState, found_years
from tests.unit.source.tables import change, prices

PER_YEAR = 200


def market(folder: Path) -> SqliteTable:
    """Prices year by year in the order of rowids, on small pages."""
    years = [{"date": f"{year}-01-02"} for year in range(2019, 2025) for _ in range(PER_YEAR)]
    table = prices(folder, *years)
    run(table, "PRAGMA page_size = 1024", "VACUUM")
    return table


def run(table: SqliteTable, *statements: str) -> None:
    with closing(sqlite3.connect(table.copy, isolation_level=None)) as con:
        for statement in statements:
            con.execute(statement)


def found(table: SqliteTable, before: SourceState) -> frozenset[str] | None:
    return found_years(table.copy, SourceState.of(table.copy), before)


SOME = "UPDATE daily_prices SET close = 7 WHERE rowid = ?"


@pytest.mark.parametrize(
    ("sql", "value", "years"),
    [
        (SOME, 2.5 * PER_YEAR, {"2021"}),
        (SOME, 1, {"2019"}),
        (SOME, 6 * PER_YEAR, {"2024"}),
        ("DELETE FROM daily_prices WHERE rowid = ?", 3.5 * PER_YEAR, {"2022"}),
        ("UPDATE daily_prices SET close = 1 WHERE rowid < ?", 2 * PER_YEAR, set()),
        ("UPDATE daily_prices SET date = '1999-01-01' WHERE rowid = ?", 2.5 * PER_YEAR,
         {"1999", "2021"}),
        ("INSERT INTO daily_prices (rowid, ticker, date) VALUES (?, 'N', '1999-01-01')", -5,
         {"1999", "2019"}),
        ("INSERT INTO daily_prices (rowid, ticker, date) VALUES (?, 'N', '1999-01-01')", 2**63 - 1,
         {"1999", "2024"}),
    ],
)  # fmt: skip
def test_years_of_changed_pages(tmp_path: Path, sql: str, value: float, years: set[str]) -> None:
    table = market(tmp_path)
    before = SourceState.of(table.copy)
    change(table, sql, int(value))
    assert found(table, before) == years


@pytest.mark.parametrize(
    "statements",
    [
        ["ALTER TABLE daily_prices ADD COLUMN more TEXT"],
        ["PRAGMA page_size = 2048", "VACUUM"],
    ],
)
def test_a_table_of_another_form_may_have_changed_anywhere(
    tmp_path: Path, statements: list[str]
) -> None:
    table = market(tmp_path)
    before = SourceState.of(table.copy)
    run(table, *statements)
    assert found(table, before) is None


@pytest.mark.parametrize("mode", ["NONE", "FULL", "INCREMENTAL"])
def test_whatever_else_is_on_a_page_its_leaves_are_those_of_dbstat(
    tmp_path: Path, mode: str
) -> None:
    """With pointer maps, overflow, rows that are gone, and rowids of all sizes."""
    table = market(tmp_path)
    change(table, "UPDATE daily_prices SET ticker = printf('%.3000c', 'x') WHERE rowid = 500")
    change(table, "DELETE FROM daily_prices WHERE rowid BETWEEN 600 AND 700")
    for rowid in (-(2**63), -5, 2**40, 2**63 - 1):
        sql = "INSERT INTO daily_prices (rowid, ticker, date) VALUES (?, ?, '2024-01-02')"
        change(table, sql, rowid, f"R{rowid}")
    run(table, f"PRAGMA auto_vacuum = {mode}", "VACUUM")
    assert by_dbstat(table) == walked(table)


@pytest.mark.parametrize("rows", [0, 1])
def test_a_table_of_one_page_is_its_own_leaf(tmp_path: Path, rows: int) -> None:
    table = prices(tmp_path, *[{}] * rows)
    assert by_dbstat(table) == walked(table)
    assert len(walked(table)) == 1


def walked(table: SqliteTable) -> list[tuple[int, int]]:
    """The leaves, each with how many rows there are up to the last rowid on it."""
    leaves = SourceState.of(table.copy).leaves
    assert leaves
    query = "SELECT count(*) FROM daily_prices WHERE rowid <= ?"
    with closing(sqlite3.connect(table.copy)) as con:
        counts = [con.execute(query, (last,)).fetchone()[0] for last in leaves.last.tolist()]
    return list(zip(leaves.pages.tolist(), counts, strict=True))


def by_dbstat(table: SqliteTable) -> list[tuple[int, int]]:
    query = (
        "SELECT pageno, sum(ncell) OVER (ROWS UNBOUNDED PRECEDING) FROM (SELECT pageno, ncell "
        "FROM dbstat WHERE name = 'daily_prices' AND pagetype = 'leaf' ORDER BY name, path)"
    )
    with closing(sqlite3.connect(table.copy)) as con:
        if not con.execute("SELECT sqlite_compileoption_used('ENABLE_DBSTAT_VTAB')").fetchone()[0]:
            pytest.skip("SQLite was compiled without dbstat")
        rows: list[tuple[int, int]] = con.execute(query).fetchall()
        return rows


def test_a_small_table_has_one_digest(tmp_path: Path) -> None:
    table = market(tmp_path)
    before = SourceState.of(table.copy).digests
    assert set(before) == {"fundamentals", "fundamentals_snapshots", "index_prices"}
    change(table, "INSERT INTO index_prices (index_id, date, close) VALUES ('X', '2024-01-02', 1)")
    after = SourceState.of(table.copy).digests
    assert {name for name in before if before[name] != after[name]} == {"index_prices"}


def test_what_is_saved_is_what_a_later_state_is_compared_with(tmp_path: Path) -> None:
    table = market(tmp_path)
    state = SourceState.of(table.copy)
    state.save(tmp_path / "source.state")
    loaded = SourceState.load(tmp_path / "source.state")
    assert (loaded.definition, loaded.digests) == (state.definition, state.digests)
    assert (loaded.page_size, loaded.encoding) == (1024, "UTF-8")
    assert loaded.hashes.tolist() == state.hashes.tolist()
    change(table, SOME, 1)
    assert found(table, loaded) == {"2019"}


@pytest.mark.parametrize("content", [b"", b"7\n", b"[[], {}]\n", b'[["x", 1, "y"], {}]\ncut off'])
def test_a_damaged_state_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "source.state").write_bytes(content)
    with pytest.raises(LakeError, match=r"source\.state cannot be read"):
        SourceState.load(tmp_path / "source.state")


def test_a_state_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match=r"source\.state cannot be read"):
        SourceState.load(tmp_path / "source.state")


def test_pages_in_a_circle_are_a_damaged_database(tmp_path: Path) -> None:
    table = market(tmp_path)
    with closing(sqlite3.connect(table.copy)) as con:
        sql = "SELECT rootpage FROM sqlite_master WHERE name = 'daily_prices'"
        (root,) = con.execute(sql).fetchone()
    raw: Any = bytearray(table.copy.read_bytes())
    at = (root - 1) * 1024
    (cell,) = (int.from_bytes(raw[at + 12 : at + 14]),)
    raw[at + cell : at + cell + 4] = root.to_bytes(4)
    table.copy.write_bytes(raw)
    with pytest.raises(SourceError, match=r"page is malformed.*restore it from a backup"):
        SourceState.of(table.copy)
