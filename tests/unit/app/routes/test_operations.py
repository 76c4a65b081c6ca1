"""The check of the database by `/health`, and the thread that makes it."""

import asyncio
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from app.routes import operations
from app.running import running_services
from app.services import Services, build_services
from pipelines.settings import Settings
from tests.factories import database, stock


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    database(tmp_path / "app.db", stocks=[stock("A")])
    return Settings(source=tmp_path / "app.db", lake=tmp_path / "lake")


def state(services: Services) -> str:
    return operations._database_state(services)  # noqa: SLF001 - what /health says


def test_a_database_that_can_be_read_is_connected(settings: Settings) -> None:
    assert state(build_services(settings)) == "connected"


def test_a_locked_database_is_busy(settings: Settings) -> None:
    with closing(sqlite3.connect(settings.source)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert state(build_services(settings)) == (
            "error: busy, another process has locked the source database"
        )


def test_a_missing_database_is_an_error_without_a_path(settings: Settings) -> None:
    settings.source.unlink()
    assert state(build_services(settings)) == (
        "error: the source database cannot be read; a refresh says why"
    )


def test_alerts_that_do_not_arrive_degrade_health_until_one_does(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = {"log": 0, "webhook": 2, "e-mail": 1}

    async def reason() -> str | None:
        async with running_services(settings) as services:
            monkeypatch.setattr(services.alerts, "undelivered", lambda: missing)
            return (await operations.health(services)).reason

    assert "alerts do not arrive by webhook and e-mail" in (asyncio.run(reason()) or "")
    missing.update({"webhook": 0, "e-mail": 0})
    assert "arrive" not in (asyncio.run(reason()) or "")


def test_the_thread_of_the_probe_ends_with_the_service(settings: Settings) -> None:
    async def main() -> Services:
        async with running_services(settings) as services:
            assert (await operations.health(services)).database == "connected"
            assert (
                services.probe.submit(threading.current_thread)
                .result()
                .name.startswith("database-probe")
            )
        return services

    ended = asyncio.run(main())
    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        ended.probe.submit(threading.current_thread)
