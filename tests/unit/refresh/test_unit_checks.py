"""A change of unit is told from single values that moved, and odd values of ranked stocks."""

from typing import Any

import polars as pl
import pytest

from pipelines.refresh.unit_checks import CHANGING, changed_units, implausible
from tests.factories import stock
from tests.integrity import checks, lake, value, week

USUAL = dict.fromkeys(CHANGING, 0.25) | {"close": 80.0, "market_cap_msek": 5000.0, "pe": 12.0}


def facts(count: int, changed: int = 0, **values: float | None) -> pl.DataFrame:
    """A row for each of so many stocks, the first ones with other values."""
    rows: list[dict[str, Any]] = [
        {"ticker": f"T{n:03}", "rank": n + 1, **USUAL, **(values if n < changed else {})}
        for n in range(count)
    ]
    return pl.DataFrame(rows, schema_overrides=dict.fromkeys(CHANGING, pl.Float64))


@pytest.mark.parametrize(
    ("stocks", "changed", "refused"),
    [(100, 9, False), (100, 10, True), (20, 4, False), (20, 5, True), (3, 3, False)],
)
def test_a_tenth_of_the_stocks_and_five_are_a_change_of_unit(
    stocks: int, changed: int, *, refused: bool
) -> None:
    found = list(changed_units(facts(stocks, changed, roe=25.0), facts(stocks)))
    told = (
        f"roe is about a hundred times larger for {changed} of {stocks} stocks, such as T000 "
        "(0.25, now 25): its unit has changed, as from percent to fractions or from pounds to pence"
    )
    assert found == [told] * refused


@pytest.mark.parametrize(
    ("close", "refused"),
    [(8000.0, True), (0.8, True), (4000.0, True), (16_000.0, True), (3999.0, False),
     (16_001.0, False), (80.0, False), (1.7, False), (0.39, False)],
)  # fmt: skip
def test_a_hundred_is_fifty_to_two_hundred_either_way(close: float, *, refused: bool) -> None:
    found = list(changed_units(facts(10, 6, close=close), facts(10)))
    assert [f.split(" is about")[0] for f in found] == ["close"] * refused


def test_stocks_that_gain_or_lose_a_value_have_not_changed_its_unit() -> None:
    assert list(changed_units(facts(10, 10, pe=None), facts(10))) == []
    assert list(changed_units(facts(10), facts(10, 10, pe=None))) == []
    assert list(changed_units(facts(10), facts(10, 10, pe=0.0))) == []
    assert list(changed_units(facts(10), facts(10).clear())) == []


@pytest.mark.parametrize(
    ("changed", "roe", "refused"),
    [(5, 5.1, True), (5, -5.1, True), (5, 5.0, False), (4, 25.0, False)],
)
def test_percent_of_a_tenth_of_the_ranked_stocks_is_refused(
    changed: int, roe: float, *, refused: bool
) -> None:
    told = (
        f"roe is beyond 5 for {changed} of 50 ranked stocks, such as T000 ({roe:g}): the source "
        "must deliver fractions, and percent only where data_source is tradingview"
    )
    assert list(implausible(facts(50, changed, roe=roe))) == [told] * refused


def test_stocks_without_a_rank_may_have_any_ratio() -> None:
    odd = facts(50, 20, dividend_yield=3.5)
    assert len(list(implausible(odd))) == 1
    unranked = odd.with_columns(rank=pl.when(pl.col("dividend_yield") < 1).then("rank"))
    assert list(implausible(unranked)) == []


def test_a_single_value_that_looks_like_another_unit_is_a_warning() -> None:
    stocks = [stock("A", market_cap_msek=6000.0), stock("B"), stock("C", market_cap_msek=5000.0)]
    made = lake(stocks, week("A", "B", "C"), A=2, B=1)
    assert checks(made)["units"].status == "ok"
    made.datasets["rankings"] = made.datasets["rankings"].with_columns(
        dividend_yield=pl.when(ticker="A").then(3.5).when(ticker="C").then(3.5),
        roe=pl.when(ticker="B").then(-12.0),
        market_cap_msek=pl.when(ticker="A").then(100.0),
        market_cap_source=pl.lit("reported"),
    )
    check = checks(made)["units"]
    assert check.status == "warning"
    assert check.message == "values of ranked stocks that look like another unit: 3, of B, A"
    assert value(check)["cases"] == [
        {"ticker": "B", "rank": 1, "column": "roe", "value": -12.0},
        {"ticker": "A", "rank": 2, "column": "dividend_yield", "value": 3.5},
        {"ticker": "A", "rank": 2, "column": "market_cap_msek", "value": 100.0},
    ]
