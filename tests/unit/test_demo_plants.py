"""What the demo market plants, and the file that tells it."""

import math
import sqlite3
import sys
from collections import Counter
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipelines import console
from pipelines.demo import main
from pipelines.demo_market import EVENT_TABLES, Plant, make_market, read_truth
from pipelines.demo_market.plants import last_touched

JUMPS = {"slip", "crash", "rise", "unknown_split", "unknown_reverse_split"}
ANY = {"split", "reverse_split", "split_in_prices"}


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("planted") / "market.db"
    make_market(path, stocks=120, years=4, plants=True)
    return path


@pytest.fixture(scope="module")
def truth(planted: Path) -> list[Plant]:
    return read_truth(planted)


def rows(path: Path, query: str, *values: object) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query, values).fetchall()


def closes(path: Path, ticker: str) -> dict[str, float]:
    query = "SELECT date, close FROM daily_prices WHERE ticker = ? ORDER BY date"
    return dict(rows(path, query, ticker))


def test_every_kind_is_planted_and_the_threefold_rise_once(truth: list[Plant]) -> None:
    kinds = Counter(plant.kind for plant in truth)
    assert set(kinds) == JUMPS | ANY
    assert kinds["rise"] == 1
    assert min(kinds["slip"], kinds["crash"], kinds["reverse_split"]) >= 2


def test_the_truth_has_the_closes_of_the_database(planted: Path, truth: list[Plant]) -> None:
    for plant in truth:
        stored = closes(planted, plant.ticker)
        days = list(stored)
        for day, (before, on) in zip(plant.dates, plant.closes, strict=True):
            assert (stored[days[days.index(day) - 1]], stored[day]) == (before, on), plant


def test_what_is_planted_is_as_large_as_it_is_told(truth: list[Plant]) -> None:
    for plant in truth:
        moves = [on / before for before, on in plant.closes]
        if plant.kind in JUMPS:
            assert abs(math.log(moves[0])) >= math.log(2.5), plant
        if plant.kind == "slip":
            assert 1 / 1.5 < moves[0] * moves[1] < 1.5, plant
        if plant.kind == "crash":
            assert 0.04 < moves[0] < 0.4, plant
        if plant.kind == "rise":
            assert moves[0] == pytest.approx(3, rel=0.06), plant
        if plant.kind == "split_in_prices":
            assert moves[0] == pytest.approx(1, rel=0.06), plant
        elif plant.ratio is not None:
            assert moves[0] * plant.ratio == pytest.approx(1, rel=0.2), plant


def test_the_source_knows_the_splits_but_those_that_are_unknown(
    planted: Path, truth: list[Plant]
) -> None:
    known = sorted((p.ticker, p.dates[0], p.ratio) for p in truth if p.kind in ANY)
    assert rows(planted, "SELECT ticker, date, ratio FROM splits ORDER BY ticker") == known


def test_only_what_is_told_differs_from_the_market_without_plants(
    tmp_path: Path, planted: Path, truth: list[Plant]
) -> None:
    make_market(tmp_path / "plain.db", stocks=120, years=4)
    touched = {plant.ticker for plant in truth}
    assert 10 < len(touched) < 40
    for (ticker,) in rows(planted, "SELECT ticker FROM stocks"):
        if ticker not in touched:
            assert closes(planted, ticker) == closes(tmp_path / "plain.db", ticker)
    everyone = "SELECT * FROM stocks"
    assert rows(planted, everyone) == rows(tmp_path / "plain.db", everyone)


def test_rates_end_at_those_of_the_market_caps(planted: Path) -> None:
    query = "SELECT currency, rate FROM fx_rates WHERE date = '2026-11-20' ORDER BY currency"
    assert rows(planted, query) == [("DKK", 1.5), ("EUR", 11.2), ("NOK", 0.96)]
    spread = rows(planted, "SELECT min(rate), max(rate) FROM fx_rates WHERE currency = 'NOK'")
    assert 0.5 < spread[0][0] < spread[0][1] < 1.9
    (days,) = rows(planted, "SELECT count(DISTINCT date) FROM daily_prices")[0]
    assert rows(planted, "SELECT count(*) FROM fx_rates") == [(3 * days,)]


def test_market_caps_are_in_kronor_as_those_of_the_stocks(planted: Path) -> None:
    parts = rows(
        planted,
        "SELECT currency, f.market_cap / 1e6 / market_cap_msek FROM stocks "
        "JOIN fundamentals_snapshots f USING (ticker) WHERE snapshot_date = '2026-11-20' "
        "AND currency <> 'SEK' AND f.market_cap > 0 AND market_cap_msek > 0",
    )
    assert {currency for currency, _ in parts} == {"EUR", "NOK", "DKK"}
    assert all(0.5 < part < 2 for _, part in parts)


def test_dividends_are_in_the_currency_of_the_listing_and_a_part_of_the_price(
    planted: Path,
) -> None:
    parts = rows(
        planted,
        "SELECT amount / close, payment_date > ex_date, d.currency = s.currency "
        "FROM dividend_events d JOIN daily_prices p ON p.ticker = d.ticker AND p.date = d.ex_date "
        "JOIN stocks s ON s.ticker = d.ticker",
    )
    assert len(parts) > 150
    assert all(0 < part < 1 and later and same for part, later, same in parts)


@pytest.mark.parametrize(
    ("changed", "last"),
    [("2025-03-04", "2026-03-13"), ("2023-02-18", "2024-02-27"), ("2023-02-19", "2024-02-29"),
     ("2024-02-19", "2025-02-28")],
)  # fmt: skip
def test_the_last_date_looks_back_twelve_months_and_ten_days(changed: str, last: str) -> None:
    assert last_touched(date.fromisoformat(changed)) == date.fromisoformat(last)


def test_the_optional_tables_are_those_of_the_schema(planted: Path) -> None:
    with closing(sqlite3.connect(":memory:")) as memory:
        memory.executescript("".join(EVENT_TABLES.values()))
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY name"
        expected = memory.execute(query).fetchall()
    assert len(expected) == 3
    assert set(expected) <= set(rows(planted, query))


def run(monkeypatch: pytest.MonkeyPatch, *options: object) -> int | str | None:
    monkeypatch.setattr(sys, "argv", ["demo", *map(str, options)])
    with pytest.raises(SystemExit) as exit_:
        console.run(main)
    return exit_.value.code


def test_the_command_tells_the_truth_beside_the_database_and_takes_it_away_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--out", tmp_path / "market.db", "--stocks", 10, "--years", 3)
    assert run(monkeypatch, *options) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"market.db", "market.truth.json"}
    assert "rise" in {plant.kind for plant in read_truth(tmp_path / "market.db")}
    assert run(monkeypatch, *options, "--force", "--no-plants") == 0
    assert [path.name for path in tmp_path.iterdir()] == ["market.db"]
