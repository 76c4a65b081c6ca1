"""A copy is the database as it was at one moment, and nothing is written to the owner's."""

import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pipelines import database as sqlite
from pipelines.errors import SourceError
from pipelines.source import copying
from pipelines.source.batches import SqliteTable
from pipelines.source.copying import copy
from pipelines.source.schema import preflight
from pipelines.source.tables import PRICES
from tests.factories import database
from tests.unit.source.tables import PRICE, closed_wal


def test_looking_and_copying_write_nothing(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db", daily_prices=[PRICE])
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    preflight(path)
    copy(path, tmp_path / "copy.db")
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert {p.name for p in tmp_path.iterdir()} == {"x.db", "copy.db"}
    assert SqliteTable(tmp_path / "copy.db", PRICES).rows == 1


def test_a_copy_that_was_written_to_meanwhile_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = closed_wal(tmp_path / "x.db")
    deadline = copying._deadline  # noqa: SLF001

    def disturbed() -> Any:
        with closing(sqlite3.connect(path)) as con, con:
            con.execute(
                "INSERT OR IGNORE INTO daily_prices VALUES ('B', '2024-01-02', 1, 1, 1, 1, 1)"
            )
        return deadline()

    monkeypatch.setattr(copying, "_deadline", disturbed)
    copy(path, tmp_path / "copy.db")
    assert SqliteTable(tmp_path / "copy.db", PRICES).rows == 2


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
    copy(path, tmp_path / "copy.db")
    assert "database is locked" in seen[0]
    assert SqliteTable(tmp_path / "copy.db", PRICES).rows == 1
    assert (tmp_path / "copy.db").read_bytes() == path.read_bytes()
    assert other() == ""
    assert SqliteTable(path, PRICES).rows == 0


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
        copy(path, tmp_path / "copy.db")


def test_a_database_that_becomes_a_wal_one_meanwhile_is_copied_with_its_wal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = database(tmp_path / "x.db", daily_prices=[PRICE])
    monkeypatch.setattr(copying, "in_wal_mode", lambda _: False)
    with closing(sqlite3.connect(path)) as con, con:
        con.execute("PRAGMA journal_mode = WAL")
        con.execute("DELETE FROM daily_prices")
        con.commit()
        copy(path, tmp_path / "copy.db")
    assert SqliteTable(tmp_path / "copy.db", PRICES).rows == 0


def test_a_copy_that_cannot_be_made_is_a_source_error(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db")
    with pytest.raises(SourceError, match=r"cannot copy .*x\.db"):
        copy(path, tmp_path / "no folder" / "copy.db")


def test_a_locked_database_is_copied_by_nobody_and_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.1)
    path = database(tmp_path / "x.db")
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        message = r"^cannot copy .*x\.db: database is locked for 0\.1 s; stop what uses it"
        with pytest.raises(SourceError, match=message):
            copy(path, tmp_path / "copy.db")


def test_a_backup_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.05)
    check = copying._deadline()  # noqa: SLF001
    check(sqlite3.SQLITE_BUSY, 1, 1)
    time.sleep(0.06)
    check(sqlite3.SQLITE_OK, 1, 1)
    with pytest.raises(sqlite3.OperationalError) as raised:
        check(sqlite3.SQLITE_BUSY, 1, 1)
    assert sqlite.told(raised.value).startswith("database is locked for 0.05 s; stop what uses it")
