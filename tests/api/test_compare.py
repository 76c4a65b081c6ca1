"""Rankings of two dates beside each other, and ranks over time, also of a stock that is gone."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from pipelines.export import export
from pipelines.settings import Settings
from tests.api.conftest import at, served
from tests.clock import clock_says
from tests.factories import change

MOMENTUM = {"strategy": "sammansatt_momentum"}
COMPARE = "/v1/rankings/compare"


def test_who_came_has_the_reason_of_the_day_before(client: TestClient) -> None:
    """On the first date no fundamentals were known yet."""
    found = client.get(COMPARE, params=MOMENTUM | {"from": "2026-10-20"}).json()
    assert {k: found[k] for k in ("strategy", "universe", "from", "to", "top")} == {
        **MOMENTUM, "universe": "sweden", "from": "2026-10-20", "to": "2026-11-20", "top": None,
    }  # fmt: skip
    assert [(one["ticker"], one["rank_before"], one["rank"]) for one in found["came"]] == [
        ("AA B", None, 1), ("BB", None, 2),
    ]  # fmt: skip
    assert (found["went"], found["moved"]) == ([], [])
    path = "/v1/strategies/sammansatt_momentum/explain/AA-B"
    why = client.get(path, params={"as_of": "2026-10-20"}).json()
    assert found["came"][0]["reason"] == why["excluded_by"]
    assert found["came"][0]["meaning"]


def test_the_first_ranks_alone(client: TestClient) -> None:
    found = client.get(COMPARE, params=MOMENTUM | {"from": "2026-10-20", "top": 1}).json()
    assert [one["ticker"] for one in found["came"]] == ["AA B"]


def test_ranks_over_time(client: TestClient) -> None:
    params = MOMENTUM | {"every": "month", "from": "2026-08-01"}
    found = client.get("/v1/stocks/bb/ranks", params=params).json()
    assert {k: found[k] for k in ("ticker", "strategy", "universe", "every")} == {
        "ticker": "BB", **MOMENTUM, "universe": "sweden", "every": "month",
    }  # fmt: skip
    assert [(one["date"], one["rank"], one["ranked"]) for one in found["ranks"]] == [
        ("2026-08-20", None, 0), ("2026-10-20", None, 0), ("2026-11-20", 2, 2),
    ]  # fmt: skip
    assert found["ranks"][-1]["score"] == 0.25
    assert all(one["excluded_by"] for one in found["ranks"][:2])
    later = MOMENTUM | {"from": "2026-11-22"}
    assert client.get("/v1/stocks/bb/ranks", params=later).json()["ranks"] == []


@pytest.mark.parametrize(
    ("path", "params", "status", "told"),
    [
        (COMPARE, {"from": "2026-11-20", "to": "2026-10-20"}, 422, "is after to 2026-10-20"),
        (COMPARE, {"from": "2030-01-01"}, 422, "from 2030-01-01 lies in the future"),
        (COMPARE, {}, 422, "query from"),
        (COMPARE, {"from": "2026-10-20", "universe": "moon"}, 422, "unknown universe 'moon'"),
        (COMPARE, {"from": "2026-10-20", "strategy": "x"}, 404, "unknown strategy 'x'"),
        ("/v1/stocks/NONE/ranks", {}, 404, "unknown ticker 'NONE'"),
        ("/v1/stocks/BB/ranks", {"every": "hour"}, 422, "query every = 'hour'"),
    ],
)
def test_an_error_names_the_key(
    client: TestClient, path: str, params: dict[str, str], status: int, told: str
) -> None:
    answer = client.get(path, params=MOMENTUM | params)
    assert answer.status_code == status
    assert told in answer.json()["detail"]


def test_too_many_dates_are_refused(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.routes.compare.MOST_DATES", 2)
    answer = client.get("/v1/stocks/BB/ranks", params=MOMENTUM | {"every": "day"})
    assert (answer.status_code, "at most 2 are ranked" in answer.text) == (422, True)


def test_a_stock_that_is_gone_is_found_on_the_days_before(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(place / "app.db", "DELETE FROM stocks WHERE ticker = 'BB'")
    now = datetime(2026, 11, 24, 18, tzinfo=UTC)
    clock_says(monkeypatch, now)
    export(place / "app.db", place / "lake", Settings().chosen_universe())
    with served(place) as started:
        client = at(started, now)
        found = client.get("/v1/stocks/search", params={"q": "bb"}).json()
        assert [(one["ticker"], one["name"], one["last_seen"]) for one in found] == [
            ("BB", "Bb", "2026-11-23")
        ]
        days = MOMENTUM | {"from": "2026-11-20", "to": "2026-11-24"}
        went = client.get(COMPARE, params=days).json()["went"]
        assert [(one["ticker"], one["rank_before"], one["reason"]) for one in went] == [
            ("BB", 2, "not_listed")
        ]
        ranks = client.get("/v1/stocks/BB/ranks", params=MOMENTUM).json()["ranks"]
        assert (ranks[-1]["date"], ranks[-1]["rank"]) == ("2026-11-20", 2)
        path = "/v1/strategies/sammansatt_momentum/explain/BB"
        assert client.get(path, params={"as_of": "2026-11-20"}).json()["rank"] == 2
        assert client.get(path, params={"as_of": "2026-11-24"}).status_code == 404
