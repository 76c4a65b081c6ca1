"""Backtests and factor reports: answered at once or by a job, each computed once."""

import asyncio
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.jobs import research as jobs
from app.jobs import standard
from app.jobs.child import Child, Ended
from app.jobs.research import Answer, Research
from app.web import Unavailable
from pipelines.lake import Prepared, layout, note_prepared
from pipelines.settings import Settings
from tests.api.conftest import at, served

BACKTEST = "/v1/strategies/trendande_varde/backtest"


class Computed:
    """Stands for the process: tells the words that it got, or an error."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.error: str | None = None
        self.seconds = 0.0

    async def __call__(self, _: Child, __: Settings, words: list[str]) -> Answer:
        self.asked.append(words)
        await asyncio.sleep(self.seconds)
        return Answer(json.dumps({"words": words}).encode(), self.error)


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> Computed:
    found = Computed()
    monkeypatch.setattr(jobs, "run_command", found)
    return found


@pytest.fixture
def own(made: Path) -> Iterator[TestClient]:
    """A client of a service that has computed nothing."""
    with served(made) as client:
        yield at(client)


def test_the_parameters_are_passed_on(own: TestClient, computed: Computed) -> None:
    given = {"from": "2010-01-01", "rebalance": "month", "sell_rank": 30, "whole_shares": True}
    answer = own.get(BACKTEST, params=given)
    assert answer.status_code == 200, answer.text
    words = answer.json()["words"]
    assert words[:3] == ["pipelines.backtest", "--strategy", "trendande_varde"]
    assert "--whole-shares" in words
    pairs = dict(pairwise(words))
    assert pairs["--from"] == "2010-01-01"
    assert (pairs["--rebalance"], pairs["--sell-rank"], pairs["--cost-bps"]) == (
        "month", "30", "25.0",
    )  # fmt: skip
    posted = own.post("/v1/backtests", json={"strategy": "trendande_varde", **given})
    assert posted.json() == answer.json()
    assert len(computed.asked) == 1


def test_what_takes_longer_is_a_job(
    own: TestClient, computed: Computed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs.Research.answer, "__defaults__", (0.01,))
    computed.seconds = 0.2
    first = own.get(BACKTEST)
    assert (first.status_code, first.json()["status"]) == (202, "running")
    for _ in range(500):
        answer = own.get(first.json()["status_url"])
        if answer.status_code == 200:
            break
    assert answer.json()["words"][2] == "trendande_varde"
    assert len(computed.asked) == 1


def test_the_error_of_a_computation_is_told(own: TestClient, computed: Computed) -> None:
    computed.error = "the sell rank 3 is above the buy rank 10"
    answer = own.get(BACKTEST, params={"sell_rank": 3})
    assert (answer.status_code, answer.json()["detail"]) == (422, computed.error)


def test_what_was_ended_is_started_again_and_an_error_is_not(
    own: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = [Ended(-9, b"", "silent"), Ended(1, b""), Ended(0, b"{}")]
    answers = [jobs._answer(one, "error: no rank") for one in ended]  # noqa: SLF001

    async def run(*_: object) -> Answer:
        return answers.pop(0)

    monkeypatch.setattr(jobs, "run_command", run)
    assert [own.get(BACKTEST).status_code for _ in range(3)] == [422, 422, 422]
    assert len(answers) == 1
    assert own.get(BACKTEST, params={"size": 3}).status_code == 200


def test_many_errors_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "KEPT_BYTES", 10_000)
    research = Research(Settings(), 512, is_critical=lambda: False)
    for n in range(20):
        research.keep(str(n), Answer(b"", "wrong"))
    assert [research.is_known(str(n)) for n in (0, 10, 11, 19)] == [False, False, True, True]


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/v1/strategies/x/backtest", 404, "unknown strategy 'x'"),
        (f"{BACKTEST}?benchmark=../own.csv", 422, "benchmark"),
        (f"{BACKTEST}?cost_bps=-1", 422, "cost_bps"),
        (f"{BACKTEST}?sise=3", 422, "sise"),
        ("/v1/backtests/x", 404, "unknown job 'x'"),
    ],
)
def test_wrong_requests(client: TestClient, path: str, status: int, told: str) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert told in answer.json()["detail"]


def test_performance_tells_what_the_backtest_earned(own: TestClient) -> None:
    path = "/v1/strategies/performance"
    before = own.get(path).json()
    assert {one["strategy_return"] for one in before["strategies"]} == {None}
    assert "no result of the strategy" in before["method"]
    services: Any = own.app.state.services  # type: ignore[attr-defined]
    words = standard(services.published.in_memory, "trendande_varde")
    body = json.dumps({"by_year": [{"period": "2026-01-01", "return": 0.0625}]}).encode()
    services.research.keep(jobs.digest(words), Answer(body))
    after = {one["strategy"]: one for one in own.get(path).json()["strategies"]}
    assert after["trendande_varde"]["strategy_return"] == 6.25
    assert after["trendande_kvalitet"]["strategy_return"] is None


def test_nothing_is_computed_while_memory_is_critical() -> None:
    research = Research(Settings(), 1024.0, lambda: True)
    with pytest.raises(Unavailable, match="memory is critical"):
        research.start(["pipelines.backtest"])


def prepared_by_a_refresh(root: Path, **changed: Any) -> Prepared:
    found = Prepared(
        version="v1", universe="sweden", rules="r", release="0.1.0", seconds=2.0, peak_mb=280.0
    )
    layout.backtests_of(root, "v1").mkdir(parents=True)
    for name in "ab":
        layout.backtest(root, "v1", name).write_bytes(name.encode())
    note_prepared(root, replace(found, **changed))
    return replace(found, **changed)


async def taken_in(root: Path) -> tuple[Prepared | None, list[Answer | None]]:
    research = Research(Settings(lake=root), 1024.0, lambda: False)
    assert await research.take_in(("v0", "r", "0.1.0"), ["a"]) is None
    found = await research.take_in(("v1", "r", "0.1.0"), ["a", "b", "c"])
    assert research.prepared == found
    return found, [research.known(standard("v1", name)) for name in "abc"]


def test_the_backtests_of_a_refresh_are_answered_from_memory(tmp_path: Path) -> None:
    expected = prepared_by_a_refresh(tmp_path)
    found, answers = asyncio.run(taken_in(tmp_path))
    assert (found, answers) == (expected, [Answer(b"a"), Answer(b"b"), None])


@pytest.mark.parametrize(
    "changed",
    [{"universe": "nordic"}, {"rules": "others"}, {"release": "0.0.1"}, {"error": "too large"}],
)
def test_those_made_otherwise_are_not_taken_in(tmp_path: Path, changed: dict[str, str]) -> None:
    prepared_by_a_refresh(tmp_path, **changed)
    found, answers = asyncio.run(taken_in(tmp_path))
    assert found is not None
    assert answers == [None] * 3


@pytest.mark.slow
def test_a_backtest_and_a_report_by_their_processes(demo_market: Path, tmp_path: Path) -> None:
    shutil.copytree(demo_market / "lake", tmp_path / "lake", symlinks=True)
    with served(tmp_path) as client:
        given = {"from": "2024-01-01", "rebalance": "quarter"}
        answer = client.get(BACKTEST, params=given)
        report = client.get("/v1/strategies/trendande_varde/factor-report")
        answers = []
        for one in (answer, report):
            while one.status_code == 202:
                one = client.get(one.json()["status_url"])  # noqa: PLW2901 - until it is done
            assert one.status_code == 200, one.text
            answers.append(one.json())
    assert len(answers[0]["nav"]) > 500
    assert answers[0]["metrics"]["cagr"] is not None
    assert [one["months"] for one in answers[1]["horizons"]] == [1, 3, 6, 12]


def test_a_tear_sheet_is_a_file_that_runs_nothing(
    own: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    async def page(_: Child, __: Settings, words: list[str]) -> Answer:
        asked.append(words)
        return Answer(b"<!doctype html><p>sheet")

    monkeypatch.setattr(jobs, "run_command", page)
    answer = own.get("/v1/strategies/trendande_varde/tear-sheet?size=20")
    assert answer.text == "<!doctype html><p>sheet"
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert asked[0][3:5] == ["--format", "html"]
    assert asked[0][asked[0].index("--size") + 1] == "20"
