"""Backtests of a demo market: what is told, and that it holds together."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from pipelines.bars import silent
from pipelines.errors import StockRankError, Unknown, WrongUsage
from pipelines.lake import Lake
from pipelines.ranking.strategies import STRATEGIES
from pipelines.research import Backtest, Calendar, Inputs, Rules, as_json, backtests, report
from pipelines.research.benchmark import file_values
from pipelines.research.caveats import thin
from pipelines.universe import SWEDEN

TWO = [STRATEGIES["sammansatt_momentum"], STRATEGIES["trendande_varde"]]


def inputs(lake: Lake, **more: object) -> Inputs:
    given = {"since": date(2023, 1, 1), "until": lake.as_of, "calendar": Calendar.QUARTER} | more
    return Inputs(universe=SWEDEN, **given)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def lake(demo_market: Path) -> Lake:
    return Lake(demo_market / "lake")


@pytest.fixture(scope="module")
def found(lake: Lake) -> list[Backtest]:
    return backtests(lake, TWO, inputs(lake), silent)


def test_the_value_is_cash_and_holdings_from_the_first_signal_on(found: list[Backtest]) -> None:
    for one in found:
        nav = one.nav
        assert nav["nav"][0] == one.rules.capital
        assert one.since == one.ledger["signal_date"].min()
        assert (nav["nav"] - nav["cash"] - nav["holdings"]).abs().max() < 1e-6
        assert one.ledger["date"].min() > one.since


def test_what_was_won_with_each_stock_is_what_was_won(found: list[Backtest]) -> None:
    for one in found:
        won = one.nav["nav"][-1] - one.nav["nav"][0]
        assert one.sheet.gains["gain"].sum() == pytest.approx(won, rel=1e-9)


def test_costs_bound_a_result(found: list[Backtest]) -> None:
    for one in found:
        growth = {bound.name: bound.growth for bound in one.sheet.bounds}
        mine = one.nav["nav"][-1] / one.nav["nav"][0]
        assert growth["costs times 2"] < mine < growth["costs times 0"]


def test_a_backtest_runs_again_to_the_same_bits(lake: Lake, found: list[Backtest]) -> None:
    alone = backtests(lake, TWO[:1], inputs(lake), silent)[0]
    assert json.dumps(as_json(alone)) == json.dumps(as_json(found[0]))


def test_a_backtest_does_not_depend_on_those_beside_it(lake: Lake) -> None:
    own_months = inputs(lake, calendar=Calendar.STRATEGY)
    together = backtests(lake, TWO, own_months, silent)
    for strategy, found in zip(TWO, together, strict=True):
        alone = backtests(lake, [strategy], own_months, silent)[0]
        assert json.dumps(as_json(alone, with_days=True)) == json.dumps(
            as_json(found, with_days=True)
        )


def test_the_json_has_all_that_is_promised(found: list[Backtest], lake: Lake) -> None:
    told = as_json(found[0])
    assert told.keys() >= {
        "strategy", "universe", "from", "to", "inputs", "metrics", "periods", "drawdowns",
        "by_year", "trades", "survivorship", "suspects", "version",
    }  # fmt: skip
    assert told["version"] == lake.version
    assert "NaN" not in json.dumps(told)


def test_the_years_join_to_the_whole(found: list[Backtest]) -> None:
    for one in found:
        growth = (1 + one.sheet.years["return"]).product()
        assert growth == pytest.approx(one.nav["nav"][-1] / one.nav["nav"][0], rel=1e-12)
        assert one.sheet.months.height >= 12


def test_the_months_of_what_it_is_compared_with_join_to_its_whole(found: list[Backtest]) -> None:
    for one in found:
        months = one.sheet.months
        assert months.columns == ["period", "return", "benchmark"]
        whole = one.sheet.value("benchmark_return")
        assert (1 + months["benchmark"]).product() - 1 == pytest.approx(whole)


def test_the_page_needs_nothing_else(found: list[Backtest]) -> None:
    page = report(found)
    assert page.startswith("<!doctype html>")
    assert "http" not in page
    assert "src=" not in page
    assert page.count("<svg") == 2 * 6
    assert "color-scheme:light dark" in page
    assert "@media print" in page


def test_a_title_is_text_and_no_code(found: list[Backtest]) -> None:
    odd = replace(found[0].strategy, title="<script>alert(1)</script>")
    page = report([replace(found[0], strategy=odd), found[1]])
    assert "<script>" not in page
    assert page.count("&lt;script&gt;") >= 3


def test_a_benchmark_of_an_index_or_a_file(lake: Lake, tmp_path: Path) -> None:
    of_index = backtests(lake, TWO[:1], inputs(lake, benchmark="OMXS30"), silent)[0]
    assert of_index.benchmark is not None
    path = tmp_path / "own.csv"
    of_index.nav.select("date", close="nav").write_csv(path)
    own = backtests(lake, TWO[:1], inputs(lake, benchmark=str(path)), silent)[0]
    assert own.sheet.value("beta") == pytest.approx(1.0, abs=1e-9)
    assert own.sheet.value("unmatched_days") == 0
    none = backtests(lake, TWO[:1], inputs(lake, benchmark=None), silent)[0]
    assert none.benchmark is None
    assert none.sheet.value("beta") is None


def test_what_cannot_be_followed_is_told(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(Unknown, match=r"unknown benchmark 'OMXS3'; the nearest is OMXS30; "):
        backtests(lake, TWO[:1], inputs(lake, benchmark="OMXS3"), silent)
    with pytest.raises(StockRankError, match="no rebalance falls between"):
        backtests(lake, TWO[1:], inputs(lake, since=lake.as_of, calendar=Calendar.YEAR), silent)
    with pytest.raises(StockRankError, match=r"cannot read the benchmark .*give a CSV file"):
        file_values(tmp_path / "none.csv", date(2020, 1, 1), date(2021, 1, 1))


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ({"size": 0}, "a size of 0 holds nothing"),
        ({"buy_rank": 0}, "nothing has rank 0"),
        ({"sell_rank": 5}, "the sell rank 5 is above the buy rank 10"),
        ({"capital": 0.0}, "a capital of 0 buys nothing"),
        ({"cost_bps": -1.0}, "a cost is below 0"),
        ({"cost_bps": 9000.0, "half_spread_bps": 1000.0}, "leaves nothing"),
        ({"delisting_factor": 1.5}, "a delisting factor of 1.5 is none"),
        ({"cost_bps": float("nan")}, "a cost or the capital is no number"),
        ({"capital": float("inf")}, "a cost or the capital is no number"),
    ],
)
def test_rules_that_make_no_sense_are_refused(rules: dict[str, float], told: str) -> None:
    with pytest.raises(WrongUsage, match=told):
        Rules(**rules)  # type: ignore[arg-type]


def test_the_size_and_the_band_are_those_of_the_strategy_unless_given(lake: Lake) -> None:
    strategy = TWO[0]
    rules = [
        inputs(lake, **given).rules_for(strategy)
        for given in ({}, {"size": 5}, {"size": 5, "buy_rank": 7, "sell_rank": 9})
    ]
    assert [(r.size, r.buy_rank, r.sell_rank) for r in rules] == [
        (10, 10, 20),
        (5, 5, 20),
        (5, 7, 9),
    ]
    for name in ("size", "buy_rank", "sell_rank"):
        with pytest.raises(WrongUsage, match=r" 0( |;)"):
            inputs(lake, **{name: 0}).rules_for(strategy)


def test_stocks_that_ended_are_counted_by_year(found: list[Backtest], lake: Lake) -> None:
    rows = found[0].survivorship
    ended = lake.stocks().filter(pl.col("newest_date") < date(2026, 11, 10)).collect()
    assert rows["names"].max() > 20
    assert 0 <= rows["ended"].sum() <= ended.height


def test_rebalances_with_fewer_stocks_than_places_are_told() -> None:
    days = [date(2024, 1, 2), date(2024, 2, 1), date(2024, 3, 1)]
    ranks = pl.DataFrame({"as_of": [days[0], days[0], days[2]]})
    assert thin(ranks, days, 2) == (
        "At 2 of 3 rebalances fewer than 2 stocks were ranked, 0 at the least; "
        "the portfolio held them in equal parts."
    )
    assert thin(ranks, days[:1], 2) is None
