"""The refresh under attack: killed at random, beside readers, beside a writer, beside itself."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from multiprocessing import get_context, parent_process
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import pytest
from polars.testing import assert_frame_equal

from pipelines import lake
from pipelines.export import export
from pipelines.lake import Lake
from pipelines.lake.publishing import writing
from pipelines.ranking import rankings
from pipelines.refresh import verify_files
from pipelines.universe import SWEDEN

SPAWN = get_context("spawn")
EXPORT = [sys.executable, "-m", "pipelines.export", "--full", "--force"]
RANKED = 8
"""A reader ranks at one of so many reads."""
PHASES = (
    *("start", "copy", "changes", "prices", "jumps"),
    *("fundamentals", "stocks", "index_prices", "observed_fundamentals", "observed_stocks"),
    *("ratio_prices", "rankings"),
)


@pytest.fixture(scope="module")
def market(demo_market: Path) -> Path:
    return demo_market / "demo.db"


def command(database: Path, root: Path) -> list[str]:
    return [*EXPORT, "--source", str(database), "--lake", str(root)]


def run(database: Path, root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(database, root), capture_output=True, text=True, check=False)


def refresh(database: Path, root: Path) -> None:
    """Do the same in this process."""
    export(database, root, SWEDEN, full=True, force=True)


# ------------------------------------------------------------------------------- readers


def read_until(stop: Event, root: Path, answers: Any) -> None:
    """Read ten times a second, and rank at some of the reads, while the test is there.

    A word a read: ok, or what was wrong.
    """
    test = parent_process()
    assert test
    for number in count():
        if stop.wait(0.1) or not test.is_alive():
            return
        try:
            opened = Lake(root)
            published = opened.rankings().collect()
            if number % RANKED == 0:
                plan = rankings(opened, as_of=opened.as_of, universe=SWEDEN)
                assert_frame_equal(plan.collect(engine="streaming"), published)
            answers.put("ok")
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test must hear of it
            answers.put(f"{type(error).__name__}: {error}")


@contextmanager
def two_readers(root: Path) -> Iterator[Counter[str]]:
    """Count what two processes answer that read again and again."""
    counted: Counter[str] = Counter()
    stop, answers = SPAWN.Event(), SPAWN.Queue()
    readers = [SPAWN.Process(target=read_until, args=(stop, root, answers)) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        yield counted
    finally:
        stop.set()
    while any(reader.is_alive() for reader in readers) or not answers.empty():
        while not answers.empty():
            counted[answers.get()] += 1
        time.sleep(0.01)


# --------------------------------------------------------------------------------- kills


def kill_once(database: Path, root: Path, after: float) -> str:
    """Start a refresh and kill it after some seconds; the phase that it was in, or done."""
    child = subprocess.Popen(command(database, root), stdout=-3, stderr=subprocess.PIPE, text=True)
    try:
        _, log = child.communicate(timeout=after)
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGKILL)
        _, log = child.communicate()
        steps = [line.split()[1] for line in log.splitlines() if " phase=" in line]
        done = [step.removeprefix("phase=") for step in steps]
        begun = any((root / "versions").glob(".partial-*"))
        return "publish" if "rankings" in done else PHASES[len(done) + begun]
    return "done"


def torture(database: Path, root: Path, kills: int, seed: int) -> dict[str, Any]:
    """Kill refreshes at random moments while two readers rank; the figures of it."""
    rng = random.Random(seed)
    assert run(database, root).returncode == 0  # the first start after an installation is slow
    started = time.perf_counter()
    assert run(database, root).returncode == 0
    whole = time.perf_counter() - started
    phases: Counter[str] = Counter()
    with two_readers(root) as reads:
        while sum(phases.values()) - phases["done"] < kills:
            phases[kill_once(database, root, rng.uniform(0, whole * 1.1))] += 1
            assert verify_files(Lake(root)).problems == []
            refresh(database, root)
            assert not [p.name for p in (root / "versions").glob(".*")]
    return {"kills": kills, "phases": dict(phases), "reads": dict(reads), "seconds": whole}


def test_a_killed_refresh_leaves_the_last_version_and_the_next_one_succeeds(
    market: Path, tmp_path: Path
) -> None:
    figures = torture(market, tmp_path / "lake", kills=10, seed=1)
    assert set(figures["reads"]) == {"ok"}
    assert figures["reads"]["ok"] > 10 * RANKED


@pytest.mark.torture
def test_two_hundred_kills(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = torture(market, tmp_path / "lake", kills=200, seed=2)
    with capsys.disabled():
        sys.stdout.write(f"\n{figures}\n")
    assert set(figures["reads"]) == {"ok"}
    assert set(figures["phases"]) >= {*PHASES, "publish"}


# -------------------------------------------------------------------------------- writer


def write_pairs(stop: Event, path: Path) -> None:
    """Write one number as a price and as a market cap, in one transaction each time."""
    con = sqlite3.connect(path, timeout=60)
    number = 1
    while not stop.is_set():
        number += 1
        write_pair(con, number)
        time.sleep(0.01)
    con.close()


def write_pair(con: sqlite3.Connection, number: int) -> None:
    with con:
        con.execute("UPDATE daily_prices SET close = ? WHERE rowid = 1", (number,))
        con.execute("UPDATE fundamentals SET market_cap = ? WHERE rowid = 1", (number,))
        con.execute("UPDATE stocks SET market_cap_msek = ? WHERE rowid = 1", (number,))


def latest(database: Path) -> float:
    with closing(sqlite3.connect(database, timeout=60)) as con:
        return float(con.execute("SELECT close FROM daily_prices WHERE rowid = 1").fetchone()[0])


def pair(opened: Lake, database: Path) -> tuple[float, ...]:
    con = sqlite3.connect(database, timeout=60)
    ticker, date = con.execute("SELECT ticker, date FROM daily_prices WHERE rowid = 1").fetchone()
    stock = con.execute("SELECT ticker FROM stocks WHERE rowid = 1").fetchone()[0]
    con.close()
    price = opened.prices().collect().filter(ticker=ticker)
    row = price.filter(price["date"].cast(str) == date)
    filed = opened.source_fundamentals().collect().filter(source="fundamentals", id=1)
    listed = opened.stocks().collect().filter(ticker=stock)
    return row["close"][0], filed["market_cap_ccy"][0], listed["market_cap_msek"][0]


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_a_version_is_of_one_moment_while_others_write(
    market: Path, tmp_path: Path, mode: str
) -> None:
    database, root = tmp_path / "app.db", tmp_path / "lake"
    database.write_bytes(market.read_bytes())
    con = sqlite3.connect(database)
    con.execute(f"PRAGMA journal_mode = {mode}")
    write_pair(con, 1)
    con.close()
    stop = SPAWN.Event()
    writer = SPAWN.Process(target=write_pairs, args=(stop, database), daemon=True)
    writer.start()
    seen = [1.0]
    for _ in range(4):
        while latest(database) == seen[-1]:  # the writer is about to write
            assert writer.is_alive()
            time.sleep(0.01)
        refresh(database, root)
        numbers = pair(Lake(root), database)
        assert len(set(numbers)) == 1, numbers
        seen.append(numbers[0])
    stop.set()
    writer.join()
    assert seen == sorted(set(seen))


# ---------------------------------------------------------------------------- two writers


def test_a_second_refresh_names_the_first_and_fails(market: Path, tmp_path: Path) -> None:
    root = tmp_path / "lake"
    with writing(root):
        result = run(market, root)
    assert result.returncode == 1
    assert f"process {os.getpid()}" in result.stderr
    refresh(market, root)


def test_leftovers_of_a_killed_run_are_removed_but_nothing_else(
    market: Path, tmp_path: Path
) -> None:
    root = tmp_path / "lake"
    refresh(market, root)
    first = Lake(root)
    (root / "versions" / ".partial-x" / "prices").mkdir(parents=True)
    (root / ".current-x").symlink_to("versions/x")
    refresh(market, root)
    assert sorted(p.name for p in (root / "versions").iterdir()) == lake.version_ids(root)
    assert first.version in lake.version_ids(root)
    assert not (root / ".current-x").is_symlink()
