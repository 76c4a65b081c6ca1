"""A version that holds the rankings of several universes: made at once, read, and served."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from app.serving.cache import Cache
from app.serving.computing import Computing
from app.serving.published import Published
from app.web import Unavailable
from pipelines.export import export
from pipelines.lake import Lake, Manifest
from pipelines.ranking import holds_rankings, published_or_computed, rankings
from pipelines.refresh.against_source import verify_against_source
from pipelines.universe import NORDIC, SWEDEN, Universe
from tests.factories import closes, database

LARGE = replace(NORDIC, name="large / très", floors=())
DAYS = ("2023-05-31", "2023-11-30", "2024-02-29", "2024-05-31")


def quotes(ticker: str, last: float) -> list[dict[str, object]]:
    by_day = dict.fromkeys(DAYS, 10.0) | {DAYS[-1]: last}
    return [row | {"date": str(row["date"])} for row in closes(ticker, by_day)]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return database(
        tmp_path / "app.db",
        stocks=[
            {"ticker": "VOLV B", "market_cap_msek": 9e3, "sector": "Industri"},
            {"ticker": "NOKIA", "market_cap_msek": 9e3, "sector": "Teknik", "market": "helsinki"},
            {"ticker": "TINY", "market_cap_msek": 9.0, "sector": "Teknik", "market": "oslo"},
        ],
        daily_prices=[row for n, t in enumerate(("VOLV B", "NOKIA", "TINY"), 11)
                      for row in quotes(t, float(n))],
        fundamentals=[
            {"ticker": t, "fiscal_date": "2023-12-31", "fetched_date": DAYS[-1],
             "dividend_yield": 0.03} for t in ("VOLV B", "NOKIA", "TINY")
        ],
    )  # fmt: skip


def made(source: Path, *others: Universe) -> tuple[Lake, Manifest]:
    root = source.parent / "lake"
    manifest = export(source, root, SWEDEN, others=others)
    return Lake(root), manifest


def ranked(rows: pl.DataFrame) -> set[str]:
    return set(rows.filter(pl.col("rank").is_not_null())["ticker"])


def test_the_version_holds_the_rankings_of_each(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, manifest = made(source, NORDIC, LARGE)
    assert (manifest.universe, manifest.other_universes) == (SWEDEN, (NORDIC, LARGE))
    computed = {u: rankings(lake, as_of=lake.as_of, universe=u).collect() for u in (NORDIC, LARGE)}
    monkeypatch.setattr("pipelines.ranking.rank.rankings", None)
    for universe, expected in computed.items():
        found = published_or_computed(lake, universe=universe).collect()
        assert_frame_equal(found, expected, check_exact=True)
    assert ranked(published_or_computed(lake, universe=SWEDEN).collect()) == {"VOLV B"}
    assert ranked(published_or_computed(lake, universe=NORDIC).collect()) == {"VOLV B", "NOKIA"}
    assert "TINY" in ranked(published_or_computed(lake, universe=LARGE).collect())


def test_a_version_without_others_has_no_file_of_them(source: Path) -> None:
    lake, manifest = made(source)
    assert manifest.other_universes == ()
    assert "other_rankings" not in lake.datasets


def test_rankings_of_more_or_fewer_universes_are_made_without_reading_again(source: Path) -> None:
    _, first = made(source)
    lake, second = made(source, NORDIC)
    assert second.version != first.version
    assert second.datasets["prices"].files == first.datasets["prices"].files
    assert holds_rankings(lake, SWEDEN, [NORDIC])
    assert not holds_rankings(lake, SWEDEN)
    assert made(source, NORDIC)[1].version == second.version
    assert "other_rankings" not in made(source)[1].datasets


def test_the_version_can_be_verified(source: Path) -> None:
    lake, _ = made(source, NORDIC)
    assert verify_against_source(lake, source).problems == []


def test_each_is_served_from_memory(source: Path) -> None:
    lake, _ = made(source, NORDIC)
    computing = Computing(Cache(), 1, is_critical=lambda: True)

    async def served(universe: Universe) -> pl.DataFrame:
        version = await Published(source.parent / "lake", SWEDEN).current()
        return await computing.rankings(version, universe, lake.as_of)

    assert ranked(asyncio.run(served(NORDIC))) == {"VOLV B", "NOKIA"}
    assert ranked(asyncio.run(served(SWEDEN))) == {"VOLV B"}
    with pytest.raises(Unavailable):
        asyncio.run(served(LARGE))


def test_a_service_of_another_universe_answers_from_memory_for_both(source: Path) -> None:
    made(source, NORDIC)
    version = asyncio.run(Published(source.parent / "lake", NORDIC).current())
    assert ranked(version.rankings) == {"VOLV B", "NOKIA"}
    assert ranked(version.others[SWEDEN]) == {"VOLV B"}


def test_the_manifest_tells_them(source: Path) -> None:
    lake, _ = made(source, NORDIC)
    written = json.loads((lake.path / "manifest.json").read_text())
    assert [universe["name"] for universe in written["other_universes"]] == ["nordic"]
