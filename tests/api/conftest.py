"""A market of four stocks whose answers can be worked out by hand, served in-process."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.main import create_app
from pipelines.export import export
from pipelines.settings import Settings
from tests.clock import clock_says
from tests.factories import Row, database, stock

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
"""A Monday morning; the newest closes are of the Friday before."""

DAYS = ("2025-11-20", "2025-12-30", "2026-05-20", "2026-08-20", "2026-10-20", "2026-11-20")
CLOSES = {
    "AA B": (100, 125, 120, 125, 120, 150),
    "BB": (100, 100, 100, 100, 100, 125),
    "CC": (200, 160, 100, 100, 80, 80),
    "DD": (50, 50, 50, 50, 50, 50),
}
RATIOS = ("pe", "pb", "ps", "p_fcf", "ev_ebitda", "roe", "roa", "roic", "fcfroe", "dividend_yield")
KNOWN = {
    "AA B": (10, 1, 1, 10, 8, 0.2, 0.1, 0.2, 0.2, 0.01),
    "BB": (20, 2, 2, 20, 16, 0.1, 0.05, 0.1, 0.1, 0.04),
    "CC": (40, 4, 4, 40, 32, 0.05, 0.02, 0.05, 0.05, 0.0),
}
F_SCORES = {"AA B": 8, "BB": 6, "CC": 3}


def prices() -> list[Row]:
    return [
        {"ticker": ticker, "date": day, "open": close, "high": close, "low": close,
         "close": close, "volume": 1000.0}
        for ticker, closes in CLOSES.items()
        for day, close in zip(DAYS, closes, strict=True)
    ]  # fmt: skip


def fundamentals() -> list[Row]:
    return [
        {"ticker": ticker, "fiscal_date": "2025-12-31", "fetched_date": "2026-11-02",
         "market_cap": 6e9, "piotroski_f_score": F_SCORES[ticker],
         **dict(zip(RATIOS, values, strict=True))}
        for ticker, values in KNOWN.items()
    ]  # fmt: skip


def source_database(path: Path) -> Path:
    return database(
        path,
        stocks=[stock("AA B"), stock("BB"), stock("CC"), stock("DD", market="oslo")],
        daily_prices=prices(),
        fundamentals=fundamentals(),
        fundamentals_snapshots=[
            {"ticker": "AA B", "snapshot_date": day, "pe": 11.0}
            for day in ("2026-10-05", "2026-10-12")
        ],
    )


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `app.db` and a lake that was made of it on the day of `NOW`."""
    top = tmp_path_factory.mktemp("api")
    source_database(top / "app.db")
    with pytest.MonkeyPatch.context() as patch:
        clock_says(patch, NOW)
        export(top / "app.db", top / "lake", Settings().chosen_universe())
    return top


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    """A copy of that folder, to change."""
    shutil.copytree(made, tmp_path / "place", symlinks=True)
    return tmp_path / "place"


@cache
def _first_app() -> FastAPI:
    return create_app(Settings())


def app_of(settings: Settings) -> FastAPI:
    """An app with the routes of one that all tests share: to look into theirs takes 0.2 s."""
    app = create_app(settings)
    app.router.routes[:] = _first_app().router.routes
    return app


def served(folder: Path, address: str = "127.0.0.1", **values: object) -> TestClient:
    """A client at an address, of an app on the folder; started and ended as a context."""
    settings = Settings(source=folder / "app.db", lake=folder / "lake", **values)
    return TestClient(
        app_of(settings),
        base_url="http://127.0.0.1:8000",
        client=(address, 50000),
        raise_server_exceptions=False,
    )


def at(client: TestClient, now: datetime = NOW) -> TestClient:
    """The client, with the clock of its service set."""
    client.app.state.services.now = lambda: now  # type: ignore[attr-defined]
    return client


@pytest.fixture(scope="session")
def client(made: Path) -> Iterator[TestClient]:
    """A client of a service on the folder, for requests that change nothing."""
    with served(made) as started:
        yield at(started)
