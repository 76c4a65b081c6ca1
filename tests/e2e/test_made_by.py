"""What made a version is part of it: other rules or another contract reach the data."""

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fastapi.testclient import TestClient

from pipelines import __version__, lake
from pipelines.export import export
from pipelines.lake import Lake, Manifest
from pipelines.ranking import holds_rankings, published_or_computed
from pipelines.ranking.rules_version import rules_hash
from pipelines.ranking.strategies import STRATEGIES
from pipelines.refresh import normalise, verify_files
from pipelines.refresh.contract_version import contract_hash
from pipelines.settings import Settings
from pipelines.universe import SWEDEN
from tests.api.conftest import app_of
from tests.bare import bare
from tests.factories import change, database, stock, trading_year

END = date(2024, 5, 31)
NAME = "trendande_utdelning"
DATASETS = ("prices", "fundamentals", "stocks")
YEARS = (2023, 2024)


def make_place(folder: Path) -> Path:
    """Make a database and a version; both stocks are ranked by their dividend alone."""
    database(
        folder / "app.db",
        stocks=[stock("A B"), stock("C B")],
        daily_prices=[
            *trading_year("A B", END, growth=0.1),
            *trading_year("C B", END, growth=0.2),
        ],
        fundamentals=[
            {"ticker": t, "fiscal_date": "2023-12-31", "fetched_date": "2024-03-01",
             "dividend_yield": y}
            for t, y in (("A B", 0.05), ("C B", 0.04))
        ],
    )  # fmt: skip
    refreshed(folder)
    return folder


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with both, to change, ranked by none; a copy of the database would be another."""
    with bare():
        return make_place(tmp_path)


@pytest.fixture(scope="module")
def same_place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both that is only read."""
    return make_place(tmp_path_factory.mktemp("same"))


def refreshed(place: Path) -> Manifest:
    return export(place / "app.db", place / "lake", SWEDEN)


def inodes(place: Path, version: str) -> dict[str, int]:
    folder = place / "lake" / "versions" / version
    made = {"rankings", "ratio_prices"}
    files = (p for p in folder.rglob("*.parquet") if made.isdisjoint(p.parts))
    return {str(p.relative_to(folder)): p.stat().st_ino for p in files}


def read_again(place: Path, version: str, before: str) -> bool:
    """Nothing is taken from the version before but what it remembers."""
    files = [p.values() for p in (_of_source(place, version), _of_source(place, before))]
    return set(files[0]).isdisjoint(files[1])


def _of_source(place: Path, version: str) -> dict[str, int]:
    return {p: n for p, n in inodes(place, version).items() if not p.startswith("observed_")}


def first(rankings: pl.LazyFrame) -> list[str]:
    ranked = rankings.filter(pl.col("rank").is_not_null(), pl.col("strategy") == NAME)
    return ranked.collect()["ticker"].to_list()


def keep_both(monkeypatch: pytest.MonkeyPatch) -> None:
    """Change a rule: all stocks with a dividend stay, not the best 40 %."""
    old = STRATEGIES[NAME]
    assert old.composite
    new = replace(old, composite=replace(old.composite, keep_percent=100))
    monkeypatch.setitem(STRATEGIES, NAME, new)


def forget(place: Path, *keys: str) -> None:
    """Make the version one of a release that did not write these keys."""
    path = place / "lake" / "current" / "manifest.json"
    manifest = json.loads(path.read_bytes())
    path.write_text(json.dumps({k: v for k, v in manifest.items() if k not in keys}))


# -------------------------------------------------------------------------------------- rules


def test_another_threshold_renews_the_jumps_from_the_same_prices(place: Path) -> None:
    """One between closes of a year, one over the border of two."""
    days = {"2022-12-29": 100.0, "2023-01-02": 220.0, "2023-01-03": 100.0}
    rows = ", ".join(f"('C B', '{day}', {close})" for day, close in days.items())
    change(place / "app.db", f"INSERT INTO daily_prices (ticker, date, close) VALUES {rows}")
    old, lower = refreshed(place), replace(SWEDEN, jump_threshold=2.0)
    assert old.datasets["jumps"].rows == 0
    made = export(place / "app.db", place / "lake", lower)
    new = Lake(place / "lake")
    found = new.jumps().select("date", "date_before", "reverted_on").collect().rows()
    first, last = date(2023, 1, 2), date(2023, 1, 3)
    assert found[:2] == [(first, date(2022, 12, 29), last), (last, first, None)]
    prices, before = ({f.path: f.sha256 for f in m.datasets["prices"].files} for m in (made, old))
    assert prices == before
    assert export(place / "app.db", place / "lake", lower).version == made.version
    assert refreshed(place).datasets["jumps"].rows == 0


def test_another_rule_makes_the_rankings_anew_from_the_same_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = make_place(tmp_path)
    old = Lake(place / "lake")
    assert first(old.rankings()) == ["A B"]
    keep_both(monkeypatch)
    monkeypatch.setattr("pipelines.source.sqlite.copy", None)  # the database is not read
    made = refreshed(place)
    new = Lake(place / "lake")
    assert (made.version, new.version != old.version) == (new.version, True)
    assert first(new.rankings()) == ["C B", "A B"]
    assert inodes(place, new.version) == inodes(place, old.version) != {}
    for name in DATASETS:
        assert made.datasets[name] == old.manifest.datasets[name]
    assert (made.as_of, made.source) == (END, old.manifest.source)
    assert [p.phase for p in made.phases] == [
        "changes", "observed_fundamentals", "observed_stocks", "ratio_prices", "rankings",
        "integrity",
    ]  # fmt: skip
    assert verify_files(new).problems == []
    assert refreshed(place).version == new.version


def test_the_version_of_the_rules_counts_too(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Lake(place / "lake")
    monkeypatch.setattr("pipelines.ranking.rules_version.RULES_VERSION", 100)
    made = refreshed(place)
    assert made.rules != before.manifest.rules
    assert inodes(place, made.version) == inodes(place, before.version)


def test_a_refresh_after_the_rules_changed_is_incremental(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state of the database is in the new version, so the next one takes years from it."""
    keep_both(monkeypatch)
    ranked = refreshed(place)
    change(
        place / "app.db",
        "INSERT INTO daily_prices (ticker, date, close) VALUES ('C B', '2024-06-03', 150)",
    )
    made = refreshed(place)
    assert (ranked.as_of, made.as_of) == (END, date(2024, 6, 3))
    old, new = inodes(place, ranked.version), inodes(place, made.version)
    year = next(path for path in old if "year=2023" in path and "prices" in path)
    assert new[year] == old[year]


def test_a_damaged_version_is_read_again_instead_of_ranked_again(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = Lake(place / "lake")
    keep_both(monkeypatch)
    file = old.path / old.manifest.datasets["prices"].files[0].path
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    made = refreshed(place)
    assert made.phases[0].phase == "copy"
    assert verify_files(Lake(place / "lake")).problems == []


def test_rankings_of_other_rules_are_computed_not_read(
    same_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Lake(same_place / "lake")
    assert holds_rankings(opened, SWEDEN)
    keep_both(monkeypatch)
    assert not holds_rankings(opened, SWEDEN)
    assert first(published_or_computed(opened, universe=SWEDEN)) == ["C B", "A B"]


def test_a_version_that_does_not_say_its_rules_is_of_others(place: Path) -> None:
    forget(place, "rules", "contract", "release")
    old = Lake(place / "lake")
    assert not holds_rankings(old, SWEDEN)
    made = refreshed(place)
    assert (made.rules, made.contract) == (rules_hash(), contract_hash())
    assert made.release == __version__
    assert read_again(place, made.version, old.version)


# ----------------------------------------------------------------------------------- contract


def doubled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Change the normaliser: every close is twice what it was."""
    real = normalise.prices

    def prices(batch: pl.DataFrame, *, today: date) -> pl.DataFrame:
        return real(batch, today=today).with_columns(pl.col("close") * 2)

    monkeypatch.setattr(normalise, "prices", prices)
    monkeypatch.setattr("pipelines.refresh.contract_version.NORMALISER_VERSION", 1000)


@pytest.mark.parametrize("written", [False, True], ids=["same database", "a year changed"])
def test_another_normaliser_reaches_every_year(
    place: Path, monkeypatch: pytest.MonkeyPatch, *, written: bool
) -> None:
    closes = Lake(place / "lake").prices().sort("ticker", "date").select("close").collect()
    if written:
        change(
            place / "app.db",
            "UPDATE daily_prices SET volume = 7 WHERE ticker = 'C B' AND date = '2024-05-31'",
        )
    doubled(monkeypatch)
    refreshed(place)
    new = Lake(place / "lake").prices().sort("ticker", "date")
    assert new.select("close").collect().equals(closes * 2)
    assert set(new.collect()["date"].dt.year()) == set(YEARS)


def test_other_libraries_read_everything(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Lake(place / "lake")
    monkeypatch.setattr("pipelines.lake.libraries", lambda: {"polars": "0"})
    made = refreshed(place)
    assert made.phases[0].phase == "copy"
    assert read_again(place, made.version, before.version)


def test_where_nothing_changed_the_version_stays(place: Path) -> None:
    assert refreshed(place).version == Lake(place / "lake").version
    assert len(lake.version_ids(place / "lake")) == 1


def test_hashes_are_the_same_in_every_process() -> None:
    code = (
        "from pipelines.ranking.rules_version import rules_hash; "
        "from pipelines.refresh.contract_version import contract_hash; "
        "print(rules_hash(), contract_hash())"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert told == {f"{rules_hash()} {contract_hash()}\n"}


# ------------------------------------------------------------------------------------ service


@contextmanager
def served(place: Path) -> Iterator[TestClient]:
    settings = Settings(source=place / "app.db", lake=place / "lake")
    here = {"base_url": "http://127.0.0.1", "client": ("127.0.0.1", 50000)}
    with TestClient(app_of(settings), **here) as client:
        yield client


def asked(place: Path) -> Any:
    with served(place) as client:
        return client.get(f"/v1/strategies/{NAME}")


def test_the_service_ranks_by_its_own_rules(
    same_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = asked(same_place)
    assert [row["ticker"] for row in before.json()] == ["A B"]
    keep_both(monkeypatch)
    after = asked(same_place)
    assert [row["ticker"] for row in after.json()] == ["C B", "A B"]
    assert before.headers["etag"] != after.headers["etag"]


@pytest.mark.parametrize(
    "what", ["pipelines.ranking.rules_version.RULES_VERSION", "app.serving.published.__version__"]
)
def test_a_tag_holds_rules_and_release(
    same_place: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    before = asked(same_place).headers["etag"]
    assert asked(same_place).headers["etag"] == before
    monkeypatch.setattr(what, "9")
    assert asked(same_place).headers["etag"] != before


# ------------------------------------------------------------------------------------ release


def test_the_service_tells_its_release(same_place: Path) -> None:
    with served(same_place) as client:
        assert client.get("/health").json()["version"] == __version__
        assert client.get("/v1/openapi.json").json()["info"]["version"] == __version__


@pytest.mark.parametrize("module", ["pipelines.rank", "pipelines.versions"])
def test_a_command_tells_its_release(module: str) -> None:
    command = [sys.executable, "-m", module, "--version"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (result.stdout, result.stderr) == (f"stockrank {__version__}\n", "")


def test_the_release_is_written_once() -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["version"]
    attr = project["tool"]["setuptools"]["dynamic"]["version"]["attr"]
    assert attr == "pipelines.__version__"
