"""What a service sees of the versions that others publish."""

import asyncio
import logging
import shutil
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path
from socket import gethostname
from typing import Any

import pytest

from app import running
from app import services as parts
from app.running import _Watch
from app.services import Services, build_services, instance_of
from app.serving import kept
from app.watch import Alert, rules
from pipelines.errors import LakeError
from pipelines.export import export
from pipelines.lake import Lake, version_ids
from pipelines.settings import Settings
from pipelines.universe import SWEDEN
from tests.factories import database, stock, trading_year

NOISE = "INSERT INTO daily_prices (ticker, date, close, volume) VALUES ('A', 'never', 1.0, 1.0)"
ALERTS = {"coverage_drop", "rows_rejected"}
"""What is said of the second version, which has no fundamentals either."""


@pytest.fixture(scope="module")
def two_versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database and a lake, of whose two versions the second has a rejected row."""
    folder = tmp_path_factory.mktemp("two")
    source, lake = folder / "app.db", folder / "lake"
    prices = trading_year("A", date(2024, 5, 31), growth=0.1)
    database(source, stocks=[stock("A")], daily_prices=prices)
    export(source, lake, SWEDEN)
    with closing(sqlite3.connect(source)) as con:
        con.execute(NOISE)
        con.commit()
    export(source, lake, SWEDEN)
    return folder


@pytest.fixture
def services(two_versions: Path, tmp_path: Path) -> Services:
    """The services of a copy of that lake, to change."""
    place = Path(shutil.copytree(two_versions, tmp_path / "place", symlinks=True))
    return build_services(Settings(source=place / "app.db", lake=place / "lake"))


def watch(services: Services, looks: int = 1) -> None:
    """Look at the current version as often, whatever a look meets."""

    async def main() -> None:
        seen = _Watch(services)
        for _ in range(looks):
            try:
                await seen.check_version()
            except LakeError as error:
                logging.getLogger(__name__).warning("%s", error)

    asyncio.run(main())


def keys(services: Services) -> set[str]:
    return {alert.key for alert in services.alerts.active()}


def older(services: Services) -> str:
    root = services.settings.lake
    return min(version_ids(root))


def test_a_version_is_compared_with_the_one_before(services: Services) -> None:
    watch(services)
    told = {alert.key: alert.message for alert in services.alerts.active()}
    assert told.keys() == ALERTS
    assert "1 of 288 rows of prices are rejected, 0 in the version before" in told["rows_rejected"]


def test_no_alert_is_lost_where_the_version_before_cannot_be_read(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    before = older(services)
    for path in (services.settings.lake / "versions" / before / "rankings").iterdir():
        path.write_bytes(bytes(path.stat().st_size))  # as many, or it is passed over
    watch(services, looks=2)
    assert keys(services) == ALERTS
    assert f"the top tens are compared with none: version {before}: " in caplog.text


def test_a_comparison_that_fails_is_made_at_the_next_look(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, calls = parts.kept_versions, []

    def once(version: parts.Version) -> list[Lake]:
        calls.append(version.id)
        if len(calls) == 1:
            raise LakeError("the lake is being pruned")
        return kept(version)

    monkeypatch.setattr(parts, "kept_versions", once)
    watch(services, looks=3)
    assert keys(services) == ALERTS
    assert len(calls) == 2


def test_a_version_that_is_pruned_meanwhile_is_passed_over(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, there = services.settings.lake, version_ids(services.settings.lake)
    gone = ["20200101T000000Z-aaaaaa", *there]
    monkeypatch.setattr(kept.lakes, "version_ids", lambda _: gone)

    async def names() -> list[str]:
        found = await services.kept_versions(await services.published.current())
        return [lake.version for lake in found]

    assert asyncio.run(names()) == version_ids(root)[::-1]


def test_a_defect_does_not_end_the_watch_and_is_told_once(
    services: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> None:
        raise KeyError("share")

    monkeypatch.setattr(running, "WATCH_SECONDS", 0.0)
    monkeypatch.setattr(rules, "WATCH_HOLD_SECONDS", 0.0)
    whole = running.both_tops

    async def until(*, firing: bool) -> None:
        for _ in range(1000):
            if ("watch_failed" in keys(services)) == firing:
                return
            await asyncio.sleep(0.01)
        raise AssertionError("it was not told")

    async def main() -> None:
        monkeypatch.setattr(running, "both_tops", fails)
        watching = asyncio.create_task(running._watch(services))  # noqa: SLF001
        await until(firing=True)
        await asyncio.sleep(0.1)
        assert keys(services) == {"watch_failed", "refresh_overdue"}
        monkeypatch.setattr(running, "both_tops", whole)
        await until(firing=False)
        watching.cancel()
        await services.alerts.close()

    asyncio.run(main())
    told = [r for r in caplog.records if r.message == "a part of the watch fails: 'share'"]
    assert [bool(record.exc_info) for record in told] == [True]


def test_a_lake_that_cannot_be_read_is_told_once_when_it_begins_and_once_when_it_ends(
    services: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    manifest = services.settings.lake / "current" / "manifest.json"
    version = manifest.resolve().parent.name
    whole = manifest.read_text()
    manifest.write_text("{")
    monkeypatch.setattr(running, "WATCH_SECONDS", 0.0)

    async def until(*, firing: bool) -> None:
        for _ in range(1000):
            if ("lake_unreadable" in keys(services)) == firing:
                return
            await asyncio.sleep(0.01)
        raise AssertionError("it was not told")

    async def main() -> None:
        watching = asyncio.create_task(running._watch(services))  # noqa: SLF001
        await until(firing=True)
        found.extend(a for a in services.alerts.active() if a.key == "lake_unreadable")
        await asyncio.sleep(0.1)
        manifest.write_text(whole)
        await until(firing=False)
        assert not watching.done()
        watching.cancel()
        await services.alerts.close()

    found: list[Alert] = []
    caplog.set_level(logging.INFO)
    asyncio.run(main())
    reason = f"version {version} is damaged: its manifest.json cannot be read"
    message = f"{reason}; start a refresh, or roll back; until then nothing is served"
    assert [(a.key, a.severity, a.message) for a in found] == [
        ("lake_unreadable", "critical", message)
    ]
    assert [text for text in caplog.messages if "manifest.json" in text] == [
        f"lake_unreadable firing (critical): {message}",
        f"lake_unreadable resolved (critical): it is over; it was: {message}",
    ]


def test_an_empty_lake_is_told_once_with_what_to_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lake = tmp_path / "lake"
    lake.mkdir()
    watch(build_services(Settings(source=tmp_path / "app.db", lake=lake)), looks=2)
    assert caplog.messages == [
        f"nothing is published in {lake}; run python -m pipelines.export --lake {lake}, or start a "
        "refresh with POST /data/sync-now"
    ]


HOST = gethostname()


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"port": 8001}, None),
        ({"instance": "web"}, "web"),
        ({"role": "reader", "port": 8001}, f"{HOST}:8001"),
        ({"remote": "s3://stocks/lake", "port": 0}, HOST),
        ({"role": "reader", "instance": "web-2"}, "web-2"),
    ],
)
def test_a_service_among_several_has_a_name(given: dict[str, Any], name: str | None) -> None:
    assert instance_of(Settings(**given)) == name
