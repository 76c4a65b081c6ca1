"""What changed of a stock, and when it was seen, over HTTP."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from pipelines.export import export
from pipelines.settings import Settings
from tests.api.conftest import at, served
from tests.clock import clock_says
from tests.factories import change


def test_a_stock_has_its_events_from_the_first_refresh_on(client: TestClient) -> None:
    found = client.get("/stocks/AA-B/events").json()
    assert found["ticker"] == "AA B"
    assert found["remembered_since"] == "2026-11-23"
    assert found["events"] == [
        {"date": "2026-11-23", "seen_on": "2026-11-23", "kind": "first_seen", "field": None,
         "before": None, "after": None},
    ]  # fmt: skip


def test_an_unknown_stock_has_none(client: TestClient) -> None:
    answer = client.get("/v1/stocks/NONE/events")
    assert answer.status_code == 404
    assert "NONE" in answer.json()["detail"]


def test_a_stock_that_left_the_market_is_remembered(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(
        place / "app.db",
        "DELETE FROM stocks WHERE ticker = 'CC'",
        "UPDATE stocks SET sector = 'Bank' WHERE ticker = 'BB'",
    )
    clock_says(monkeypatch, datetime(2026, 11, 24, 18, tzinfo=UTC))
    export(place / "app.db", place / "lake", Settings().chosen_universe())
    with served(place) as started:
        client = at(started)
        kinds = [event["kind"] for event in client.get("/stocks/CC/events").json()["events"]]
        assert kinds == ["delisted", "first_seen"]
        changed = client.get("/stocks/bb/events").json()["events"][0]
        assert (changed["field"], changed["before"], changed["after"]) == (
            "sector", "Industri", "Bank"
        )  # fmt: skip
