"""Questions that were asked before: answered without the handler, and never with what is past."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.routes import strategies
from pipelines.export import export
from pipelines.universe import SWEDEN
from tests.api.conftest import NOW, at, served
from tests.factories import change

PATH = "/v1/strategies/sammansatt_momentum"


@pytest.fixture
def without_handler(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """A client that asked once, of a service whose handler fails from now on."""

    async def fails(*_: object) -> None:
        raise AssertionError

    with served(place) as client:
        assert at(client).get(PATH).status_code == 200
        monkeypatch.setattr(strategies, "_ranking", fails)
        yield client


def test_the_handler_is_not_asked_again(without_handler: TestClient) -> None:
    answer = without_handler.get(PATH)
    assert (answer.status_code, answer.json()[0]["ticker"]) == (200, "AA B")
    known = without_handler.get(PATH, headers={"if-none-match": answer.headers["etag"]})
    assert known.status_code == 304
    counted = 'stockrank_requests_total{method="GET",route="/strategies/{name}",status="200"} 2.0'
    assert counted in without_handler.get("/metrics").text


@pytest.mark.parametrize(
    ("query", "accept"), [("", "text/csv"), ("?limit=1", "*/*"), ("?x=1", "*/*"), ("/top10", "*/*")]
)
def test_another_question_goes_to_the_handler(
    without_handler: TestClient, query: str, accept: str
) -> None:
    assert without_handler.get(PATH + query, headers={"accept": accept}).status_code == 500


def test_the_handler_is_asked_when_nothing_is_kept(without_handler: TestClient) -> None:
    assert without_handler.post("/cache/invalidate").json() == {"removed": 1}
    assert without_handler.get(PATH).status_code == 500
    assert without_handler.get("/cache/stats").json()["misses"] == 1


def test_another_version_is_another_answer(place: Path) -> None:
    with served(place) as client:
        first = client.get(PATH)
        assert client.get(PATH).headers["etag"] == first.headers["etag"]
        raised = "UPDATE daily_prices SET close = 240 WHERE ticker = 'BB' AND close = 125"
        change(place / "app.db", raised)
        export(place / "app.db", place / "lake", SWEDEN)
        client.get("/v1/strategies/compare")  # the service has seen the new version
        second = client.get(PATH)
    assert [row["ticker"] for row in first.json()] == ["AA B", "BB"]
    assert [row["ticker"] for row in second.json()] == ["BB", "AA B"]
    assert second.headers["etag"] != first.headers["etag"]


def test_another_day_is_another_answer(place: Path) -> None:
    with served(place) as client:
        ages = [
            at(client, NOW + timedelta(days=days)).get(PATH).json()[0]["data_age_days"]
            for days in (0, 1, 1, 0)
        ]
    assert ages == [1, 2, 2, 1]
