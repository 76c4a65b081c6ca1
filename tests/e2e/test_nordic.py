"""The Nordic universe on the demo market: five listing markets in one ranking."""

import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from pipelines import explained
from pipelines.demo_market import make_market
from pipelines.export import export
from pipelines.lake import Lake
from pipelines.ranking import STRATEGIES, explanations, rankings
from pipelines.universe import NORDIC, SWEDEN, Universe


def ranked(folder: Path, universe: Universe) -> pl.DataFrame:
    lake = Lake(folder / "lake")
    rows = rankings(lake, as_of=lake.as_of, universe=universe)
    return rows.filter(pl.col("rank").is_not_null()).collect(engine="streaming")


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_ranks_stocks_of_other_countries(demo_market: Path, strategy: str) -> None:
    rows = ranked(demo_market, NORDIC).filter(pl.col("strategy") == strategy)
    swedish = ranked(demo_market, SWEDEN).filter(pl.col("strategy") == strategy)
    assert set(swedish["market"]) <= set(SWEDEN.markets)
    assert set(rows["market"]) - set(SWEDEN.markets)
    assert rows["rank"].to_list() == list(range(1, rows.height + 1))


def test_every_stock_of_the_five_markets_is_on_one_of_the_universe(demo_market: Path) -> None:
    lake = Lake(demo_market / "lake")
    rows = rankings(lake, as_of=lake.as_of, universe=NORDIC).collect(engine="streaming")
    assert "other_market" not in set(rows["excluded_by"])


def test_returns_in_kronor_are_by_the_rates_of_the_database(tmp_path: Path) -> None:
    make_market(tmp_path / "market.db", stocks=60, years=2, plants=True)
    in_kronor = replace(NORDIC, name="in_kronor", returns_in="SEK", floors=())
    export(tmp_path / "market.db", tmp_path / "lake", in_kronor)
    lake = Lake(tmp_path / "lake")
    local = rankings(lake, as_of=lake.as_of, universe=replace(NORDIC, floors=())).collect()
    published = lake.rankings().collect()
    with closing(sqlite3.connect(tmp_path / "market.db")) as connection:
        rates = {(c, d): r for c, d, r in connection.execute("SELECT * FROM fx_rates")}
    columns = ("strategy", "ticker", "currency", "close_date", "base_date_6m", "return_6m")
    pairs = local.select(columns).join(published.select(columns), on=columns[:2]).iter_rows()
    foreign = 0
    for _, _, currency, day, base, before, *_, after in pairs:
        change = 1.0
        if before is not None and currency != "SEK":
            change = rates[currency, str(day)] / rates[currency, str(base)]
            foreign += 1
        assert after == (before and pytest.approx((1 + before) * change - 1))
    assert foreign >= 20
    assert "no_rate" not in set(published["excluded_by"])
    ranked = published.filter(pl.col("rank").is_not_null())
    told = {c: lines_of(ranked.filter(currency=c).head(1)) for c in ("SEK", "EUR")}
    assert re.search(r"; [+-]\d+\.\d% in its own currency, its rate [+-]\d+\.\d%", told["EUR"])
    assert "its own currency" not in told["SEK"]


def lines_of(row: pl.DataFrame) -> str:
    """What an explanation tells of the returns."""
    return str(list(explained._return_lines(next(explanations(row)))))  # noqa: SLF001
