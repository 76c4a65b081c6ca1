"""The fourteen strategies of the documents against plain Python, on invented and real data."""

import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl
import pytest

from pipelines.definition import definitions_from
from pipelines.lake import Lake
from pipelines.ranking.as_data import strategy_of
from pipelines.ranking.catalogue import PRICE_WINDOWS
from pipelines.ranking.rank import rankings
from pipelines.ranking.strategies import STRATEGIES
from pipelines.universe import SWEDEN, Universe
from tests import factor_oracle
from tests.definition_oracle import Row, ranked
from tests.real_data import needs_real_data, real_market

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "docs" / "strategies"
DEFINITIONS: Final = {one.name: one for one in definitions_from(FOLDER)}
WINDOWS: Final = {window.name for window in PRICE_WINDOWS}
DEMO_DAYS: Final = (date(2026, 11, 20), date(2026, 3, 2))
REAL_DAY: Final = date(2017, 3, 7)


def rows_of(lake: Lake, name: str, day: date, universe: Universe) -> list[Row]:
    """The ranking of a strategy, which is that of plain Python."""
    strategy = strategy_of(DEFINITIONS[name])
    plan = rankings(lake, as_of=day, universe=universe, strategies=[strategy])
    rows = plan.collect(engine="streaming").to_dicts()
    found = {row["ticker"]: row["rank"] or row["excluded_by"] for row in rows}
    assert found == ranked(DEFINITIONS[name], rows)
    return rows


def test_there_are_fourteen_and_the_four_are_those_of_the_house() -> None:
    assert len(DEFINITIONS) == 14
    for name, strategy in STRATEGIES.items():
        assert DEFINITIONS[name] == strategy.definition


def test_each_has_a_paragraph_with_its_source() -> None:
    parts = (FOLDER / "README.md").read_text(encoding="utf-8").split("\n## ")[1:]
    named = [part.rpartition("](")[2].partition(".toml)")[0] for part in parts]
    assert sorted(named) == sorted(DEFINITIONS)
    assert all("Source:" in part for part in parts)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_each_ranks_the_demo_market_as_plain_python_does(demo_market: Path, name: str) -> None:
    lake = Lake(demo_market / "lake")
    counts = []
    for day in DEMO_DAYS:
        rows = rows_of(lake, name, day, SWEDEN)
        counts.append(sum(row["rank"] is not None for row in rows))
    assert max(counts) > 0 or name in ("piotroski_high", "net_net_light")


# ---------------------------------------------------------------------------------- real data


@pytest.fixture(scope="module")
def sp500(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the stocks of the S&P 500 as `app.db` and `data/lake`."""
    return real_market(tmp_path_factory, "sp500")


US: Final = Universe(name="sp500", markets=("sp500",), currency="USD")


@pytest.mark.slow
@needs_real_data
@pytest.mark.parametrize("name", DEFINITIONS)
def test_each_ranks_real_stocks_as_plain_python_does(sp500: Path, name: str) -> None:
    rows_of(Lake(sp500 / "data" / "lake"), name, REAL_DAY, US)


@pytest.mark.slow
@needs_real_data
def test_the_price_windows_of_real_stocks_are_those_of_the_database(sp500: Path) -> None:
    """From the rows of the database, for stocks whose closes are good."""
    lake, read = Lake(sp500 / "data" / "lake"), ("low_volatility", "high_52_weeks")
    jumped = set(lake.jumps().collect()["ticker"])
    checked = 0
    with closing(sqlite3.connect(sp500 / "app.db")) as con:
        for name in read:
            rows = rows_of(lake, name, REAL_DAY, US)
            for row in rows[::20]:
                if row["ticker"] not in jumped:
                    expected = _windows(con, row["ticker"])
                    for window in WINDOWS & row.keys():
                        value = expected[window]
                        assert row[window] == (value and pytest.approx(value, rel=1e-6))
                        checked += value is not None
    assert checked > 50


def _windows(con: sqlite3.Connection, ticker: str) -> factor_oracle.Values:
    query = "SELECT date, close, volume FROM daily_prices WHERE ticker = ? AND close > 0"
    found = con.execute(query, [ticker]).fetchall()
    closes = {date.fromisoformat(d): pl.Series([c], dtype=pl.Float32)[0] for d, c, _ in found}
    volumes = {date.fromisoformat(d): v for d, _, v in found if v is not None}
    return factor_oracle.windows(closes, volumes, {}, REAL_DAY)
