"""The Nordic universe on the demo market: five listing markets in one ranking."""

from pathlib import Path

import polars as pl
import pytest

from pipelines.lake import Lake
from pipelines.ranking import STRATEGIES, rankings
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
