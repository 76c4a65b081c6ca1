import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from pipelines import database as sqlite
from pipelines import tune
from pipelines.errors import SourceError
from pipelines.source import tuning
from pipelines.source.indexes import INDEXES
from tests.factories import database, trading_year

MADE = [index.name for index in INDEXES]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return database(
        tmp_path / "app.db",
        stocks=[{"ticker": "A"}],
        daily_prices=trading_year("A", date(2026, 11, 20)),
        fundamentals=[{"ticker": "A", "fetched_date": "2026-03-01", "pe": 10.0}],
        fundamentals_snapshots=[{"ticker": "A", "snapshot_date": "2026-03-01", "pe": 10.0}],
    )


def run_sql(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as con:
        for statement in statements:
            con.execute(statement)
        con.commit()


def contents(path: Path) -> list[str]:
    """All rows of all tables, statistics and indexes aside."""
    with closing(sqlite3.connect(path)) as con:
        rows = [line for line in con.iterdump() if line.startswith("INSERT INTO")]
    return [row for row in rows if "sqlite_stat1" not in row]


def files(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.parent.iterdir()}


# -------------------------------------------------------------------------------------- show


@pytest.mark.parametrize("wal", [False, True])
def test_showing_writes_nothing_and_leaves_no_side_files(
    source: Path, capsys: pytest.CaptureFixture[str], *, wal: bool
) -> None:
    if wal:
        tuning.apply(source)
    before = files(source)
    tune.main(source=source)
    assert files(source) == before
    assert "nothing was changed" in capsys.readouterr().out


def test_what_is_shown(
    source: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    tune.main(source=source)
    out = capsys.readouterr().out
    for text in (*MADE, "wal", "SCAN daily_prices", "USING INDEX stockrank_daily_prices_date"):
        assert text in out
    for pragma in tuning.CONNECTION_PRAGMAS:
        assert f"  {pragma};\n" in out
    assert "not kept in the file" in out


def test_the_pragmas_are_what_they_say(source: Path) -> None:
    with closing(sqlite3.connect(source)) as con:
        for pragma in tuning.CONNECTION_PRAGMAS:
            con.execute(pragma)
        assert con.execute("PRAGMA cache_size").fetchone() == (-64 * 1024,)
        assert con.execute("PRAGMA temp_store").fetchone() == (2,)
    assert tuning.inspect(source).defaults == {"cache_size": -2000, "temp_store": 0}


def test_a_database_in_use_is_read_beside_its_writer(source: Path) -> None:
    tuning.apply(source)
    with closing(sqlite3.connect(source)) as writer:
        writer.execute("CREATE INDEX mine ON daily_prices (close)")
        writer.execute("BEGIN IMMEDIATE")
        assert tuning.inspect(source).journal_mode == "wal"


# ------------------------------------------------------------------------------------- apply


def test_apply_does_what_was_shown_and_touches_no_row(source: Path) -> None:
    rows, expected = contents(source), tuning.expected_plans(source)
    tuning.apply(source)
    after = tuning.inspect(source)
    assert after.journal_mode == "wal"
    assert list(after.indexes.values()) == MADE
    assert after.plans == expected
    assert contents(source) == rows
    assert [file.name for file in source.parent.iterdir()] == ["app.db"]


def test_every_slow_query_gets_an_index(source: Path) -> None:
    plans = tuning.expected_plans(source)
    assert all("INDEX" in plan and "TEMP B-TREE" not in plan for plan in plans.values())


def test_applying_twice_changes_no_byte(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tune.main(source=source, do_apply=True)
    assert "delete → wal" in capsys.readouterr().out
    before = files(source)
    tune.main(source=source, do_apply=True)
    assert files(source) == before
    assert "indexes made: none" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("index", "serves"),
    [
        ("CREATE INDEX mine ON daily_prices (date)", True),
        ("CREATE UNIQUE INDEX mine ON daily_prices (date DESC, ticker)", True),
        ("CREATE INDEX mine ON daily_prices (date) WHERE close > 0", False),
        ("CREATE INDEX mine ON daily_prices (date COLLATE NOCASE)", False),
        ("CREATE INDEX mine ON daily_prices (substr(date, 1, 4), date)", False),
        ("CREATE INDEX mine ON daily_prices (close, date)", False),
    ],
)
def test_an_index_that_serves_is_kept(source: Path, index: str, *, serves: bool) -> None:
    run_sql(source, index)
    tuning.apply(source)
    wanted = "mine" if serves else "stockrank_daily_prices_date"
    assert tuning.inspect(source).indexes[INDEXES[0]] == wanted


def test_an_automatic_index_serves(tmp_path: Path) -> None:
    source = tmp_path / "app.db"
    run_sql(
        source,
        "CREATE TABLE daily_prices (ticker, date, close, PRIMARY KEY (date, ticker))",
        "CREATE TABLE fundamentals (id INTEGER PRIMARY KEY, ticker, fetched_date)",
    )
    tuning.apply(source)
    found = tuning.inspect(source).indexes
    assert list(found.values()) == ["sqlite_autoindex_daily_prices_1", MADE[1]]


def test_plans_are_expected_under_the_statistics_of_the_database(source: Path) -> None:
    more = (
        "INSERT INTO daily_prices SELECT '{}', date, 1, 1, 1, 1, 1 "
        "FROM daily_prices WHERE ticker = 'A'"
    )
    run_sql(source, *(more.format(f"A{number}") for number in range(100)), "ANALYZE")
    tuning.apply(source)
    after = tuning.inspect(source)
    assert after.analysed
    assert tuning.expected_plans(source) == after.plans


# ------------------------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    "lock", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE", "BEGIN; SELECT ticker FROM stocks"]
)
def test_a_locked_database_is_one_line(
    source: Path, monkeypatch: pytest.MonkeyPatch, lock: str
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.2)
    before = contents(source)
    with closing(sqlite3.connect(source, isolation_level=None)) as other:
        for statement in lock.split("; "):
            other.execute(statement).fetchone()
        with pytest.raises(SourceError, match=r"database is locked for 0\.2 s; stop what uses it"):
            tuning.apply(source)
    assert contents(source) == before


def test_a_lock_is_waited_for(source: Path) -> None:
    other = sqlite3.connect(source, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(0.3, lambda: (other.execute("COMMIT"), other.close())).start()
    tuning.apply(source)
    assert tuning.inspect(source).journal_mode == "wal"


def test_a_database_without_prices_is_named(tmp_path: Path) -> None:
    run_sql(tmp_path / "other.db", "CREATE TABLE stocks (ticker)")
    with pytest.raises(SourceError, match="has no table daily_prices"):
        tuning.inspect(tmp_path / "other.db")


def test_a_column_that_is_absent_is_named(tmp_path: Path) -> None:
    source = tmp_path / "other.db"
    run_sql(source, "CREATE TABLE daily_prices (ticker, day)", "CREATE TABLE fundamentals (id)")
    with pytest.raises(SourceError, match=r"cannot tune .*no such column: date"):
        tuning.inspect(source)


def test_the_command_exits_1_with_one_line_and_creates_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pipelines.tune", "--source", str(tmp_path / "no.db")]
    done = subprocess.run([*command, "--apply"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: no database at ")
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())
