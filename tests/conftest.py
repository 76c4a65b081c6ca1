"""What all tests share: one calendar, one demo market, and a last line on what was left out."""

import os
from collections.abc import Iterator
from pathlib import Path
from shutil import disk_usage
from typing import Final

import pytest

import tests.allocator  # noqa: F401 - before Polars is loaded

# isort: split
from pipelines.demo import make_market
from pipelines.export import export
from pipelines.runtime import MB, keep_loaded
from pipelines.sweep.machine import free_mb
from pipelines.universe import SWEDEN
from tests.bare import bare
from tests.made_once import made_once
from tests.trading_days import known_sessions

os.environ.setdefault("STOCKRANK_BACKTESTS", "false")
"""No test needs the backtests of its version but those that ask for them."""

IN_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - only pytest writes there
PLENTY_MB: Final = 8_000

if IN_MEMORY.is_dir() and min(free_mb() or 0, disk_usage(IN_MEMORY).free / MB) > PLENTY_MB:
    # The tests make thousands of small files, which need no disk.
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(IN_MEMORY))

LONGEST: Final = (
    "service/test_openapi",
    "test_breaks",
    "many_edit_scripts",
    "browser/test_",
    "test_replay",
    "test_safety",
    "test_real",
    "slow/postgres/",
    "notebook",
    "budgets",
    "test_sweeps",
    "e2e/test_refresh",
)
"""What takes longest, by a part of its name; it begins first, one after the other."""


def _place(item: pytest.Item) -> int:
    found = (n for n, name in enumerate(LONGEST) if name in item.nodeid)
    return next(found, len(LONGEST))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest first."""
    items.sort(key=_place)


def pytest_collection_finish() -> None:
    """Keep the garbage collector from what is loaded now, which stays until the end."""
    keep_loaded()


@pytest.fixture(scope="session", autouse=True)
def one_calendar() -> Iterator[None]:
    """Spare each export the process that loads the calendar library."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.refresh.trading_days.sessions", known_sessions)
        yield


@pytest.fixture(scope="session", autouse=True)
def no_wait_for_the_disk() -> Iterator[None]:
    """Spare each export the flushes to the disk: they matter where the machine loses its power."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", id)
        yield


@pytest.fixture
def datasets_only() -> Iterator[None]:
    """Let each export make the datasets, for a test of these: rankings and report are empty."""
    with bare():
        yield


@pytest.fixture(scope="session")
def demo_market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with `demo.db`, of 120 stocks and four years, and its `lake`; to be read only."""
    folder = made_once(tmp_path_factory, "demo_market", _make_demo_market)
    before = _listing(folder)
    yield folder
    assert _listing(folder) == before, "a test changed the market that all share"


def _make_demo_market(folder: Path) -> None:
    make_market(folder / "demo.db", stocks=120, years=4)
    export(folder / "demo.db", folder / "lake", SWEDEN)


def _listing(folder: Path) -> dict[Path, tuple[int, int]]:
    """Size and time of the files below a folder, but for its locks; the names of its folders."""
    found = (path for path in folder.rglob("*") if not path.name.endswith(".lock"))
    return {path: _size_and_time(path) for path in found}


def _size_and_time(path: Path) -> tuple[int, int]:
    if path.is_dir():  # what is made and removed in it changes its time
        return 0, 0
    return path.lstat().st_size, path.lstat().st_mtime_ns


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say that tests of real data were skipped, for a green run looks the same without them."""
    skipped = terminalreporter.stats.get("skipped", [])
    count = sum("../shared is absent" in str(report.longrepr) for report in skipped)
    if count:
        terminalreporter.write_line(
            f"{count} tests of real data were skipped: there is no ../shared/data", yellow=True
        )
