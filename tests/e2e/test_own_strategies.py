"""Strategies of the owner in the versions of a lake: published, renewed, removed."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.serving import both_tops
from pipelines.definition import Definition, definition_of
from pipelines.export import export
from pipelines.lake import Lake, Manifest, OtherLayout, condition_of, has_other_layout
from pipelines.ranking import STRATEGIES
from pipelines.settings import Settings
from pipelines.sweep import write_history
from pipelines.universe import SWEDEN
from tests.factories import database, stock, trading_year

END: Final = date(2024, 5, 31)
FORM: Final[dict[str, Any]] = {
    "title": "Mine", "description": "By dividend yield.", "type": "dividend",
    "rebalance_months": [3], "score": {"factor": "dividend_yield"},
}  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a database of two stocks; A has the higher yield, C the higher return."""
    yields = {"A B": 0.05, "C B": 0.04}
    database(
        tmp_path / "app.db",
        stocks=[stock(ticker) for ticker in yields],
        daily_prices=[
            *trading_year("A B", END, growth=0.1), *trading_year("C B", END, growth=0.2)
        ],
        fundamentals=[
            {"ticker": t, "fiscal_date": "2023-12-31", "fetched_date": "2024-03-01",
             "dividend_yield": y} for t, y in yields.items()
        ],
    )  # fmt: skip
    return tmp_path


def mine(**keys: Any) -> Definition:
    return definition_of("mine", FORM | keys)


def published(place: Path, *own: Definition) -> Manifest:
    return export(place / "app.db", place / "lake", replace(SWEDEN, strategies=own))


def ranks(rows: pl.LazyFrame, name: str = "mine") -> list[str]:
    found = rows.filter(pl.col("rank").is_not_null(), strategy=name).sort("rank")
    return found.collect()["ticker"].to_list()


def test_a_version_holds_the_rankings_and_the_definitions(place: Path) -> None:
    made = published(place, mine())
    assert made.strategies == (*STRATEGIES, "mine")
    assert made.universe.strategies == (mine(),)
    written = json.loads((place / "lake" / "current" / "manifest.json").read_bytes())
    assert written["universe"]["strategies"][0]["score"] == {"factor": "dividend_yield"}
    lake = Lake(place / "lake")
    assert lake.manifest.universe.strategies == (mine(),)
    assert ranks(lake.rankings()) == ["A B", "C B"]
    assert published(place, mine()).version == made.version


def test_a_definition_that_changed_renews_the_rankings_from_the_same_files(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = published(place, mine())
    monkeypatch.setattr("pipelines.source.sqlite.copy", None)  # the database is not read
    lowest = mine(score={"factor": "dividend_yield", "order": "lowest"})
    made = published(place, lowest)
    assert made.version != before.version
    assert made.datasets["prices"] == before.datasets["prices"]
    assert ranks(Lake(place / "lake").rankings()) == ["C B", "A B"]
    assert published(place).strategies == tuple(STRATEGIES)
    assert ranks(Lake(place / "lake").rankings()) == []


def test_a_key_that_a_newer_release_wrote_is_named_and_a_full_refresh_begins_anew(
    place: Path,
) -> None:
    version = published(place, mine()).version
    path = place / "lake" / "versions" / version / "manifest.json"
    written = json.loads(path.read_bytes())
    written["universe"]["strategies"][0]["twist"] = 1
    path.write_text(json.dumps(written | {"release": "9.9.0"}))
    problem = (
        f"version {version} has the key universe.strategies[0].twist, which this release "
        "does not know; a newer release (9.9.0) wrote it; "
    )
    with pytest.raises(OtherLayout) as caught:
        published(place, mine())
    assert str(caught.value) == f"{problem}run python -m pipelines.export --full"
    condition = condition_of(place / "lake")
    assert condition.reason == f"{problem}start a refresh, or roll back"
    assert has_other_layout(place / "lake", version)
    again = export(
        place / "app.db", place / "lake", replace(SWEDEN, strategies=(mine(),)), full=True
    )
    assert (again.version != version, ranks(Lake(place / "lake").rankings())) == (
        True, ["A B", "C B"],
    )  # fmt: skip


def test_a_definition_that_cannot_be_used_is_told_before_anything_is_read(place: Path) -> None:
    with pytest.raises(Exception, match=r"'mine', score\.factor: unknown factor 'x'"):
        published(place, mine(score={"factor": "x"}))
    assert not (place / "lake" / "current").exists()


def test_removed_it_is_not_found_and_its_trades_are_compared_with_none(place: Path) -> None:
    published(place, mine())
    settings = Settings(source=place / "app.db", lake=place / "lake", strategies={"mine": FORM})
    with TestClient(create_app(settings)) as client:
        assert [r["ticker"] for r in client.get("/v1/strategies/mine").json()] == ["A B", "C B"]
        (past,) = client.get("/v1/rankings/history/mine").json()
        assert [r["ticker"] for r in past["rankings"]] == ["A B", "C B"]
    with TestClient(create_app(Settings(source=place / "app.db", lake=place / "lake"))) as client:
        answer = client.get("/v1/strategies/mine")
        assert answer.status_code == 404
        assert answer.json()["detail"].startswith("unknown strategy 'mine'; expected one of samm")


def test_its_history_is_written(place: Path) -> None:
    published(place)
    universe = replace(SWEDEN, strategies=(mine(),))
    done = write_history(
        Lake(place / "lake"), place / "past", dates=[END], universe=universe,
        progress=lambda *_: None,
    )  # fmt: skip
    assert done.rows == 2 * (len(STRATEGIES) + 1)
    past = pl.scan_parquet(place / "past" / "**" / "*.parquet")
    assert ranks(past) == ["A B", "C B"]


def test_churn_is_not_told_of_a_definition_that_changed(place: Path) -> None:
    published(place, mine())
    old = Lake(place / "lake")
    published(place, mine(portfolio_size=1))
    one = {"mine": FORM | {"portfolio_size": 1}}
    settings = Settings(source=place / "app.db", lake=place / "lake", strategies=one)
    with TestClient(create_app(settings)) as client:
        client.get("/v1/strategies/compare")
        version = client.app.state.services.published.loaded()  # type: ignore[attr-defined]
        assert "mine" not in both_tops(version, old)[0]
        assert "mine" in both_tops(version, version.lake)[0]
