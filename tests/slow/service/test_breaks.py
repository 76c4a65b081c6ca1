"""A table of breaks: what each does, where it is seen within ten seconds, and what heals it.

The rows of a process run against one service, one webhook and one page, in the order of the table;
each class of rows may run in a process of its own, beside the others.
"""

import json
import os
import re
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, sync_playwright

from pipelines.lake import MANIFEST, rollback, writing
from tests.slow.browser.conftest import CHROMIUM, FLAGS
from tests.slow.service.breaking import (
    Act,
    Break,
    World,
    nothing,
    refresh_by_service,
    refresh_outside,
    restored,
    restored_by_force,
    run,
    world_in,
)
from tests.slow.service.serving import command, until

UNREADABLE: Final = "stockrank_lake_readable 0.0"
DAMAGED: Final = "stockrank_version_damaged 1.0"
NOT_TO_READ: Final = "the lake cannot be read. do not trade on these rankings"
IS_DAMAGED: Final = "the published version is damaged. do not trade on these rankings"
FAILED: Final = "stockrank_refresh_success 0.0"

# --------------------------------------------------------------------------------- the lake


def unreadable(name: str, do: Act, reason: str, heal: Act = refresh_outside) -> Break:
    """A lake whose current version cannot be opened."""
    return Break(
        name=name, do=do, log=f"lake_unreadable firing .*{re.escape(reason)}", health=reason,
        metrics=UNREADABLE, page=NOT_TO_READ, alert="lake_unreadable", heal=heal,
    )  # fmt: skip


def aside(path: Callable[[World], Path]) -> Act:
    """Move something beside the lake; it comes back when the break is over."""

    def do(world: World) -> None:
        there, away = path(world), world.folder / "aside"
        there.rename(away)

        def back() -> None:
            if there.is_dir() and not there.is_symlink():
                there.rmdir()
            else:
                there.unlink(missing_ok=True)
            away.rename(there)

        world.held.append(back)

    return do


def lake(world: World) -> Path:
    return world.lake


def current(world: World) -> Path:
    return world.lake / "current"


def manifest(world: World) -> Path:
    return world.version / MANIFEST


def then(*acts: Act) -> Act:
    def do(world: World) -> None:
        for act in acts:
            act(world)

    return do


def point_outside(world: World) -> None:
    shutil.copytree(world.version, world.folder / "outside" / world.version.name)
    name = world.version.name
    current(world).unlink()
    current(world).symlink_to(world.folder / "outside" / name)


def cut_manifest(world: World) -> None:
    os.truncate(manifest(world), 300)


def rewrite_manifest(**known: object) -> Act:
    def do(world: World) -> None:
        values = json.loads(manifest(world).read_text())
        manifest(world).write_text(json.dumps(values | known))

    return do


def remove_version(world: World) -> None:
    shutil.rmtree(world.version)


def hang_disk(world: World) -> None:
    """Put a pipe in place of the manifest, of which no reader gets an answer."""
    pipe, away = manifest(world), world.folder / "aside"
    pipe.rename(away)
    os.mkfifo(pipe)

    def answer() -> None:
        writer = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
        away.replace(pipe)  # before its readers are let go, or they would read it again
        os.close(writer)

    world.held.append(answer)


MANIFEST_GONE: Final = "its manifest.json cannot be read"
LAKES: Final = (
    unreadable("current is missing", lambda w: current(w).unlink(),
               "current is missing, though there are versions"),
    unreadable("the folder of the version is gone", remove_version, "its folder is missing"),
    unreadable("current points outside", point_outside, "current points outside of the lake"),
    unreadable("current is a folder", then(aside(current), lambda w: current(w).mkdir()),
               "current is no link to a version", nothing),
    unreadable("another layout", rewrite_manifest(schema_version=0), "has layout 0",
               refresh_by_service),
    unreadable("the manifest is cut", cut_manifest, MANIFEST_GONE),
    unreadable("the manifest is empty", lambda w: manifest(w).write_text(""), MANIFEST_GONE),
    unreadable("the manifest is no JSON", lambda w: manifest(w).write_text("x"), MANIFEST_GONE),
    unreadable("a field of another type", rewrite_manifest(datasets=7), MANIFEST_GONE),
    unreadable("the manifest is missing", lambda w: manifest(w).unlink(), MANIFEST_GONE),
    unreadable("the lake is a file", then(aside(lake), lambda w: w.lake.write_text("a file")),
               "the lake is not a folder", nothing),
    unreadable("the disk hangs", hang_disk, "the disk of the lake gives no answer for 5 s",
               nothing),
    unreadable("the lake is moved away", aside(lake), "the lake is gone with all its versions",
               nothing),
)  # fmt: skip


def first_file(world: World, dataset: str) -> Path:
    return min((world.version / dataset).rglob("*.parquet"))


def damaged(name: str, hurt: Callable[[Path], object], dataset: str, how: str) -> Break:
    """A file of the current version that is not as it was written."""
    return Break(
        name=name, do=lambda world: hurt(first_file(world, dataset)),
        log=f"version_damaged firing .*{dataset}/.*{how}", health=how, metrics=DAMAGED,
        page=IS_DAMAGED, alert="version_damaged", heal=refresh_outside,
    )  # fmt: skip


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()  # for other versions may link it
    path.write_bytes(data)


def zero(path: Path) -> None:
    size = path.stat().st_size
    path.unlink()
    path.write_bytes(bytes(size))


def cut(path: Path) -> None:
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data[:-9])


OTHER: Final = "has other bytes than were written"
FILES: Final = (
    damaged("a file is cut", cut, "prices", OTHER),
    damaged("a file is missing", Path.unlink, "fundamentals", "is missing"),
    damaged("a file is of zeros", zero, "stocks", OTHER),
    *(damaged(f"a bit of {name} is flipped", flip, name, OTHER)
      for name in ("prices", "fundamentals", "stocks", "index_prices", "rankings")),
    damaged("the rejected rows are cut", cut, "rejects", OTHER),
)  # fmt: skip

# ----------------------------------------------------------------------------- the database


def refused(
    name: str, do: Act, reason: str, *, health: str = "", heal: Act = restored,
    alert: str = "refresh_failed",
) -> Break:  # fmt: skip
    """A refresh that is started after something was done, and fails."""
    return Break(
        name=name, do=then(do, start_refresh), log=f"state=failed error=.*{re.escape(reason)}",
        health=health, metrics=FAILED, page=reason, alert=alert, heal=heal,
    )  # fmt: skip


def start_refresh(world: World) -> None:
    assert world.server.post("/data/sync-now").status_code == 202


def source(act: Callable[[Path], object]) -> Act:
    return lambda world: act(world.source)


def sql(*statements: str) -> Act:
    return lambda world: world.change(*statements)


def spoil_page(path: Path) -> None:
    """Overwrite the first page of the prices."""
    with closing(sqlite3.connect(path)) as database:
        found = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'daily_prices'")
        (page,) = found.fetchone()
        (size,) = database.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek(size * (page - 1))
        file.write(b"\xff" * size)


def lock(world: World) -> None:
    writer = sqlite3.connect(world.source, isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")
    world.held.append(writer.close)


CANNOT: Final = "the source database cannot be read"
TRADES: Final = "daily_prices WHERE date > (SELECT date(max(date), '-20 days') FROM daily_prices)"
DATABASES: Final = (
    refused("the database is missing", source(Path.unlink), "no database at",
            health=CANNOT),
    refused("the database is empty", source(lambda p: os.truncate(p, 0)),
            "is not a SQLite database", health=CANNOT),
    refused("the database is a text", source(lambda p: p.write_text("ticker,date\n")),
            "is not a SQLite database", health=CANNOT),
    refused("a page is damaged", source(spoil_page), "the database is damaged", health=CANNOT),
    refused("the database is locked", lock, "stop what uses it", health="busy"),
    refused("a table is missing", sql("DROP TABLE fundamentals"), "has no table fundamentals",
            health=CANNOT),
    refused("a column is missing", sql("ALTER TABLE stocks DROP COLUMN sector"),
            "has no column sector"),
    refused("half of the market is gone",
            sql("DELETE FROM daily_prices WHERE rowid % 2 = 0"), "not published",
            alert="version_rejected"),
)  # fmt: skip

# --------------------------------------------------------------------------------- refreshes


def export_of(world: World) -> int | None:
    """The process id of the export that the service runs."""
    mark = f"STOCKRANK_LAKE={world.lake}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark in (process / "environ").read_bytes().split(b"\0") and b"pipelines.export" in (
                process / "cmdline"
            ).read_bytes().split(b"\0"):
                return int(process.name)
    return None


def send_to_refresh(number: signal.Signals) -> Act:
    """Start a refresh, and send its process a signal, before which it does not end."""

    def do(world: World) -> None:
        hold = world.folder / "hold"
        hold.touch()
        world.held.append(hold.unlink)
        start_refresh(world)
        pid = until(lambda: export_of(world), "the export")
        assert pid
        os.kill(pid, number)

    return do


def hold_lake(world: World) -> None:
    """Write to the lake, as another process does."""
    lock = writing(world.lake)
    lock.__enter__()
    world.held.append(lambda: lock.__exit__(None, None, None))


def service_is_a_file(world: World) -> None:
    aside(lambda w: w.lake / "service")(world)
    (world.lake / "service").write_text("a file")


REFRESHES: Final = (
    Break(name="a refresh is killed", do=send_to_refresh(signal.SIGKILL),
          log="ended by signal 9", metrics=FAILED, page="was ended by signal 9",
          alert="refresh_failed", heal=refresh_by_service),
    refused("another process writes to the lake", hold_lake, "is being written by",
            heal=refresh_by_service),
    refused("the records are a file", service_is_a_file, "the export cannot be started",
            heal=refresh_by_service),
)  # fmt: skip

# ------------------------------------------------------------------------------- the machine


def fill_disk(world: World) -> None:
    full = world.folder / "full"
    full.touch()
    world.held.append(full.unlink)


def restart_with(**settings: str) -> Act:
    return lambda world: world.restart(**settings)


BAD_LINE: Final = b"\xff\xfe no JSON\n"


def spoil_records(world: World) -> None:
    """Damage what the service remembers, and a record of another process."""
    service, runs = world.lake / "service", world.lake / "refreshes"
    runs.mkdir(exist_ok=True)
    for path in (service / "alerts.jsonl", service / "jobs.jsonl", runs / "damaged.jsonl"):
        with path.open("ab") as file:
            file.write(BAD_LINE)


def mend_records(world: World) -> None:
    for path in (world.lake / "service").glob("*.jsonl"):
        path.write_bytes(path.read_bytes().replace(BAD_LINE, b""))
    (world.lake / "refreshes" / "damaged.jsonl").unlink()


def close_webhook(world: World) -> None:
    world.receiver.close()
    world.held.append(world.receiver.reopen)


def until_refused(world: World) -> None:
    """Wait until a notice was tried in vain."""
    known = len(world.log())
    until(lambda: "webhook: 127.0.0.1 cannot be reached" in world.log()[known:], "a try")


MACHINE: Final = (
    Break(name="the disk is full", do=fill_disk, log="disk_low firing",
          metrics='key="disk_low",severity="critical"', page="has not the room for a refresh",
          alert="disk_low"),
    refused("a refresh does not fit on the disk",
            then(sql("UPDATE stocks SET name = name || ' AB'"), fill_disk), "are free"),
    Break(name="memory is scarce", do=restart_with(memory_limit_mb="60"),
          log="memory_high firing", health="memory is critical",
          metrics="stockrank_memory_level 2.0", page="memory high", alert="memory_high",
          heal=restart_with()),
    Break(name="a refresh has too little memory",
          do=then(restart_with(memory_limit_mb="60"), start_refresh),
          log="also in low-memory mode", health="memory is critical", metrics=FAILED,
          page="low-memory mode", alert="refresh_failed",
          heal=then(restart_with(), refresh_by_service)),
    Break(name="a refresh hangs",
          do=then(restart_with(refresh_timeout_minutes="0.03"), send_to_refresh(signal.SIGSTOP)),
          log="state=failed error=.*no progress", metrics=FAILED, page="no progress",
          alert="refresh_failed", heal=then(restart_with(), refresh_by_service)),
    Break(name="the records are damaged", do=spoil_records,
          log="records_damaged firing .*1 of .* lines of jobs.jsonl.*refreshes/damaged.jsonl",
          metrics='key="records_damaged",severity="warning"',
          page="the history of the service has holes", alert="records_damaged", heal=mend_records),
    Break(name="the webhook is down", do=then(close_webhook, spoil_records, until_refused),
          log="alerts_undelivered firing .*by webhook", health="alerts do not arrive by webhook",
          metrics='stockrank_alerts_undelivered{channel="webhook"} 2.0',
          page="notices of alerts have not arrived", alert="alerts_undelivered", is_told_late=True,
          heal=mend_records),
)  # fmt: skip

# ---------------------------------------------------------------------------------- the data


def forced(*statements: str) -> Act:
    """Change the database, and publish it whatever the checks say."""

    def do(world: World) -> None:
        world.change(*statements)
        world.export(force=True)

    return do


def suspect(name: str, alert: str, metrics: str, page: str, *statements: str) -> Break:
    """A version that may be published, but not be trusted."""
    return Break(
        name=name, do=forced(*statements), log=f"{alert} firing", metrics=metrics, page=page,
        alert=alert, heal=restored_by_force,
    )  # fmt: skip


def publish_as_cron(world: World) -> None:
    world.change("UPDATE stocks SET name = name || ' AB'")
    command(world.folder, "pipelines.export")


def roll_back(world: World) -> None:
    world.change("UPDATE stocks SET name = name || ' (publ)'")
    version = world.export().version
    until(lambda: f"version {version} is served" in world.log(), "the new version")
    rollback(world.lake)


def delete_kept(world: World) -> None:
    """Publish a version, and delete the one before by hand."""
    before = world.version
    world.change("UPDATE stocks SET name = name || ' A/S'")
    world.export()
    shutil.rmtree(before)


SERVED: Final = "version .* is served"
DAYS: Final = "(SELECT DISTINCT date FROM daily_prices ORDER BY date DESC LIMIT {} OFFSET {})"
HALF: Final = "(SELECT ticker FROM stocks WHERE rowid % 2 = 0)"
DATA: Final = (
    suspect("the prices are old", "refresh_overdue", "stockrank_safe_to_trade 0.0",
            "do not trade on these rankings", f"DELETE FROM {TRADES}"),
    suspect("many rows are rejected", "rows_rejected",
            'key="rows_rejected",severity="warning"', "rows of prices are rejected",
            "UPDATE daily_prices SET close = 'x' WHERE rowid % 30 = 0"),
    refused("half of the fundamentals are gone",
            sql(*(f"DELETE FROM {table} WHERE ticker IN {HALF}"
                  for table in ("fundamentals", "fundamentals_snapshots"))),
            "fundamentals has", alert="version_rejected"),
    suspect("half of the fundamentals are gone, and published by force", "version_forced",
            'key="version_forced",severity="warning"', "was published with --force though",
            *(f"DELETE FROM {table} WHERE ticker IN {HALF}"
              for table in ("fundamentals", "fundamentals_snapshots"))),
    suspect("the prices of half of the stocks stop", "coverage_drop", 'key="coverage_drop"',
            "coverage drop", f"DELETE FROM {TRADES} AND ticker IN {HALF}"),
    Break(name="days of prices are missing",
          do=forced(f"DELETE FROM daily_prices WHERE date IN {DAYS.format(5, 10)}"),
          log="days_missing firing .*5 trading days", metrics='key="days_missing"',
          page="have hardly any close", alert="days_missing", heal=restored),
    Break(name="a kept version is deleted", do=delete_kept,
          log="kept_version_damaged firing .*its folder is missing",
          metrics='key="kept_version_damaged",severity="warning"',
          page="a version that is kept to roll back to is damaged", alert="kept_version_damaged",
          heal=restored),
    Break(name="a version comes from outside",
          do=publish_as_cron, log=SERVED, page="outside", heal=restored, is_deliberate=True),
    Break(name="a version is rolled back from outside", do=roll_back,
          log="version .* was rolled back; version .* is served in its place",
          metrics="stockrank_version_rolled_back 1.0", page="an older version is served",
          heal=restored, is_deliberate=True),
)  # fmt: skip

TABLE: Final = (*LAKES, *FILES, *DATABASES, *REFRESHES, *MACHINE, *DATA)


def rows(*table: Break) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("broken", table, ids=lambda broken: broken.name)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    if CHROMIUM is None:
        pytest.skip("there is no chromium on the path; install it to look at the dashboard")
    with sync_playwright() as playwright:
        chromium: Browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS])
        with world_in(tmp_path_factory.mktemp("breaks"), chromium) as found:
            yield found
        chromium.close()


class TestTheLake:
    @rows(*LAKES)
    def test_a_break_is_seen_and_heals(self, world: World, broken: Break) -> None:
        run(world, broken)


class TestFilesAndTheDatabase:
    @rows(*FILES, *DATABASES)
    def test_a_break_is_seen_and_heals(self, world: World, broken: Break) -> None:
        run(world, broken)


class TestRefreshesTheMachineAndTheData:
    @rows(*REFRESHES, *MACHINE, *DATA)
    def test_a_break_is_seen_and_heals(self, world: World, broken: Break) -> None:
        run(world, broken)


def test_no_break_is_silent() -> None:
    assert [broken.name for broken in TABLE if broken.is_silent] == []
    assert len({broken.name for broken in TABLE}) == len(TABLE)
