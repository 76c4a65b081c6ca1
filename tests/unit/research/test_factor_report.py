"""The report of a factor: of literal markets, and of a demo market."""

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from pipelines.bars import silent
from pipelines.errors import StockRankError, Unknown, WrongUsage
from pipelines.lake import Lake
from pipelines.lake.contracts import lake_schema
from pipelines.research import factor_json, factor_page, factor_report, strategy_of_factor
from pipelines.research.factor_report import with_forward
from pipelines.research.market import Wanted, market_of
from pipelines.universe import SWEDEN, Universe
from tests.factories import FrameLake, frame_lake, stock
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
    page = factor_page(found)
    assert page.count("<svg") == 5
    by_year = page.split("Rank correlation by year")[1].split("</section>")[0]
    assert "%" not in by_year, "a correlation is a number"
    left_out = page.split("Rows that are left out")[1]
    assert "<th>not ranked</th><th>not over yet</th><th>no price in time</th>" in left_out
    counts = [f"{found.horizons[0].dropped[reason]:,}" for reason in ("no_value", "not_over")]
    assert f"<td>1 month</td><td>{counts[0]}</td><td>{counts[1]}</td>" in left_out


def test_what_cannot_be_reported_is_told(demo_market: Path) -> None:
    lake, span = Lake(demo_market / "lake"), (date(2024, 1, 1), date(2024, 3, 1))
    with pytest.raises(Unknown, match="unknown factor 'pee'"):
        strategy_of_factor("pee")
    pe = strategy_of_factor("pe")
    with pytest.raises(WrongUsage, match="1 quantiles compare nothing"):
        factor_report(lake, pe, SWEDEN, span, quantiles=1, progress=silent)
    with pytest.raises(StockRankError, match="by_pe ranks no stock of sweden"):
        factor_report(lake, pe, SWEDEN, (date(1990, 1, 1), date(1990, 3, 1)), progress=silent)


def market(universe: Universe, **of_all: str) -> FrameLake:
    """Six stocks of which the larger rise more, a year and a half long, and a rising rate."""
    days = [date(2023, 1, 2) + timedelta(days=n) for n in range(560)]
    stocks = [stock(t, market_cap_msek=5000.0 + 1000 * n, **of_all) for n, t in enumerate("ABCDEF")]
    speed = 0.0 if universe.returns_in == "SEK" else 1e-4
    lake = frame_lake(stocks, [
        {"ticker": t, "date": d, "close": 100 * (1 + speed * k) ** n}
        for k, t in enumerate("ABCDEF") for n, d in enumerate(days)
    ])  # fmt: skip
    rates = [{"currency": "EUR", "date": d, "rate": 10 * 1.001**n} for n, d in enumerate(days)]
    lake.datasets |= {"fx_rates": pl.DataFrame(rates, schema=lake_schema("fx_rates"))}
    lake.as_of, lake.path = days[-1], Path("v")
    return lake


SPAN = (date(2024, 2, 1), date(2024, 7, 1))


def test_a_factor_that_is_the_same_for_all_tells_nothing() -> None:
    """Ties are ordered by market cap, which is another factor."""
    strategy = strategy_of_factor("f_score")
    found = factor_report(market(SWEDEN), strategy, SWEDEN, SPAN, quantiles=2, progress=silent)
    first = found.horizons[0]
    assert first.rows > 0
    assert first.ic.mean is None
    assert [mean.mean is None for mean in first.quantiles] == [False, True]
    by_cap = strategy_of_factor("market_cap_msek")
    other = factor_report(market(SWEDEN), by_cap, SWEDEN, SPAN, quantiles=2, progress=silent)
    assert other.horizons[0].ic.mean == 1.0


def test_returns_are_in_the_currency_of_the_universe() -> None:
    in_sek = replace(SWEDEN, returns_in="SEK")
    lake, strategy = market(in_sek, currency="EUR"), strategy_of_factor("market_cap_msek")
    found = factor_report(lake, strategy, in_sek, SPAN, quantiles=2, progress=silent)
    assert [mean.mean for mean in found.horizons[0].quantiles] == pytest.approx(
        [0.030] * 2, abs=2e-3
    )
