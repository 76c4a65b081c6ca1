"""A service that only reads: it answers, changes nothing, and says who does."""

from collections.abc import Iterator
from pathlib import Path
from socket import gethostname

import pytest
from fastapi.testclient import TestClient

from tests.api.conftest import at, served
from tests.api.test_data import until

WRITER = "https://writer.example.com"


@pytest.fixture(autouse=True)
def records(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep what a reader remembers with the test."""
    monkeypatch.setattr("app.services.gettempdir", lambda: str(tmp_path))


@pytest.fixture
def reader(place: Path) -> Iterator[TestClient]:
    (place / "app.db").unlink()
    with served(place, role="reader", writer=WRITER) as started:
        yield at(started)


@pytest.mark.parametrize("path", ["/v1/data/sync-now", "/data/versions/x/rollback"])
def test_a_change_is_refused_and_the_writer_named(reader: TestClient, path: str) -> None:
    answer = reader.post(path)
    assert answer.status_code == 409
    assert answer.json()["detail"] == f"this service only reads; make changes at {WRITER}"


def test_it_ranks_and_is_healthy_without_a_database(reader: TestClient) -> None:
    assert reader.get("/strategies/sammansatt_momentum/top10").json()[0]["ticker"] == "AA B"
    health = reader.get("/health").json()
    assert (health["status"], health["role"], health["reason"]) == ("healthy", "reader", None)
    assert reader.get("/health/ready").status_code == 200
    assert b"stockrank_remote_failing 0.0" in reader.get("/metrics").content


def test_it_writes_nothing_to_the_lake(place: Path) -> None:
    before = sorted(place.rglob("*"))
    with served(place, role="reader") as reader:
        at(reader).get("/strategies/sammansatt_momentum")
    assert sorted(place.rglob("*")) == before


@pytest.mark.parametrize(
    ("named", "instance"), [({}, f"{gethostname()}:8001"), ({"instance": "web-2"}, "web-2")]
)
def test_its_alerts_name_it(
    place: Path, caplog: pytest.LogCaptureFixture, named: dict[str, str], instance: str
) -> None:
    small = {"memory_limit_mb": 1, "memory_hold_seconds": 0}
    with served(place, role="reader", port=8001, **small, **named) as reader:
        told = f"memory_high firing (critical) at {instance}"
        found = until(
            lambda: [r for r in caplog.records if getattr(r, "fields", {}).get("alert") == told]
        )
        assert "memory is at" in found[0].getMessage()
        assert reader.get("/health").json()["instance"] == instance
