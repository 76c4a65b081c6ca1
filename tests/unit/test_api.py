"""The package from Python: what it takes, returns and says."""

import os
import re
import subprocess
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Final

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import pipelines as sr
from pipelines.lake import prune, version_ids
from pipelines.ranking import rankings as rankings_of
from pipelines.settings import PREFIX
from tests.factories import database, stock, trading_year

ROOT: Final = Path(__file__).parents[2]
FUNCTIONS: Final = ("export_database", "rankings", "ranking_history")


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [n for n in os.environ if n.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def fresh(code: str) -> str:
    """What a fresh interpreter prints."""
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    return result.stdout.decode().strip()


# ------------------------------------------------------------------------------------ loading


def test_nothing_heavy_is_loaded_with_the_package() -> None:
    heavy = "{'polars', 'pyarrow', 'pydantic', 'typer', 'rich', 'numpy'}"
    assert fresh(f"import sys, pipelines; print(sorted({heavy} & set(sys.modules)))") == "[]"


@pytest.mark.parametrize("modules_first", [True, False])
def test_names_and_modules_do_not_replace_each_other(modules_first: bool) -> None:
    modules = "import pipelines.history, pipelines.export, pipelines.refresh, pipelines.rank"
    names = f"from pipelines import {', '.join(FUNCTIONS)}, Lake"
    lines = [modules, names] if modules_first else [names, modules]
    told = ", ".join(f"type(pipelines.{n}).__name__" for n in (*FUNCTIONS, "history", "export"))
    code = "\n".join(["import pipelines", *lines, f"print({told})"])
    assert fresh(code) == "function function function module module"


# ------------------------------------------------------------------------------------ answers


@pytest.fixture
def lake(demo_market: Path) -> str:
    return str(demo_market / "lake")


def test_one_ranking_by_names_and_text_is_that_of_the_room(lake: str) -> None:
    named = sr.rankings(
        lake, as_of="2026-03-02", universe="sweden", strategy="trendande_varde"
    ).collect()
    room = rankings_of(sr.Lake(lake), as_of=date(2026, 3, 2), universe=sr.SWEDEN).collect()
    assert_frame_equal(named, room.filter(strategy="trendande_varde"))
    assert named.height == 120


def test_values_are_taken_as_names_are(lake: str) -> None:
    strategy = sr.STRATEGIES["trendande_kvalitet"]
    by_value = sr.rankings(
        sr.Lake(lake), as_of=date(2026, 3, 2), universe=sr.SWEDEN, strategy=strategy
    )
    by_name = sr.rankings(lake, as_of="2026-03-02", strategy="trendande_kvalitet")
    assert_frame_equal(by_value.collect(), by_name.collect())


def test_the_published_rankings_are_the_default(lake: str) -> None:
    assert_frame_equal(sr.rankings(lake).collect(), sr.Lake(lake).rankings().collect())


def test_a_ticker_may_be_written_with_a_dash(lake: str) -> None:
    ticker = (
        sr.Lake(lake).stocks().filter(pl.col("ticker").str.contains(" ")).collect()["ticker"][0]
    )
    rows = sr.rankings(lake, ticker=ticker.replace(" ", "-").lower()).collect()
    assert rows["ticker"].to_list() == [ticker] * 4


def test_the_history_has_the_ranks_of_each_date(lake: str) -> None:
    past = sr.ranking_history(
        lake, since="2026-01-01", every="quarter", strategy="trendande_varde"
    ).collect()
    days = past["as_of"].unique().sort().to_list()
    assert days[0] == date(2026, 1, 2)
    one = sr.rankings(lake, as_of=days[0], strategy="trendande_varde").collect()
    assert_frame_equal(past.filter(as_of=days[0]), one.select(past.columns))


def test_dates_as_text_limit_what_a_lake_returns(lake: str) -> None:
    opened = sr.Lake(lake)
    for scan in (opened.prices, opened.index_prices):
        text = scan(since="2026-01-05", until="2026-01-07").collect()
        assert_frame_equal(text, scan(since=date(2026, 1, 5), until=date(2026, 1, 7)).collect())
        assert text["date"].n_unique() == 2
    known = opened.fundamentals(known_by="2025-01-01").collect()
    assert_frame_equal(known, opened.fundamentals(known_by=date(2025, 1, 1)).collect())
    later = opened.fundamentals(known_since="2025-01-02").collect()
    assert min(later["known_from"]) > date(2025, 1, 1) >= max(known["known_from"])
    assert known.height + later.height == opened.datasets["fundamentals"].rows


def test_an_export_returns_the_lake(tmp_path: Path) -> None:
    prices = trading_year("A B", date(2024, 5, 31), growth=0.1)
    source = database(tmp_path / "app.db", stocks=[stock("A B")], daily_prices=prices)
    made = sr.export_database(str(source), str(tmp_path / "lake"))
    assert made.as_of == date(2024, 5, 31)
    assert sr.export_database(source, tmp_path / "lake", universe="sweden").version == made.version


# ------------------------------------------------------------------------------------ shown


def test_what_is_shown_of_values(lake: str) -> None:
    opened = sr.Lake(lake)
    shown = re.escape(f"Lake {opened.version}, as of {opened.as_of}: ")
    assert re.fullmatch(shown + r"(?:[\d,]+ \w+(?:, )?)+", repr(opened))
    assert "480 rankings" in repr(opened)
    assert repr(sr.SWEDEN) == (
        "Universe sweden: stockholmsborsen, first_north; SEK, market cap at least "
        "500.0 million, 2,000.0 million from 2023-06-01"
    )
    assert repr(sr.STRATEGIES["trendande_utdelning"]) == (
        "Strategy trendande_utdelning: Momentum among the 40 % with the highest dividend yield."
    )


# ------------------------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    "value", ["2/3/2026", "20260302", "2026-W10-1", "2026-3-2", "2026-02-30", "",
              datetime(2026, 3, 2), 20260302],
)  # fmt: skip
def test_a_date_that_is_none_is_refused(lake: str, value: object) -> None:
    message = re.escape(f"{value!r} is no date; write it as year-month-day: 2026-03-02")
    with pytest.raises(sr.NotADate, match=f"^{message}$"):
        sr.rankings(lake, as_of=value)  # type: ignore[arg-type]
    with pytest.raises(sr.NotADate, match=f"^{message}$"):
        sr.Lake(lake).prices(since=value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strategy": "trendande_värde"}, "unknown strategy 'trendande_värde'; the nearest is "
         "trendande_varde; expected one of sammansatt_momentum, trendande_varde, "
         "trendande_utdelning, trendande_kvalitet"),
        ({"universe": "swedn"}, "unknown universe 'swedn'; the nearest is sweden; "
         "expected one of sweden, nordic"),
    ],
)  # fmt: skip
def test_an_unknown_name_is_told_with_the_nearest(
    lake: str, options: dict[str, str], message: str
) -> None:
    with pytest.raises(sr.Unknown, match=f"^{re.escape(message)}$"):
        sr.rankings(lake, **options)


def test_an_unknown_ticker_is_told_with_those_alike(lake: str) -> None:
    ticker = sr.Lake(lake).stocks().collect()["ticker"][0]
    with pytest.raises(
        sr.Unknown, match=f"unknown ticker '{ticker}X'; the nearest is {ticker}; exp"
    ):
        sr.rankings(lake, ticker=f"{ticker}X")


def test_a_history_says_what_is_wrong(lake: str) -> None:
    with pytest.raises(sr.Unknown, match=r"^unknown period 'months'; the nearest is month; exp"):
        sr.ranking_history(lake, since="2026-01-01", every="months")
    with pytest.raises(sr.LakeError, match="no price from 2999-01-01 on; name a day up to 20"):
        sr.ranking_history(lake, since="2999-01-01")
    with pytest.raises(sr.LakeError, match="no price from 2026-01-03 to 2026-01-04; name a day"):
        sr.ranking_history(lake, since="2026-01-03", until="2026-01-04")


def test_a_history_ends_where_it_is_told(lake: str) -> None:
    past = sr.ranking_history(lake, since="2026-01-01", until="2026-04-01", every="quarter")
    assert [str(day) for day in past.collect()["as_of"].unique().sort()] == [
        "2026-01-02", "2026-04-01",
    ]  # fmt: skip


def test_a_ranking_of_a_folder_is_read_later_though_its_version_was_to_be_pruned(
    tmp_path: Path,
) -> None:
    source, folder = tmp_path / "app.db", tmp_path / "lake"
    prices = trading_year("A", date(2026, 11, 20), growth=0.1)
    database(source, stocks=[stock("A")], daily_prices=prices)
    sr.export_database(source, folder)
    plan = sr.rankings(folder)
    newest = sr.export_database(source, folder, full=True)
    assert prune(folder, keep=1) == []
    assert plan.collect().height == len(sr.STRATEGIES)
    assert sr.rankings(folder).collect().height == len(sr.STRATEGIES)
    assert len(prune(folder, keep=1)) == 1
    assert version_ids(folder) == [newest.version]
