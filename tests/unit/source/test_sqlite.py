"""A SQLite database as batches: nothing is lost, guessed or written; the unreadable is named."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.errors import SourceError
from pipelines.source import changes as pages
from pipelines.source import sqlite as source
from pipelines.source.sqlite import BAD, DECLARED, TABLES, BadRow, Table, UnreadableRow
from tests.factories import Row, database, stock

PRICE: Row = {"ticker": "A", "date": "2024-01-02", "close": 1.0}


def prices(folder: Path, *rows: Row) -> Table:
    numbered = [PRICE | {"ticker": f"T{n}"} | row for n, row in enumerate(rows)]
    return Table(database(folder / "x.db", daily_prices=numbered), "daily_prices")


def change(table: Table, sql: str, *values: Any) -> None:
    with closing(sqlite3.connect(table.copy)) as con, con:
        con.execute(sql, values)


def whole(table: Table, *bad: BadRow) -> pl.DataFrame:
    return pl.concat(table.batches(bad))


# --------------------------------------------------------------------------------- preflight


def test_the_tables_that_are_there_are_listed(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db")
    assert source.preflight(path) == list(TABLES)
    with closing(sqlite3.connect(path)) as con:
        con.execute("DROP TABLE index_prices")
    assert source.preflight(path) == [name for name in TABLES if name != "index_prices"]


def test_looking_and_copying_write_nothing(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db", daily_prices=[PRICE])
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    source.preflight(path)
    source.copy(path, tmp_path / "copy.db")
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert {p.name for p in tmp_path.iterdir()} == {"x.db", "copy.db"}
    assert Table(tmp_path / "copy.db", "daily_prices").rows == 1


def closed_wal(path: Path) -> Path:
    database(path, daily_prices=[PRICE])
    with closing(sqlite3.connect(path)) as con:
        con.execute("PRAGMA journal_mode = WAL")
    return path


def count(con: sqlite3.Connection) -> int:
    return int(con.execute("SELECT count(*) FROM daily_prices").fetchone()[0])


def test_a_wal_database_that_nobody_uses_is_read_without_side_files(tmp_path: Path) -> None:
    path = closed_wal(tmp_path / "x.db")
    (tmp_path / "link.db").symlink_to(path)
    assert source.read(tmp_path / "link.db", count) == 1
    assert {p.name for p in tmp_path.iterdir()} == {"x.db", "link.db"}


@pytest.mark.parametrize("closes", [False, True])
@pytest.mark.parametrize("fails", [False, True])
def test_what_is_written_to_it_meanwhile_is_read_too(
    tmp_path: Path, *, closes: bool, fails: bool
) -> None:
    path, asked = closed_wal(tmp_path / "x.db"), []
    writer = sqlite3.connect(path)

    def question(con: sqlite3.Connection) -> int:
        asked.append(count(con))
        if len(asked) == 1:
            with writer:
                writer.execute("INSERT INTO daily_prices (ticker, date) VALUES ('B', '2024-01-02')")
            if closes:
                writer.close()
            if fails:
                raise sqlite3.DatabaseError
        return asked[-1]

    assert source.read(path, question) == 2
    assert asked == [1, 2]
    writer.close()


def test_a_copy_that_was_written_to_meanwhile_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = closed_wal(tmp_path / "x.db")
    deadline = source._deadline  # noqa: SLF001

    def disturbed() -> Any:
        with closing(sqlite3.connect(path)) as con, con:
            con.execute(
                "INSERT OR IGNORE INTO daily_prices VALUES ('B', '2024-01-02', 1, 1, 1, 1, 1)"
            )
        return deadline()

    monkeypatch.setattr(source, "_deadline", disturbed)
    source.copy(path, tmp_path / "copy.db")
    assert Table(tmp_path / "copy.db", "daily_prices").rows == 2


@pytest.mark.parametrize("mode", ["DELETE", "TRUNCATE", "PERSIST"])
def test_nobody_else_writes_to_the_file_while_it_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    path = database(tmp_path / "x.db", daily_prices=[PRICE])
    write = (
        "import sqlite3, sys\ncon = sqlite3.connect(sys.argv[1], timeout=0)\n"
        f"con.execute('PRAGMA journal_mode = {mode}')\n"
        "con.execute('DELETE FROM daily_prices')\ncon.commit()"
    )

    def other() -> str:
        command = [sys.executable, "-c", write, path]
        return subprocess.run(command, capture_output=True, text=True, check=False).stderr

    seen: list[str] = []
    copyfile = shutil.copyfile

    def disturbed(*paths: Path) -> None:
        seen.append(other())
        copyfile(*paths)

    monkeypatch.setattr(shutil, "copyfile", disturbed)
    source.copy(path, tmp_path / "copy.db")
    assert "database is locked" in seen[0]
    assert Table(tmp_path / "copy.db", "daily_prices").rows == 1
    assert (tmp_path / "copy.db").read_bytes() == path.read_bytes()
    assert other() == ""
    assert Table(path, "daily_prices").rows == 0


def test_a_file_that_takes_the_place_of_the_database_meanwhile_is_not_copied_unlocked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = database(tmp_path / "x.db", daily_prices=[PRICE])
    other = database(tmp_path / "other.db")
    copyfile = shutil.copyfile

    def disturbed(*paths: Path) -> None:
        other.replace(path)
        copyfile(*paths)

    monkeypatch.setattr(shutil, "copyfile", disturbed)
    with pytest.raises(SourceError, match=r"x\.db was replaced"):
        source.copy(path, tmp_path / "copy.db")


def test_a_database_that_becomes_a_wal_one_meanwhile_is_copied_with_its_wal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = database(tmp_path / "x.db", daily_prices=[PRICE])
    monkeypatch.setattr(source, "in_wal_mode", lambda _: False)
    with closing(sqlite3.connect(path)) as con, con:
        con.execute("PRAGMA journal_mode = WAL")
        con.execute("DELETE FROM daily_prices")
        con.commit()
        source.copy(path, tmp_path / "copy.db")
    assert Table(tmp_path / "copy.db", "daily_prices").rows == 0


def test_a_connection_cannot_write(tmp_path: Path) -> None:
    path = database(tmp_path / "50% of a?b.db")
    with (
        closing(source.open_read_only(path)) as con,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        con.execute("DELETE FROM stocks")


def test_every_declared_type_is_read_as_its_kind_even_if_the_first_row_is_null(
    tmp_path: Path,
) -> None:
    """connectorx guesses the type of a column that it does not know from the first row."""
    column = {"text": "name", "time": "last_updated", "float": "market_cap_msek",
              "bool": "is_active", "day": "last_validated"}  # fmt: skip
    values: Row = {"text": "x", "time": "2024-01-02 10:00", "float": 1.5, "bool": True,
                   "day": "2024-01-02"}  # fmt: skip
    for number in range(max(len(types) for types in DECLARED.values())):
        types = {kind: DECLARED[kind][number % len(DECLARED[kind])] for kind in column}
        names = ", ".join(f"{column[kind]} {declared}" for kind, declared in types.items())
        rest = [c for c in TABLES["stocks"] if c not in column.values()]
        path = tmp_path / f"{number}.db"
        with closing(sqlite3.connect(path)) as con, con:
            con.execute(f"CREATE TABLE stocks ({names}, {', '.join(f'{c} TEXT' for c in rest)})")
            con.execute("INSERT INTO stocks (ticker) VALUES (NULL)")
            marks = ", ".join(f":{kind}" for kind in column)
            con.execute(
                f"INSERT INTO stocks ({', '.join(column.values())}) VALUES ({marks})", values
            )
        rows = whole(Table(path, "stocks"))
        assert {kind: rows[name][1] for kind, name in column.items()} == values, types


# ----------------------------------------------------------------------------------- batches


@pytest.mark.parametrize("window", [1, 24, 8000])
def test_batches_are_small_and_in_the_order_of_rowids(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, window: int
) -> None:
    monkeypatch.setattr(source, "BATCH_VALUES", 16)
    monkeypatch.setattr(source, "WINDOW_VALUES", window)
    table = prices(tmp_path, *[{}] * 7)
    change(table, "UPDATE daily_prices SET rowid = -9 WHERE ticker = 'T6'")
    change(table, "UPDATE daily_prices SET rowid = ? WHERE ticker = 'T0'", 2**63 - 1)
    batches = list(table.batches())
    assert all(0 < batch.height <= 2 for batch in batches)
    rows = pl.concat(batches)
    assert rows["rowid_"].to_list() == [-9, 2, 3, 4, 5, 6, 2**63 - 1]
    assert rows["ticker"].to_list() == ["T6", "T1", "T2", "T3", "T4", "T5", "T0"]


@pytest.mark.parametrize("last", [3, 9, 2**63 - 1])
@pytest.mark.parametrize("gap", [0, 1])
@pytest.mark.parametrize("count", [4, 5])
def test_rows_have_their_rowids_whether_some_are_missing_in_between_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: int, gap: int, count: int
) -> None:
    monkeypatch.setattr(source, "BATCH_VALUES", 16)
    monkeypatch.setattr(source, "WINDOW_VALUES", 24 if count == 5 else 8000)
    table = prices(tmp_path)
    rowids = [last - count + 1, *range(last - count + 2 + gap, last + 1)]
    for n, rowid in enumerate(rowids):
        sql = "INSERT INTO daily_prices (rowid, ticker, date) VALUES (?, ?, '2024-01-02')"
        change(table, sql, rowid, f"T{n}")
    rows = whole(Table(table.copy, table.name))
    assert dict(rows.select("ticker", "rowid_").iter_rows()) == {
        f"T{n}": rowid for n, rowid in enumerate(rowids)
    }


def test_a_table_without_rows_has_no_batches(tmp_path: Path) -> None:
    assert list(prices(tmp_path).batches()) == []


def test_dates_are_text_as_they_are_and_null_is_empty(tmp_path: Path) -> None:
    dates = ["2024-1-3", " 2024-01-03", 20240103, "", "x"]
    table = prices(tmp_path, *[{"date": date} for date in dates])
    assert whole(table)["date"].to_list() == ["2024-1-3", " 2024-01-03", "20240103", "", "x"]
    path = database(tmp_path / "y.db", fundamentals=[{"ticker": "A", "fiscal_date": None}])
    assert whole(Table(path, "fundamentals"))["fiscal_date"].to_list() == [""]


def test_a_blob_is_never_a_date(tmp_path: Path) -> None:
    assert whole(prices(tmp_path, {"date": b"2024-01-03"}))["date"].to_list() != ["2024-01-03"]


def test_only_the_rows_that_are_asked_for_are_read(tmp_path: Path) -> None:
    table = prices(tmp_path, {}, {"date": "2023-01-02"}, {})
    some = Table(table.copy, table.name, where="date >= '2024-'")
    assert whole(some)["rowid_"].to_list() == [1, 3]
    assert some.rows == 3


# -------------------------------------------------------------------------------- unreadable


def test_a_value_that_cannot_be_read_stops_the_stream_and_says_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    table = prices(tmp_path, {}, {"close": "x"}, {})
    with pytest.raises(UnreadableRow, match="daily_prices"):
        whole(table)
    os.write(2, b"stderr is back")
    assert capfd.readouterr().err == "stderr is back"


def test_without_the_bad_rows_the_rest_is_read(tmp_path: Path) -> None:
    table = prices(tmp_path, {}, {"close": "x"}, {"open": b"x"}, {})
    bad = table.unreadable()
    assert bad == [BadRow(2, "text_in_number"), BadRow(3, "text_in_number")]
    assert whole(table, *bad)["rowid_"].to_list() == [1, 4]


def test_all_rows_may_be_bad(tmp_path: Path) -> None:
    table = prices(tmp_path, {"close": "x"}, {"close": "y"})
    assert list(table.batches(table.unreadable())) == []


CENSUS = [
    ("stocks", "name", b"x", "text"),
    ("stocks", "market_cap_msek", "x", "float"),
    ("stocks", "market_cap_msek", b"1", "float"),
    ("stocks", "is_active", "yes", "bool"),
    ("stocks", "is_active", 0.5, "bool"),
    ("daily_prices", "ticker", b"x", "text"),
    ("daily_prices", "volume", "x", "float"),
    ("index_prices", "low", "x", "float"),
    ("fundamentals", "piotroski_f_score", 1.5, "int"),
    ("fundamentals", "piotroski_f_score", "x", "int"),
    ("fundamentals_snapshots", "pe", "x", "float"),
]


@pytest.mark.parametrize(("name", "column", "value", "kind"), CENSUS)
def test_what_stops_the_reader_is_found_by_the_census(
    tmp_path: Path, name: str, column: str, value: Any, kind: Any
) -> None:
    key = "index_id" if name == "index_prices" else "ticker"
    row = {key: "A", "date": "2024-01-02"} if name.endswith("_prices") else {key: "A"}
    table = Table(database(tmp_path / "x.db", **{name: [row | {column: value}]}), name)
    with pytest.raises(UnreadableRow):
        whole(table)
    assert table.unreadable() == [BadRow(1, BAD[kind][1])]


def test_text_that_is_no_utf_8_is_found(tmp_path: Path) -> None:
    table = Table(database(tmp_path / "x.db", stocks=[stock("A"), stock("B")]), "stocks")
    change(table, "UPDATE stocks SET sector = CAST(x'ff' AS TEXT) WHERE ticker = 'B'")
    with pytest.raises(UnreadableRow):
        whole(table)
    assert table.unreadable() == [BadRow(2, "bad_text")]
    assert whole(table, *table.unreadable())["ticker"].to_list() == ["A"]


def test_both_kinds_of_unreadable_rows_are_found(tmp_path: Path) -> None:
    table = Table(database(tmp_path / "x.db", stocks=[stock("A"), stock("B")]), "stocks")
    change(table, "UPDATE stocks SET sector = CAST(x'ff' AS TEXT) WHERE ticker = 'B'")
    change(table, "UPDATE stocks SET market_cap_msek = 'x' WHERE ticker = 'A'")
    assert {row.rowid for row in table.unreadable()} == {1, 2}


def test_a_table_may_be_read_twice_without_its_bad_rows(tmp_path: Path) -> None:
    table = prices(tmp_path, {}, {"close": "x"})
    bad = table.unreadable()
    assert whole(table, *bad).equals(whole(table, *bad))


def test_a_number_is_no_boolean(tmp_path: Path) -> None:
    """The reader takes any whole number but 0 for true."""
    rows = [stock(str(n), is_active=n) for n in (None, 1, 2, 0, -1, 2**40)]
    table = Table(database(tmp_path / "x.db", stocks=rows), "stocks")
    assert whole(table)["odd_is_active"].to_list() == [0, 0, 1, 0, 1, 1]


# --------------------------------------------------------------------------------- originals


def test_originals_are_every_value_as_text(tmp_path: Path) -> None:
    table = prices(tmp_path, {"close": b"\xff\x00", "open": 1e39, "date": 20240103, "volume": "x"})
    change(table, "UPDATE daily_prices SET ticker = CAST(x'ff41' AS TEXT)")
    row = dict(zip(table.kinds, next(table.originals([1])), strict=True))
    assert row == {"ticker": r"\xffA", "date": "20240103", "open": "1e+39", "high": None,
                   "low": None, "close": "\\xff\0", "volume": "x"}  # fmt: skip


def test_the_source_year_is_what_a_text_begins_with(tmp_path: Path) -> None:
    dates = ["2024-01-03", "24-1-3", "x", "", 20240103, b"2024-01-03"]
    table = prices(tmp_path, *[{"date": date} for date in dates])
    assert table.source_years(range(1, 7)) == ["2024", "24-1", "x", "", "", ""]


def test_a_copy_that_cannot_be_made_is_a_source_error(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db")
    with pytest.raises(SourceError, match=r"cannot copy .*x\.db"):
        source.copy(path, tmp_path / "no folder" / "copy.db")


# ------------------------------------------------------------------------------------- pages


@pytest.mark.parametrize(("key", "last"), [(b"\x05", 5), (b"\x81\x00", 128), (b"\x85", None)])
def test_a_rowid_that_is_cut_off_by_the_end_of_its_page_is_malformed(
    key: bytes, last: int | None
) -> None:
    at = 512 - len(key) - 4
    cells = b"\x05\x00\x00\x00\x01" + at.to_bytes(2) + b"\x00" + (7).to_bytes(4) + at.to_bytes(2)
    page = cells + bytes(at - len(cells)) + (9).to_bytes(4) + key
    if last is None:
        with pytest.raises(IndexError):
            pages._children(page, 2, 1000)  # noqa: SLF001
        return
    below = pages._children(page, 2, 1000)  # noqa: SLF001
    assert (below.pages.tolist(), below.last.tolist()) == ([9, 7], [last, 1000])
