"""What all tests share: one calendar, one demo market, and a last line on what was left out."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest

from pipelines.demo import make_market
from pipelines.export import export
from pipelines.refresh.calendar import sessions
from pipelines.universe import SWEDEN

FIRST_DAY = date(2015, 1, 1)
LAST_DAY = datetime.now(UTC).date() + timedelta(days=600)


@cache
def all_sessions(exchange: str) -> tuple[date, ...]:
    """Every trading day of the years in which tests take place, asked of the library once."""
    return tuple(sessions(exchange, FIRST_DAY, LAST_DAY))


def known_sessions(exchange: str, first: date, last: date) -> list[date]:
    """The trading days that the library itself would name."""
    if first < FIRST_DAY or last > LAST_DAY:
        return sessions(exchange, first, last)
    return [day for day in all_sessions(exchange) if first <= day <= last]


@pytest.fixture(scope="session", autouse=True)
def one_calendar() -> Iterator[None]:
    """Spare each export the process that loads the calendar library."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.refresh.report.sessions", known_sessions)
        yield


@pytest.fixture(scope="session")
def demo_market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with `demo.db`, of 120 stocks and four years, and its `lake`; to be read only."""
    folder = tmp_path_factory.mktemp("demo_market")
    make_market(folder / "demo.db", stocks=120, years=4)
    export(folder / "demo.db", folder / "lake", SWEDEN)
    before = _listing(folder)
    yield folder
    assert _listing(folder) == before, "a test changed the market that all share"


def _listing(folder: Path) -> dict[Path, tuple[int, int]]:
    """Size and time of what is below a folder, but for the lock that readers may touch."""
    found = (path for path in folder.rglob("*") if path.name != ".lock")
    return {path: (path.lstat().st_size, path.lstat().st_mtime_ns) for path in found}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say that tests of real data were skipped, for a green run looks the same without them."""
    skipped = terminalreporter.stats.get("skipped", [])
    count = sum("../shared is absent" in str(report.longrepr) for report in skipped)
    if count:
        terminalreporter.write_line(
            f"{count} tests of real data were skipped: there is no ../shared/data", yellow=True
        )
