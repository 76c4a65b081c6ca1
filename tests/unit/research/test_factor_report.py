"""The report of a factor: of literal markets, and of a demo market."""

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from pipelines.bars import silent
from pipelines.errors import StockRankError, Unknown, WrongUsage
from pipelines.lake import Lake
from pipelines.research import factor_json, factor_page, factor_report, strategy_of_factor
from pipelines.research.factor_report import with_forward
from pipelines.research.market import Wanted, market_of
from pipelines.universe import SWEDEN
from tests.unit.research.markets import START, a_lake, day


def test_the_return_is_from_the_next_close_to_the_last_one_in_the_months() -> None:
    month = [10.0] + [20.0] * 22 + [25.0]  # 2 February is the day 23: Friday
    halted = [10.0, *(12 * [None]), 10.0, *(10 * [None])]
    lake = a_lake({"A": month, "B": [*month[:5], *(18 * [None]), 30.0], "C": halted})
    market = market_of(lake, Wanted(tickers=("A", "B", "C"), since=START, until=day(23)))
    assert day(23) == date(2024, 2, 2)
    rows = pl.DataFrame(
        {"as_of": [START] * 3 + [day(20)], "ticker": ["A", "B", "C", "A"], "factor": [1.0] * 4}
    )
    found, dropped = with_forward(rows, market, 1)
    assert found.select("ticker", "forward").rows() == [("A", 0.25), ("B", 0.5)]
    assert dropped == {"not_over": 1, "no_price": 1}


def test_a_report_of_a_factor(demo_market: Path) -> None:
    lake = Lake(demo_market / "lake")
    strategy = strategy_of_factor("return_12m_1m")
    found = factor_report(lake, strategy, SWEDEN, (date(2024, 1, 1), lake.as_of), progress=silent)
    assert [one.months for one in found.horizons] == [1, 3, 6, 12]
    eligible = found.coverage["eligible"].sum()
    for one in found.horizons:
        assert one.rows + sum(one.dropped.values()) == eligible
        assert one.ic.mean is not None
        assert len(one.quantiles) == 5
    told = factor_json(found)
    assert "NaN" not in json.dumps(told)
    assert factor_page(found).count("<svg") == 5


def test_what_cannot_be_reported_is_told(demo_market: Path) -> None:
    lake, span = Lake(demo_market / "lake"), (date(2024, 1, 1), date(2024, 3, 1))
    with pytest.raises(Unknown, match="unknown factor 'pee'"):
        strategy_of_factor("pee")
    pe = strategy_of_factor("pe")
    with pytest.raises(WrongUsage, match="1 quantiles compare nothing"):
        factor_report(lake, pe, SWEDEN, span, quantiles=1, progress=silent)
    with pytest.raises(StockRankError, match="by_pe ranks no stock of sweden"):
        factor_report(lake, pe, SWEDEN, (date(1990, 1, 1), date(1990, 3, 1)), progress=silent)
