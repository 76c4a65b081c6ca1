"""Grids of variants, and a search of a demo market."""

import re
from datetime import date, timedelta
from itertools import product
from pathlib import Path

import polars as pl
import pytest

from pipelines.console import silent
from pipelines.errors import StockRankError, Unknown, WrongUsage
from pipelines.lake import Lake
from pipelines.ranking.strategies import STRATEGIES
from pipelines.research import Calendar, Inputs, backtests, read_grid, search, search_page
from pipelines.research.grid import variants
from pipelines.research.rules import Weighting
from pipelines.research.search import paid_since
from pipelines.universe import SWEDEN

GRID = """
strategies = ["trendande_varde"]
from = 2024-01-01

[grid]
size = [3, 5]
buy_rank = [5]
sell_rank = [4, 8]
rebalance = ["quarter"]
weighting = ["drift"]
"definition.composite.keep_percent" = [20, 60]
"""


def grid_of(folder: Path, text: str = GRID) -> Path:
    path = folder / "grid.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_each_combination_that_makes_sense_is_a_variant(tmp_path: Path) -> None:
    made = variants(read_grid(grid_of(tmp_path)), SWEDEN)
    assert [(one.rules.size, one.rules.sell_rank) for one in made] == [(3, 8)] * 2 + [(5, 8)] * 2
    assert {one.rules.weighting for one in made} == {Weighting.DRIFT}
    assert {one.months for one in made} == {(1, 4, 7, 10)}
    composites = [one.strategy.composite for one in made]
    assert [c and c.keep_percent for c in composites] == [20, 60, 20, 60]
    assert len({one.strategy.name for one in made}) == 2


def test_the_ranks_follow_the_size_as_in_a_backtest(tmp_path: Path) -> None:
    text = GRID.replace("[3, 5]", "[5, 30]").replace("buy_rank = [5]", "").replace("4, 8", "20, 40")
    found = [one.rules for one in variants(read_grid(grid_of(tmp_path, text)), SWEDEN)][::2]
    ranks = [(rules.size, rules.buy_rank, rules.sell_rank) for rules in found]
    assert ranks == [(5, 5, 20), (5, 5, 40), (30, 30, 40)]


@pytest.mark.parametrize(
    ("before", "after", "error", "told"),
    [
        ("strategies", "strategy", Unknown, "unknown key of the grid 'strategy'"),
        ("size =", "sice =", Unknown, r"unknown key of \[grid\] 'sice'.*nearest is size"),
        ("from = 2024-01-01", 'from = "2024"', StockRankError, "write it as from = 2010-01-01"),
        ("[3, 5]", "3", StockRankError, r"grid.size = 3 is no list"),
        ("[3, 5]", '["3"]', WrongUsage, "grid.size has '3', which is no whole number"),
        ("[3, 5]", "[true]", WrongUsage, "grid.size has True, which is no whole number"),
        ('"drift"', '"drifts"', Unknown, "value of grid.weighting 'drifts'; the nearest is drift"),
        ("[4, 8]", "[2]", WrongUsage, "raise sell_rank"),
        ('["quarter"]', '["month", "week"]', Unknown, "value of grid.rebalance 'week'"),
        ("size = [3, 5]", 'fill = ["at_once"]', Unknown, "value of grid.fill 'at_once'"),
        ("size = [3, 5]", 'universe = ["nordik"]', Unknown, "universe 'nordik'.*nearest is nordic"),
        ("composite.", "composit.", Unknown, "key of the definition 'composit'"),
        ("[grid]", "[grid", StockRankError, "cannot read the grid"),
    ],
)
def test_a_grid_that_cannot_be_used_is_told(
    tmp_path: Path, before: str, after: str, error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        variants(read_grid(grid_of(tmp_path, GRID.replace(before, after))), SWEDEN)


def test_a_search_tells_first_how_many_it_tried(demo_market: Path, tmp_path: Path) -> None:
    lake = Lake(demo_market / "lake")
    found = search(lake, read_grid(grid_of(tmp_path)), SWEDEN)
    assert found.trials == found.variants.height == 4
    assert found.variants["variant"][0] == found.best
    assert found.variants["sharpe"].is_sorted(descending=True)
    assert next(found.told()) == "4 variants were tried."
    assert 0 <= (found.deflated or 0) <= 1
    assert 0 <= (found.overfitting or 0) <= 1
    assert found.days[0] > date(2024, 1, 1)
    page = search_page(found)
    assert page.index("Read this first") < page.index("The best 4 of 4 variants")
    lines = re.findall(r"<tr><td[^>]*>([\d-]+) to ([\d-]+)</td>", page)
    assert [f"From {since} to {until}:" for since, until in lines] == [
        one.partition(" Sharpe")[0] for one in found.told() if one.startswith("From")
    ]


def test_turnover_and_costs_are_of_the_days_that_are_judged() -> None:
    flows = pl.DataFrame({
        "strategy": ["0", "0", "1"], "date": [date(2020, 1, 2), date(2021, 1, 2), date(2021, 1, 2)],
        "turnover": [0.5, 0.25, 0.5], "costs": [9.0, 1.0, 2.0],
    })  # fmt: skip
    assert paid_since(flows, date(2021, 1, 2)).sort("strategy").rows() == [
        ("0", 0.25, 1.0), ("1", 0.5, 2.0)
    ]  # fmt: skip


PRICES = """
strategies = ["sammansatt_momentum"]
from = 2025-01-01

[grid]
universe = ["sweden", "nordic"]
currency = ["SEK"]
fill = ["next_close", "next_open"]
rebalance = ["quarter"]
"""


def test_a_choice_of_universe_currency_and_fill_is_that_backtest(
    demo_market: Path, tmp_path: Path
) -> None:
    lake = Lake(demo_market / "lake")
    made = variants(read_grid(grid_of(tmp_path, PRICES)), SWEDEN)
    chosen = [(one.universe.name, one.currency, one.fill.value) for one in made]
    assert chosen == list(product(["sweden", "nordic"], ["SEK"], ["next_close", "next_open"]))
    found = search(lake, read_grid(grid_of(tmp_path, PRICES)), SWEDEN)
    growth = dict(found.variants.select("variant", "growth").rows())
    since = found.days[0] - timedelta(days=1)
    for n, one in enumerate(made):
        inputs = Inputs(
            universe=one.universe, since=date(2025, 1, 1), until=lake.as_of, fill=one.fill,
            calendar=Calendar.QUARTER, currency=one.currency,
        )  # fmt: skip
        (alone,) = backtests(lake, [STRATEGIES["sammansatt_momentum"]], inputs, silent)
        nav = alone.nav.filter(pl.col("date") >= since)["nav"]
        assert growth[n] == pytest.approx(nav[-1] / nav[0], rel=1e-12)
    assert len(set(growth.values())) == 4
    # The market has no rates, so that no stock in kronor can be bought for euro.
    in_euro = PRICES.replace(', "nordic"', "").replace("SEK", "EUR")
    with pytest.raises(StockRankError, match="no rate of EUR is known"):
        search(lake, read_grid(grid_of(tmp_path, in_euro)), SWEDEN)
