"""Requests that name a version: what they answer, and which versions are refused."""

import gc
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from fastapi.testclient import TestClient

from app.serving import pinned
from app.watch import Guard, Level
from pipelines.export import export
from pipelines.lake import current_id, marks, new_version_id, publishing
from pipelines.universe import SWEDEN
from tests.api.conftest import at, served
from tests.api.test_data import MOMENTUM, first, make_bb_first, until

OLDER, FUTURE = "20200101T000000Z-abcdef", "20991231T000000Z-abcdef"


class Two(NamedTuple):
    """A service with a version in which AA B leads, and a newer one in which BB does."""

    client: TestClient
    root: Path
    old: str
    new: str

    def get(self, path: str, version: str | None = None) -> object:
        answer = self.client.get(path, params={"version": version} if version else {})
        assert answer.headers["StockRank-Version"] == (version or current_id(self.root))
        return answer.json()

    def refused(self, version: str) -> tuple[int, str]:
        answer = self.client.get(MOMENTUM, params={"version": version})
        assert "StockRank-Version" not in answer.headers
        return answer.status_code, answer.json()["detail"]

    @property
    def held(self) -> list[str]:
        return self.client.app.state.services.pinned.held  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def both(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two versions."""
    folder = tmp_path_factory.mktemp("two") / "place"
    shutil.copytree(made, folder, symlinks=True)
    make_bb_first(folder)
    export(folder / "app.db", folder / "lake", SWEDEN)
    return folder


@pytest.fixture
def two(both: Path, tmp_path: Path) -> Iterator[Two]:
    place = tmp_path / "place"
    shutil.copytree(both, place, symlinks=True)
    old, new = sorted(path.name for path in (place / "lake/versions").iterdir())
    with served(place) as client:
        yield Two(at(client), place / "lake", old, new)


def test_the_answers_are_those_of_the_version(two: Two) -> None:
    places = [
        [row["ticker"] for row in two.get(f"{MOMENTUM}/top10", version)]  # type: ignore[attr-defined]
        for version in (None, two.new, two.old)
    ]
    assert places == [["BB", "AA B"], ["BB", "AA B"], ["AA B", "BB"]]
    closes = [
        two.get("/v1/stocks/BB/prices", version)["prices"][-1]["close"]  # type: ignore[index]
        for version in (two.new, two.old)
    ]
    assert closes == [200.0, 125.0]


@pytest.mark.parametrize(
    "path",
    [
        MOMENTUM, f"{MOMENTUM}?format=csv", "/v1/strategies/compare", "/v1/portfolio/sverige",
        "/v1/stocks/BB", "/v1/front", "/v1/export/rankings/sammansatt_momentum",
        f"{MOMENTUM}/explain/BB", "/v1/rankings/history/sammansatt_momentum", "/v1/dashboard/top",
        "/v1/rankings/on-date?strategy=sammansatt_momentum&target_date=2026-11-20",
    ],
)  # fmt: skip
def test_the_answers_are_as_when_it_was_current(two: Two, path: str) -> None:
    pinned_, tag = _answer(two, path, two.old)
    assert pinned_ != _answer(two, path, two.new)[0]
    assert _answer(two, path, None) == _answer(two, path, two.new)
    shutil.rmtree(two.root / "versions" / two.new)
    publishing.point_current_to(two.root, two.old)
    assert _answer(two, path, None) == (pinned_, tag)


def _answer(two: Two, path: str, version: str | None) -> tuple[bytes, str | None]:
    sep = "&" if "?" in path else "?"
    answer = two.client.get(f"{path}{sep}version={version}" if version else path)
    assert answer.status_code == 200
    return answer.content, answer.headers.get("etag")


def test_a_client_that_has_the_answer_gets_none(two: Two) -> None:
    given = {"version": two.old}
    tag = two.client.get(MOMENTUM, params=given).headers["etag"]
    again = two.client.get(MOMENTUM, params=given, headers={"if-none-match": tag})
    assert (again.status_code, again.headers["StockRank-Version"]) == (304, two.old)
    assert two.client.get(MOMENTUM, headers={"if-none-match": tag}).status_code == 200


def test_a_cached_answer_tells_its_version(two: Two) -> None:
    for _ in range(3):
        assert two.get(MOMENTUM) == two.get(MOMENTUM, two.new)


def test_a_version_that_becomes_another_stays_the_same(two: Two) -> None:
    publishing.rollback(two.root, two.old)
    assert first(two.client) == "AA B"
    before = two.get(MOMENTUM, two.old)
    publishing.rollback(two.root, two.new)
    assert first(two.client) == "BB"
    assert two.get(MOMENTUM, two.old) == before


# ----------------------------------------------------------------------------------- refused


@pytest.mark.parametrize("version", [OLDER, FUTURE])
def test_a_version_that_is_not_kept(two: Two, version: str) -> None:
    status, detail = two.refused(version)
    assert status == 404
    assert detail.startswith(f"unknown version '{version}'; ")
    assert detail.endswith(f"expected one of {two.new}, {two.old}")


def test_a_version_that_is_not_here_yet(two: Two) -> None:
    newer = new_version_id(two.root)
    assert two.refused(newer) == (503, f"version {newer} is not here yet; try again")
    answer = two.client.get(MOMENTUM, params={"version": newer})
    assert answer.headers["Retry-After"] == "5"


def test_what_is_no_version(two: Two) -> None:
    status, detail = two.refused("../current")
    assert status == 422
    assert "query version = '../current'" in detail


def test_a_version_that_was_rolled_back(two: Two) -> None:
    publishing.rollback(two.root)
    assert two.refused(two.new) == (
        409, f"version {two.new} was rolled back; begin again without version",
    )  # fmt: skip


def test_one_that_is_rolled_back_or_damaged_while_it_is_held(two: Two) -> None:
    two.get(MOMENTUM, two.old)
    marks.withdraw(two.root, two.old)
    assert two.refused(two.old)[0] == 409
    marks.restore(two.root, two.old)
    marks.note_damage(two.root, two.old, ["stocks/0.parquet is missing"])
    told = (503, f"version {two.old} cannot be read; begin again without version")
    assert two.refused(two.old) == told


@pytest.mark.parametrize("file", ["prices/year=2026/0.parquet", "manifest.json"])
def test_a_version_that_is_damaged(two: Two, file: str) -> None:
    (two.root / "versions" / two.old / file).unlink()
    (two.root / "versions" / two.old / file).write_text("{")
    told = (503, f"version {two.old} cannot be read; begin again without version")
    assert two.refused(two.old) == told


def test_none_is_read_while_memory_is_critical(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Guard, "level", Level.CRITICAL)
    assert two.refused(two.old)[1].startswith("memory is critical")
    assert first(two.client) == "BB"


# ------------------------------------------------------------------------------------ memory


def pruned(two: Two) -> list[str]:
    """What is pruned as soon as that is possible: the watch may have older versions open, too."""

    def gone() -> list[str]:
        gc.collect()
        return publishing.prune(two.root, keep=1)

    found: list[str] = until(gone)
    return found


def test_few_are_held_and_those_are_not_pruned(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pinned, "MOST", 1)
    third = "20200101T000000Z-abcdee"
    shutil.copytree(two.root / "versions" / two.old, two.root / "versions" / third)
    two.get(MOMENTUM, third)
    two.get(MOMENTUM, two.old)
    assert two.held == [two.old]
    assert pruned(two) == [third]
    assert two.get(MOMENTUM, two.old)


def test_one_that_nobody_asks_for_is_given_back(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pinned, "HOLD_SECONDS", 0.05)
    two.get(MOMENTUM, two.old)
    assert pruned(two) == [two.old]
    assert two.held == []


def test_answers_about_the_present_name_no_version(two: Two) -> None:
    for path in ("/v1/data/freshness", f"{MOMENTUM}/validate", "/v1/health/ready", "/alerts"):
        asked = two.client.get(path, params={"version": two.old})
        assert asked.headers["StockRank-Version"] == two.new
