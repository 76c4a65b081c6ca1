"""What a backtest does where something is missing: listings, rates, opens, closes after a jump."""

from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest

from pipelines.errors import StockRankError
from pipelines.lake.contracts import lake_schema
from pipelines.research.caveats import last_closes, returned, told
from pipelines.research.inputs import Inputs
from pipelines.research.rules import Fill
from pipelines.universe import SWEDEN
from tests.factories import FrameLake
from tests.unit.research.markets import FREE, a_lake, day, simulated, trades

ONE = replace(FREE, size=1)
ENDED = pl.DataFrame({"ended": [1]})


def gone(lake: FrameLake, ticker: str, currency: str) -> FrameLake:
    """The lake after a stock left the source, which the lake observed before."""
    seen = [{"ticker": ticker, "observed_on": day(n), "state": "kept", "currency": c}
            for n, c in enumerate(("XXX", currency))]  # fmt: skip
    lake.datasets |= {
        "stocks": lake.datasets["stocks"].filter(pl.col("ticker") != ticker),
        "observed_stocks": pl.DataFrame(seen, schema=lake_schema("observed_stocks")),
    }
    return lake


def test_a_stock_that_is_gone_from_the_source_keeps_its_currency() -> None:
    rates = [{"currency": "EUR", "date": day(n), "rate": 10.0} for n in range(4)]
    lake = gone(a_lake({"A": [10] * 4, "B": [10] * 4}, rates=rates, A="EUR"), "A", "EUR")
    found = simulated(lake, {0: "A"}, ONE, currency="SEK")
    assert trades(found) == [(day(1), "A", "buy", 10.0, 100.0, "entered")]
    assert found.market.without_rate == ()


def test_a_stock_that_is_gone_from_the_source_has_ended_with_its_last_close() -> None:
    lake = gone(a_lake({"A": [10] * 3, "B": [10] * 9}), "A", "SEK")
    found = last_closes(lake, pl.DataFrame({"ticker": ["A", "B"]})).sort("ticker")
    assert found.rows() == [("A", day(2)), ("B", day(8))]


def test_a_currency_of_which_no_rate_is_known_is_refused() -> None:
    rates = [{"currency": "EUR", "date": day(0), "rate": 10.0}]
    lake = a_lake({"A": [10, 10]}, rates=rates)
    with pytest.raises(StockRankError, match="no rate of USD is known; give one of EUR, SEK, or"):
        simulated(lake, {0: "A"}, currency="USD")


def test_stocks_without_a_rate_a_return_after_a_delisting_and_dividends_are_told() -> None:
    closes = {"A": [10, 10, *(61 * [None]), 11], "B": [10] * 64, "C": [10] * 64}
    lake = a_lake(closes, dividends=[], C="USD")
    found = simulated(lake, {0: "ABC"}, currency="SEK")
    assert returned(found, "s") == [f"A ({day(61)})"]
    inputs = Inputs(universe=SWEDEN, since=day(0), until=day(63), currency="SEK", benchmark="X")
    said = " ".join(told(found, inputs, ENDED, "s"))
    assert "Stocks in USD are not bought, for no rate of theirs is known." in said
    assert f"Paid out as delisted, and traded again later: A ({day(61)})." in said
    assert "The values of X are taken as they are" in said
    quiet = simulated(a_lake({"A": [10, 10]}), {0: "A"})
    few = " ".join(told(quiet, replace(inputs, benchmark="universe"), ENDED, "s"))
    assert "not bought" not in few
    assert "again later" not in few
    assert "taken as they are" not in few


def test_prices_without_an_open_are_refused_where_trades_are_at_the_open() -> None:
    lake = a_lake({"A": [10, 10]})
    lake.datasets |= {"prices": lake.datasets["prices"].with_columns(open=pl.lit(None, pl.Float32))}
    with pytest.raises(StockRankError, match=r"no price from 2024-01-02 .* has an open; trade at"):
        simulated(lake, {0: "A"}, fill=Fill.NEXT_OPEN)


@pytest.mark.parametrize(("first", "bought"), [(100, False), (260, False), (275, True)])
def test_a_jump_keeps_a_stock_out_for_a_year_from_its_own_day(first: int, bought: bool) -> None:
    lake = a_lake({"A": [10.0] * 2 + [30.0] * 300})
    assert day(270) == day(2) + timedelta(days=376)
    assert bool(trades(simulated(lake, {first: "A"}, ONE))) is bought


def test_the_end_of_a_run_that_began_before_the_first_signal_is_no_move() -> None:
    lake = a_lake({"A": [10.0] * 2 + [30.0] * 280 + [10.0] * 9})
    found = simulated(lake, {275: "A"}, ONE)
    assert found.nav["nav"].to_list() == [1000.0] * 16
