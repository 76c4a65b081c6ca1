"""What is refused, and how it is said."""

import logging
import sqlite3
from asyncio import get_running_loop
from contextlib import closing
from pathlib import Path
from threading import Event
from time import sleep
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app import services
from app.routes import operations
from app.routes.operations import PROBE_BUSY_SECONDS
from app.serving import published
from app.watch import DiskUsage
from pipelines.lake import Condition
from tests.api.conftest import at, served

STRATEGIES = "sammansatt_momentum, trendande_varde, trendande_utdelning, trendande_kvalitet"
REFUSED = {
    "/strategies/momentum": (404, f"unknown strategy 'momentum'; expected one of {STRATEGIES}"),
    "/strategies/momentum/top10": (404, "unknown strategy 'momentum'"),
    "/strategies/trendande_varde/explain/ZZ": (404, "unknown ticker 'ZZ'; expected one of"),
    "/stocks/ZZ": (404, "unknown ticker 'ZZ'"),
    "/stocks/ZZ/prices": (404, "unknown ticker 'ZZ'"),
    "/stocks/BB/prices?days=0": (422, "query days = '0': Input should be greater than or equal"),
    "/rankings/on-date?strategy=x&target_date=2026-11-20": (404, "unknown strategy 'x'"),
    "/rankings/on-date?strategy=trendande_varde": (422, "query target_date: Field required"),
    "/rankings/on-date?strategy=trendande_varde&target_date=2027-01-01":
        (422, "target_date 2027-01-01 lies in the future; the newest prices are of 2026-11-20"),
    "/rankings/history/x": (404, "unknown strategy 'x'"),
    "/rankings/history/trendande_varde?limit=0": (422, "query limit = '0'"),
    "/strategies/trendande_varde?as_of=2026-13-01": (422, "query as_of = '2026-13-01'"),
    "/strategies/trendande_varde?as_of=2026-11-24": (422, "lies in the future"),
    "/strategies/trendande_varde?universe=mars":
        (422, "unknown universe 'mars'; expected one of sweden, nordic"),
    "/strategies/trendande_varde?limit=-1": (422, "query limit = '-1'"),
    "/strategies/trendande_varde?format=xml": (422, "query format = 'xml'"),
    "/data/jobs/x": (404, "unknown refresh 'x'"),
    "/export/rankings/x": (404, "unknown strategy 'x'"),
    "/nothing/here": (404, "Not Found"),
    "/stocks/..%2f..%2fetc%2fpasswd": (404, "unknown ticker '../../etc/passwd'"),
    "/static/..%2f..%2fmain.py": (404, "Not Found"),
    "/static/%2e%2e/main.py": (404, "Not Found"),
}  # fmt: skip


@pytest.mark.parametrize("path", REFUSED)
def test_refusals_name_the_value_and_the_remedy(client: TestClient, path: str) -> None:
    answer = client.get(path if path.startswith("/static") else f"/v1{path}")
    status, text = REFUSED[path]
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["detail"]
    assert answer.json()["detail"].startswith(text) or text in answer.json()["detail"]
    assert "\n" not in answer.json()["detail"]


@pytest.mark.parametrize(
    "text",
    ["'; DROP TABLE stocks;--", "<script>alert(1)</script>", "../../../etc/passwd", "\x00",
     "å" * 40, "{{7*7}}", "%s%n", "AA B\r\nX: y"],
)  # fmt: skip
@pytest.mark.parametrize(
    "path", ["/stocks/{}", "/strategies/{}", "/strategies/trendande_varde?universe={}",
             "/data/jobs/{}", "/strategies/trendande_varde/explain/{}"]
)  # fmt: skip
def test_odd_texts_are_only_texts(client: TestClient, path: str, text: str) -> None:
    from urllib.parse import quote  # noqa: PLC0415

    answer = client.get("/v1" + path.format(quote(text, safe="")))
    assert answer.status_code in (404, 422)
    assert answer.headers["content-type"] == "application/json"


def test_a_body_that_is_too_large(client: TestClient) -> None:
    path = "/v1/strategies/sammansatt_momentum/banding-check"
    assert client.post(path, json=["A" * 50] * 999).status_code == 200
    assert client.post(path, content=b" " * 65_000).status_code == 413
    assert client.post(path, json=["A"] * 1001).status_code == 422
    assert client.post(path, json=["A" * 51]).status_code == 422
    assert client.post(path, json={"a": 1}).status_code == 422
    assert client.post(path, content=b"{").status_code == 422


def test_nothing_is_published(tmp_path: Path) -> None:
    with served(tmp_path) as client:
        for path in (
            "/strategies/trendande_varde",
            "/data/integrity",
            "/health/ready",
            "/stocks/A",
        ):
            answer = client.get(f"/v1{path}")
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) > 0
            assert answer.json() == {
                "detail": "no data is published yet; start a refresh with POST /data/sync-now"
            }
        assert client.get("/v1/health/live").status_code == 200
        assert client.get("/v1/strategies").status_code == 200
        assert client.get("/v1/metrics").status_code == 200
        health = client.get("/v1/health").json()
        assert health["status"] == "degraded"
        assert health["database"].startswith("error: ")


def test_the_health_check_does_not_wait_for_a_locked_database(place: Path) -> None:
    with closing(sqlite3.connect(place / "app.db", isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with served(place) as client:
            busy = client.get("/health").json()
            writer.execute("ROLLBACK")
            free = client.get("/health").json()
    told = "error: busy, another process has locked the source database"
    assert (busy["status"], busy["database"], busy["reason"]) == ("degraded", told, told)
    assert free["database"] == "connected"
    assert PROBE_BUSY_SECONDS <= 1


def test_the_health_check_does_not_wait_for_a_disk_that_does_not_answer(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = Event()
    monkeypatch.setattr(operations, "PROBE_SECONDS", 0.1)
    with served(place) as client:
        with monkeypatch.context() as patch:
            patch.setattr(operations, "_database_state", lambda _: back.wait(5) and "connected")
            for _ in range(2):
                told = "error: the source database did not answer in 0.1 s; check its disk"
                assert client.get("/health").json()["database"] == told
        back.set()
        monkeypatch.setattr(operations, "PROBE_SECONDS", 30.0)
        assert client.get("/health").json()["database"] == "connected"


def test_metrics_look_at_the_disk_beside_the_event_loop(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(place) as client:
        seen, usage = [], services.disk_usage

        def look(*given: Any) -> DiskUsage:
            seen.append(in_event_loop())
            return usage(*given)

        monkeypatch.setattr(services, "disk_usage", look)
        assert "stockrank_disk_free_bytes" in client.get("/metrics").text
        assert set(seen) == {False}


def in_event_loop() -> bool:
    try:
        get_running_loop()
    except RuntimeError:
        return False
    return True


def test_a_version_that_cannot_be_read(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    for path in (place / "lake").glob("versions/*/rankings/*.parquet"):
        path.write_bytes(b"PAR1 and nothing more PAR1")
    with served(place) as client, caplog.at_level(logging.WARNING):
        answer = client.get("/v1/strategies/trendande_varde")
    assert answer.status_code == 503
    assert answer.json()["detail"] == "the data cannot be read now; /health says why"
    assert str(place) not in answer.text


def test_a_defect_says_nothing_of_itself(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr("app.routes.strategies.views.ranked", fails)
    with served(place) as client:
        answer = at(client).get("/v1/strategies/trendande_varde")
    assert answer.status_code == 500
    assert answer.json() == {"detail": "the service failed on this request; its log says why"}


def test_every_answer_has_an_id_and_a_time(client: TestClient) -> None:
    for path in ("/v1/strategies", "/v1/nothing", "/v1/strategies/x"):
        answer = client.get(path)
        assert len(answer.headers["x-request-id"]) == 16
        assert answer.headers["server-timing"].startswith("app;dur=")
    given = client.get("/v1/strategies", headers={"x-request-id": "abc-1"})
    assert given.headers["x-request-id"] == "abc-1"
    odd = client.get("/v1/strategies", headers={"x-request-id": "a b<script>"})
    assert odd.headers["x-request-id"] != "a b<script>"


def test_the_page_and_its_files_are_asked_for_again(client: TestClient) -> None:
    page = client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'self'" in page.headers["content-security-policy"]
    script = client.get("/static/pages/main.js")
    assert script.headers["cache-control"] == page.headers["cache-control"] == "no-cache"
    again = client.get("/static/pages/main.js", headers={"if-none-match": script.headers["etag"]})
    assert (again.status_code, again.headers["cache-control"]) == (304, "no-cache")


HANGS = (
    "the disk of the lake gives no answer for 0.2 s; check the disk, or the network that it is on"
)


def test_a_disk_that_hangs_is_told_of_while_the_version_is_served(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published, "ANSWER_SECONDS", 0.2)
    with served(place) as client:
        answers, found = Event(), published.lakes.condition_of
        answers.set()

        def look(root: Path) -> Condition:
            answers.wait()
            return found(root)

        monkeypatch.setattr(published.lakes, "condition_of", look)
        assert client.get("/health/ready").status_code == 200
        answers.clear()
        try:
            health = client.get("/health").json()
            assert (health["status"], health["lake"]) == ("degraded", "unreadable")
            assert health["reason"] == HANGS
            ready = client.get("/health/ready")
            assert (ready.status_code, HANGS in ready.text) == (503, True)
            assert "stockrank_lake_readable 0.0" in client.get("/metrics").text
            assert until_told(client, firing=True) == {HANGS}
            assert client.get("/strategies/trendande_varde/top10").status_code == 200
        finally:
            answers.set()
        assert until_told(client, firing=False) == set()
        assert client.get("/health").json()["status"] == "healthy"


def until_told(client: TestClient, *, firing: bool) -> set[str]:
    """The reasons of the alert `lake_unreadable`, once it fires or is over."""
    for _ in range(1000):
        alerts = [a for a in client.get("/data/alerts").json() if a["key"] == "lake_unreadable"]
        told = {alert["message"].partition("; until")[0] for alert in alerts}
        if bool(told) == firing:
            return told
        sleep(0.02)
    raise AssertionError("it was not told")


def test_requests_wait_for_a_link_on_a_disk_that_hangs_once_and_not_for_long(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published, "LINK_SECONDS", 0.01)
    with served(place) as client:
        assert client.get("/stocks/BB").status_code == 200
        answers = Event()
        looks: list[None] = []
        really = published.Published._look_at_link  # noqa: SLF001

        def look(self: published.Published) -> published.LinkState:
            if not self.root.is_relative_to(place):  # the service of another test
                return really(self)
            looks.append(None)
            answers.wait()
            return published.NO_LINK

        monkeypatch.setattr(published.Published, "_look_at_link", look)
        try:
            assert [client.get("/stocks/BB").status_code for _ in range(3)] == [200, 200, 200]
            assert len(looks) == 1
        finally:
            answers.set()
