"""Strategies as data over HTTP: definitions, factors, the ranking of one that is sent."""

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.services import build_services
from pipelines.definition import definition_of
from pipelines.errors import BadDefinition
from pipelines.ranking import FACTORS, STRATEGIES
from pipelines.settings import Settings
from tests.unit.test_definition import FORM

CHEAP: Final[dict[str, Any]] = {
    "name": "cheap", "title": "Cheap", "description": "The cheapest.", "type": "value",
    "rebalance_months": [6], "portfolio_size": 3, "score": {"factor": "pe"},
}  # fmt: skip


@pytest.fixture(scope="module")
def client(demo_market: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The service of the demo market, with `calm` and `cheap` beside the four."""
    own = {"calm": FORM, "cheap": {k: v for k, v in CHEAP.items() if k != "name"}}
    place = tmp_path_factory.mktemp("own")
    shutil.copytree(demo_market / "lake", place / "lake", symlinks=True, copy_function=os.link)
    settings = Settings(source=place / "app.db", lake=place / "lake", strategies=own)
    with TestClient(create_app(settings)) as client:
        yield client


def test_own_strategies_are_everywhere_the_four_are(client: TestClient) -> None:
    names = [one["name"] for one in client.get("/v1/strategies").json()]
    assert names == [*STRATEGIES, "calm", "cheap"]
    assert [*client.get("/v1/strategies/compare").json()] == names
    for path in ("/v1/strategies/performance", "/v1/dashboard/top"):
        assert [one.get("strategy", one.get("name")) for one in client.get(path).json()[
            "strategies"]] == names  # fmt: skip
    dates = client.get("/v1/portfolio/rebalance-dates").json()
    assert [one["strategy_name"] for one in dates] == names
    ranking = client.get("/v1/strategies/cheap").json()
    assert len(ranking) > 3
    assert len(client.get("/v1/strategies/compare").json()["cheap"]) == 3
    for path in ("validate", "exclusions", "top10", f"explain/{ranking[0]['ticker']}"):
        assert client.get(f"/v1/strategies/cheap/{path}").status_code == 200
    assert client.get("/v1/rankings/history/cheap").status_code == 200
    assert client.get("/v1/export/rankings/calm").text.startswith("ticker,name,rank,score")
    on_date = {"strategy": "cheap", "target_date": "2026-03-02"}
    assert client.get("/v1/rankings/on-date", params=on_date).json()["strategy"] == "cheap"
    holdings = client.get("/v1/portfolio/sverige").json()["holdings"]
    assert {one["strategy"] for one in holdings} == {*STRATEGIES}


def test_one_that_is_not_there_names_those_that_are(client: TestClient) -> None:
    answer = client.get("/v1/strategies/clam")
    assert answer.status_code == 404
    assert answer.json()["detail"] == (
        "unknown strategy 'clam'; the nearest is calm; expected one of "
        f"{', '.join(STRATEGIES)}, calm, cheap"
    )


def test_the_band_of_a_strategy_is_its_own(client: TestClient) -> None:
    ranking = [one["ticker"] for one in client.get("/v1/strategies/cheap").json()]
    held = [ranking[5], ranking[6]]
    found = client.post("/v1/strategies/cheap/banding-check", json=held).json()
    assert [one["ticker"] for one in found["keep"]] == ranking[5:6]
    assert found["sell"] == [{"ticker": ranking[6], "rank": 7, "reason": "outside_rank_6"}]
    assert [one["ticker"] for one in found["buy"]] == ranking[:2]


def test_an_explanation_has_the_screens_the_cut_and_the_counts(client: TestClient) -> None:
    counts = client.get("/v1/strategies/calm/exclusions").json()
    assert "its screen is true: turnover_3m < 50e6" in [e["meaning"] for e in counts["excluded"]]
    page = client.get("/v1/strategies/calm").json()
    why = client.get(f"/v1/strategies/calm/explain/{page[0]['ticker']}").json()
    assert (why["score_name"], why["score_is_best"]) == ("volatility_12m", "lowest")
    (screen,) = why["screens"]
    assert (screen["reason"], screen["condition"]) == ("thin", "turnover_3m < 50e6")
    assert (screen["excludes"], screen["cut"]) == (False, 50e6)
    assert screen["distance"] == pytest.approx(screen["value"] - 50e6)
    assert screen["values"] == [{"name": "turnover_3m", "value": screen["value"]}]
    cut = why["cut"]
    assert cut["kept"] == max(1, cut["compared"] * 30 // 100)
    assert cut["distance"] == why["primary_rank"] - cut["kept"] <= 0
    assert why["metrics"][0]["compared"] <= cut["compared"]


def test_a_definition_comes_back_as_it_was(client: TestClient) -> None:
    found = client.get("/v1/strategies/calm/definition").json()
    assert found["screens"] == {"thin": "turnover_3m < 50e6"}
    assert definition_of("calm", {k: v for k, v in found.items() if k != "name"}) == (
        definition_of("calm", FORM)
    )
    for name, strategy in STRATEGIES.items():
        found = client.get(f"/v1/strategies/{name}/definition").json()
        assert definition_of(name, found) == strategy.definition


def test_the_factors(client: TestClient) -> None:
    found = client.get("/v1/factors").json()
    assert [one["name"] for one in found] == [*FACTORS]
    assert found[0] == {
        "name": "momentum", "unit": "fraction", "best": "highest",
        "history": "closes on D and 3, 6 and 12 months before",
        "sentence": "mean of the returns over 3, 6 and 12 months",
        "source": "the strategy pages of borslabbet.se",
    }  # fmt: skip


# ------------------------------------------------------------------------------------ preview


def test_a_preview_is_the_ranking(client: TestClient) -> None:
    expected = client.get("/v1/strategies/cheap").json()
    assert client.post("/v1/strategies/preview", json=CHEAP).json() == expected
    unnamed = {k: v for k, v in CHEAP.items() if k != "name"}
    page = client.post("/v1/strategies/preview?limit=2&offset=1", json=unnamed).json()
    assert page == expected[1:3]
    past = client.post("/v1/strategies/preview?as_of=2026-03-02", json=CHEAP).json()
    assert past == client.get("/v1/strategies/cheap?as_of=2026-03-02").json() != expected
    table = client.post("/v1/strategies/preview?format=csv", json=CHEAP).text
    assert table == client.get("/v1/strategies/cheap?format=csv").text
    assert client.get("/v1/strategies/unnamed").status_code == 404


def test_who_is_left_out_of_a_preview_and_why(client: TestClient) -> None:
    calm = FORM | {"name": "calm"}
    found = client.post("/v1/strategies/preview/exclusions?limit=1000", json=calm).json()
    assert found == client.get("/v1/strategies/calm/exclusions?limit=1000").json()
    counts = {one["reason"]: one["stocks"] for one in found["excluded"]}
    assert found["stocks"] == found["ranked"] + sum(counts.values()) == 120
    assert Counter(one["reason"] for one in found["left_out"]) == counts
    assert [*dict.fromkeys(one["reason"] for one in found["left_out"])] == [*counts]
    first = client.get("/v1/strategies/calm").json()[0]["ticker"]
    cut = client.get(f"/v1/strategies/calm/explain/{first}").json()["cut"]
    del cut["distance"]
    assert found["composite"] == cut
    page = client.post("/v1/strategies/preview/exclusions?limit=2&offset=1", json=calm).json()
    assert page["left_out"] == found["left_out"][1:3]
    assert page["excluded"] == found["excluded"]
    short = client.get("/v1/strategies/calm/exclusions").json()["left_out"]
    assert short == found["left_out"][:100]
    cheap = client.post("/v1/strategies/preview/exclusions", json=CHEAP).json()
    assert cheap["composite"] is None
    assert client.post(
        "/v1/strategies/preview/exclusions?limit=1001", json=CHEAP
    ).status_code == 422  # fmt: skip


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"screens": {"x": "read_csv('/etc/passwd') > 1"}},
         "strategy 'cheap', screens.x, position 1: unknown function 'read_csv'; "
         "the nearest is greatest"),
        ({"score": {"factor": "pee"}},
         "strategy 'cheap', score.factor: unknown factor 'pee'; the nearest is pe"),
        ({"sise": 3}, "strategy 'cheap', sise: unknown key 'sise'; "),
        ({"name": 3}, "name: is no text; write one, or leave it out"),
        ({"name": "../x"}, "strategy '../x': is no name of a strategy; "),
    ],
)  # fmt: skip
def test_a_preview_that_cannot_be_used(
    client: TestClient, change: dict[str, Any], detail: str
) -> None:
    answer = client.post("/v1/strategies/preview", json=CHEAP | change)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(detail)


@pytest.mark.parametrize("body", ["[]", "3", '"calm"', "null", "{"])
def test_a_body_that_is_no_object(client: TestClient, body: str) -> None:
    sent = {"content": body, "headers": {"content-type": "application/json"}}
    assert client.post("/v1/strategies/preview", **sent).status_code == 422


def test_the_service_does_not_start_with_a_definition_that_cannot_be_used(
    tmp_path: Path,
) -> None:
    own = {"calm": FORM | {"screens": {"thin": "turnover3m < 3"}}}
    settings = Settings(lake=tmp_path / "lake", strategies=own)
    with pytest.raises(BadDefinition, match=r"'calm', screens\.thin, position 1: unknown column"):
        build_services(settings)
