"""Databases in use: the WAL, a hot journal, locks."""

import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from pipelines import database as sqlite
from pipelines.errors import StockRankError
from pipelines.export import export
from pipelines.lake import Lake
from pipelines.source.copying import copy
from pipelines.universe import SWEDEN
from tests.e2e.bad_input.place import Place, published, refused


def held(path: Path, *statements: str) -> sqlite3.Connection:
    """A connection of the application, which stays open."""
    con = sqlite3.connect(path)
    con.execute("PRAGMA journal_mode = WAL")
    con.execute("PRAGMA wal_autocheckpoint = 0")
    for statement in statements:
        con.execute(statement)
    con.commit()
    return con


NEW_ROW = "INSERT INTO daily_prices (ticker, date, close) VALUES ('{}', '2024-01-03', 1)"


def test_what_is_only_in_the_wal_is_exported(place: Place) -> None:
    with closing(held(place.database, NEW_ROW.format("NEW"))):
        assert "NEW" in published(place).prices().collect()["ticker"]


def test_a_closed_wal_database_gets_no_side_files(place: Place) -> None:
    held(place.database, NEW_ROW.format("NEW")).close()
    published(place)


def test_through_a_link_a_change_in_the_wal_is_seen(place: Place) -> None:
    link = place.top / "link.db"
    link.symlink_to(place.database)
    with closing(held(place.database, NEW_ROW.format("NEW"))) as con:
        export(link, place.lake, SWEDEN)
        con.execute(NEW_ROW.format("NEWER"))
        con.commit()
        export(link, place.lake, SWEDEN)
    assert "NEWER" in Lake(place.lake).prices().collect()["ticker"]


def test_a_transaction_that_a_crash_cut_off_is_left_to_the_owner(place: Place) -> None:
    crash = "import os, sqlite3, sys; con = sqlite3.connect(sys.argv[1]);"
    crash += (
        "con.execute('PRAGMA cache_size = 1'); con.execute('UPDATE daily_prices SET close = 1');"
    )
    crash += "con.execute('UPDATE stocks SET name = 1'); os.kill(os.getpid(), 9)"
    done = subprocess.run([sys.executable, "-c", crash, place.database], check=False)
    assert done.returncode == -signal.SIGKILL
    assert place.database.with_name("app.db-journal").exists()
    refused(place, r"cannot read .*app\.db")


def test_a_locked_database_is_waited_for_and_then_named(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.1)
    with closing(sqlite3.connect(place.database)) as con:
        con.execute("BEGIN EXCLUSIVE")
        refused(place, r"cannot read .*app\.db: database is locked")


def test_a_database_that_is_locked_before_the_copy_is_not_waited_for_for_ever(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.1)
    errors: list[StockRankError] = []
    with closing(sqlite3.connect(place.database, check_same_thread=False)) as con:
        con.execute("BEGIN EXCLUSIVE")
        copying = threading.Thread(target=copied, args=(place, errors))
        copying.start()
        copying.join(2)
        waiting = copying.is_alive()
        con.rollback()
        copying.join()
    assert not waiting
    assert "locked" in str(errors)


def copied(place: Place, errors: list[StockRankError]) -> None:
    try:
        copy(place.database, place.top / "copy.db")
    except StockRankError as error:
        errors.append(error)
