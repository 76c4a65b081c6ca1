"""Portfolios over literal markets: what is traded when, at which price, and what it is worth."""

from dataclasses import replace
from datetime import timedelta

import pytest
from polars.testing import assert_frame_equal

from pipelines.research.rules import Fill, Weighting
from tests.unit.research.markets import FREE, START, a_lake, day, navs, simulated, trades

SOLD = "sell"


def test_a_signal_is_traded_at_the_next_close_and_not_at_its_own() -> None:
    lake = a_lake({"A": [10, 20, 40], "B": [10, 10, 5]})
    found = simulated(lake, {0: "AB"})
    assert trades(found) == [
        (day(1), "A", "buy", 25.0, 20.0, "entered"),
        (day(1), "B", "buy", 50.0, 10.0, "entered"),
    ]
    assert navs(found) == [1000.0, 1000.0, 1250.0]


def test_the_next_open_where_it_is_asked_for() -> None:
    lake = a_lake({"A": [10, 20, 40]})
    rows = lake.datasets["prices"].with_columns(open=lake.datasets["prices"]["close"] / 2)
    lake.datasets |= {"prices": rows}
    found = simulated(lake, {0: "A"}, replace(FREE, size=1), fill=Fill.NEXT_OPEN)
    assert trades(found) == [(day(1), "A", "buy", 100.0, 10.0, "entered")]
    assert navs(found) == [1000.0, 2000.0, 4000.0]


def test_equal_weights_come_back_at_each_rebalance() -> None:
    lake = a_lake({"A": [10, 10, 20, 20], "B": [10, 10, 10, 10]})
    found = simulated(lake, {0: "AB", 2: "AB"})
    assert trades(found)[2:] == [
        (day(3), "A", SOLD, 12.5, 20.0, "rebalanced"),
        (day(3), "B", "buy", 25.0, 10.0, "rebalanced"),
    ]
    assert navs(found) == [1000.0, 1000.0, 1500.0, 1500.0]


def test_with_drift_only_what_is_sold_is_bought_anew() -> None:
    lake = a_lake({"A": [10, 10, 30, 30], "B": [10, 10, 10, 10], "C": [10, 10, 10, 10]})
    found = simulated(lake, {0: "AB", 2: "AC"}, replace(FREE, weighting=Weighting.DRIFT))
    assert trades(found)[2:] == [
        (day(3), "B", SOLD, 50.0, 10.0, "left_ranking"),
        (day(3), "C", "buy", 50.0, 10.0, "entered"),
    ]


def test_a_stock_in_the_band_is_kept_and_one_outside_is_sold() -> None:
    lake = a_lake({t: [10, 10, 10, 10, 10] for t in "ABCD"})
    rules = replace(FREE, sell_rank=3)
    kept = simulated(lake, {0: "AB", 2: "CAB"}, rules)
    assert [row[1] for row in trades(kept)] == ["A", "B"]
    sold = simulated(lake, {0: "AB", 2: "CDAB"}, rules)
    assert trades(sold)[2:] == [
        (day(3), "B", SOLD, 50.0, 10.0, "left_band"),
        (day(3), "C", "buy", 50.0, 10.0, "entered"),
    ]


def test_more_held_stocks_in_the_band_than_places_leave_by_rank() -> None:
    """A size that shrinks cannot be asked for; ranks that tie at the sell rank can."""
    lake = a_lake({t: [10] * 5 for t in "ABC"})
    found = simulated(lake, {0: "AB", 2: "BCA"}, replace(FREE, buy_rank=2, sell_rank=2))
    assert [row[1:3] for row in trades(found)[2:]] == [("A", SOLD), ("C", "buy")]


def test_costs_come_out_of_the_amount_of_each_trade() -> None:
    lake = a_lake({"A": [10, 10, 10]})
    rules = replace(FREE, size=1, cost_bps=100.0, half_spread_bps=150.0)
    found = simulated(lake, {0: "A"}, rules)
    value = 1000 / 1.025
    assert found.ledger.select("shares", "cost", "cash_after").row(0) == pytest.approx(
        (value / 10, value * 0.025, 0.0)
    )
    assert navs(found) == pytest.approx([1000.0, value, value])


def test_a_fee_is_the_least_that_a_trade_costs_and_too_small_trades_are_left() -> None:
    lake = a_lake({"A": [10, 10, 10.2, 10.2], "B": [10, 10, 10, 10]})
    rules = replace(FREE, min_fee=20.0)
    found = simulated(lake, {0: "AB", 2: "AB"}, rules)
    assert found.ledger["cost"].to_list() == [20.0, 20.0]
    assert navs(found) == pytest.approx([1000.0, 960.0, 969.6, 969.6])


def test_money_that_a_fee_kept_from_being_raised_is_not_spent() -> None:
    """A trim that is smaller than its fee is left, so purchases share what is there."""
    lake = a_lake({"A": [10, 10, 12, 12], "B": [10, 10, 12, 12], "C": [10, 10, 1, 1]})
    rules = replace(FREE, size=3, buy_rank=3, sell_rank=3, capital=300.0, min_fee=30.0)
    found = simulated(lake, {0: "ABC", 2: "ABC"}, rules)
    assert found.nav["cash"].to_list() == pytest.approx([300.0, 0.0, 0.0, 0.0])


def test_a_sale_costs_no_more_than_it_brings() -> None:
    lake = a_lake({"A": [10, 10, 10, 10], "B": [10, 10, 10, 10]})
    rules = replace(FREE, size=1, capital=25.0, min_fee=15.0)
    found = simulated(lake, {0: "A", 2: "B"}, rules)
    assert found.ledger.select("shares", "cost", "cash_after").rows() == [
        (1.0, 15.0, 0.0),
        (1.0, 10.0, 0.0),
    ]


def test_whole_shares_leave_the_rest_in_cash() -> None:
    lake = a_lake({"A": [30, 30, 30, 30, 35], "B": [70, 70, 70, 140, 140]})
    found = simulated(lake, {0: "AB", 3: "AB"}, replace(FREE, whole_shares=True))
    shares = [(row[1], row[2], row[3]) for row in trades(found)]
    assert shares[:2] == [("A", "buy", 16.0), ("B", "buy", 7.0)]
    # 1570 / 2 buys 22 of A at 35, and leaves 5 of B at 140.
    assert shares[2:] == [("B", SOLD, 2.0), ("A", "buy", 6.0)]
    assert found.nav["cash"].to_list() == pytest.approx([1000.0, 30.0, 30.0, 30.0, 100.0])


def test_a_stock_without_a_close_is_worth_its_last_one() -> None:
    lake = a_lake({"A": [10, 10, None, 20], "B": [10, 10, 10, 10]})
    assert navs(simulated(lake, {0: "A"}, replace(FREE, size=1))) == [1000.0, 1000.0, 1000.0, 2000]


def test_a_purchase_waits_for_the_first_close() -> None:
    lake = a_lake({"A": [10, None, None, 20, 40], "B": [10, 10, 10, 10, 10]})
    found = simulated(lake, {0: "AB"})
    assert trades(found) == [
        (day(1), "B", "buy", 50.0, 10.0, "entered"),
        (day(3), "A", "buy", 25.0, 20.0, "entered"),
    ]
    assert navs(found)[-1] == 1500.0


def test_after_ten_days_without_a_close_the_next_rank_takes_its_place_at_its_next_close() -> None:
    """The signal is of Tuesday 2 January, so that Monday 15 January is the first day too late."""
    lake = a_lake({"A": [10] + 20 * [None] + [10], "B": [10] * 22, "C": [10] * 22})
    found = simulated(lake, {0: "ABC"})
    late = day(9)
    assert late == START + timedelta(days=13)
    assert trades(found) == [
        (day(1), "B", "buy", 50.0, 10.0, "entered"),
        (late + timedelta(days=1), "C", "buy", 50.0, 10.0, "entered"),
    ]
    assert found.ledger["rank"].to_list() == [2, 3]


def test_a_close_on_the_tenth_day_is_in_time() -> None:
    lake = a_lake({"A": [10] + 7 * [None] + [10] * 3, "B": [10] * 11, "C": [10] * 11})
    found = simulated(lake, {0: "ABC"})
    assert trades(found)[1] == (day(8), "A", "buy", 50.0, 10.0, "entered")
    assert day(8) == START + timedelta(days=10)


def test_without_a_next_rank_the_money_stays_in_cash() -> None:
    lake = a_lake({"A": [10] + 20 * [None] + [10], "B": [10] * 22})
    found = simulated(lake, {0: "AB"})
    assert [row[1] for row in trades(found)] == ["B"]
    assert found.nav["cash"].to_list()[-1] == 500.0


def test_a_sale_that_is_due_waits_for_the_first_close() -> None:
    lake = a_lake({"A": [10, 10, 10, None, 5, 5], "B": [10] * 6, "C": [10] * 6})
    found = simulated(lake, {0: "AB", 2: "BC"})
    assert trades(found)[2:] == [
        # 500 are in A, which cannot be sold: B and C share what is left.
        (day(3), "B", SOLD, 25.0, 10.0, "rebalanced"),
        (day(3), "C", "buy", 25.0, 10.0, "entered"),
        (day(4), "A", SOLD, 50.0, 5.0, "left_ranking"),
    ]
    assert found.nav["cash"].to_list()[-1] == 250.0


def test_after_sixty_trading_days_without_a_close_a_stock_is_delisted() -> None:
    lake = a_lake({"A": [10, 10, 8] + 70 * [None], "B": [10] * 73})
    whole, half = simulated(lake, {0: "AB"}), replace(FREE, delisting_factor=0.5)
    assert trades(whole)[2:] == [(day(62), "A", SOLD, 50.0, 8.0, "delisted")]
    assert navs(whole)[-1] == 900.0
    assert navs(simulated(lake, {0: "AB"}, half))[61:63] == [900.0, 700.0]


def test_a_close_on_the_sixtieth_day_keeps_a_stock() -> None:
    lake = a_lake({"A": [10, 10, 8] + 59 * [None] + [8], "B": [10] * 63})
    assert len(trades(simulated(lake, {0: "AB"}))) == 2


def test_a_split_changes_the_shares_and_no_value() -> None:
    splits = [{"ticker": "A", "date": day(3), "ratio": 4.0}]
    lake = a_lake({"A": [10, 10, 12, 3, 3, 3], "B": [10] * 6}, splits=splits)
    found = simulated(lake, {0: "AB", 4: "B"}, replace(FREE, size=2))
    assert navs(found) == [1000.0, 1000.0, 1100.0, 1100.0, 1100.0, 1100.0]
    assert trades(found)[2] == (day(5), "A", SOLD, 200.0, 3.0, "left_ranking")


def test_a_jump_up_that_nothing_explains_is_no_move_and_one_down_is_a_loss() -> None:
    lake = a_lake({"A": [10, 10, 100, 110], "B": [10, 10, 1, 1]})
    found = simulated(lake, {0: "AB"})
    assert navs(found) == pytest.approx([1000.0, 1000.0, 550.0, 600.0])


def test_a_run_that_reverts_is_no_move_in_the_end() -> None:
    lake = a_lake({"A": [10, 10, 100, 100, 11], "B": [10, 10, 1, 1, 11]})
    found = simulated(lake, {0: "AB"})
    assert navs(found) == pytest.approx([1000.0, 1000.0, 550.0, 550.0, 1100.0])


def test_nothing_is_bought_at_a_jump() -> None:
    lake = a_lake({"A": [10, 1, 1, 10], "B": [10, 10, 10, 10]})
    found = simulated(lake, {0: "AB"})
    assert trades(found) == [
        (day(1), "B", "buy", 50.0, 10.0, "entered"),
        (day(3), "A", "buy", 50.0, 10.0, "entered"),
    ]


def test_dividends_are_cash_on_the_ex_date_until_the_next_rebalance() -> None:
    dividends = [{"ticker": "A", "ex_date": day(2), "amount": 2.0}]
    lake = a_lake({"A": [10, 10, 8, 8, 8], "B": [10] * 5}, dividends=dividends)
    found = simulated(lake, {0: "AB", 3: "AB"})
    assert navs(found) == [1000.0] * 5
    assert found.nav["cash"].to_list() == [1000.0, 0.0, 100.0, 100.0, 0.0]
    assert trades(found)[2] == (day(2), "A", "dividend", 50.0, 2.0, "dividend")


def test_a_stock_that_is_bought_on_the_ex_date_gets_no_dividend() -> None:
    dividends = [{"ticker": "A", "ex_date": day(1), "amount": 2.0}]
    lake = a_lake({"A": [10, 10, 10]}, dividends=dividends)
    assert navs(simulated(lake, {0: "A"}, replace(FREE, size=1))) == [1000.0] * 3


def test_a_dividend_before_a_split_is_for_the_shares_of_its_day() -> None:
    """Whether the closes are raw, or were adjusted by the vendor later, or end before the split."""
    dividends = [{"ticker": "A", "ex_date": day(2), "amount": 4.0}]
    splits = [{"ticker": "A", "date": day(3), "ratio": 4.0}]
    rules = replace(FREE, size=1)
    raw = a_lake({"A": [40, 40, 36, 9]}, dividends=dividends, splits=splits)
    adjusted = a_lake({"A": [10, 10, 9, 9]}, dividends=dividends, splits=splits)
    of_then = a_lake({"A": [40, 40, 36]}, dividends=dividends, splits=[])
    for lake, days in ((raw, 4), (adjusted, 4), (of_then, 3)):
        assert navs(simulated(lake, {0: "A"}, rules)) == [1000.0] * days


def test_constant_prices_and_a_moving_rate_give_the_return_of_the_rate() -> None:
    rates = [{"currency": "EUR", "date": day(n), "rate": 10.0 + n} for n in range(4)]
    lake = a_lake({"A": [10, 10, 10, 10]}, rates=rates, A="EUR")
    rules = replace(FREE, size=1)
    found = navs(simulated(lake, {0: "A"}, rules, currency="SEK"))
    assert found == pytest.approx([1000.0, 1000.0, 1000 * 12 / 11, 1000 * 13 / 11], rel=1e-14)
    assert navs(simulated(lake, {0: "A"}, rules)) == [1000.0] * 4


def test_a_stock_without_a_rate_is_not_bought() -> None:
    lake = a_lake({"A": [10, 10, 10, 10], "B": [10] * 4}, A="USD")
    found = simulated(lake, {0: "AB"}, currency="SEK")
    assert [row[1] for row in trades(found)] == ["B"]


def test_the_turnover_is_half_of_the_change_of_weights() -> None:
    lake = a_lake({"A": [10, 10, 20, 20], "B": [10, 10, 10, 10]})
    flows = simulated(lake, {0: "AB", 2: "AB"}).flows
    assert flows["date"].to_list() == [day(1), day(3)]
    assert flows["turnover"].to_list() == pytest.approx([0.5, 1 / 6])


def test_what_is_computed_beside_a_portfolio_changes_no_bit_of_it() -> None:
    closes = {t: [10 + n / 7 * k for n in range(9)] for k, t in enumerate("ABCDE")}
    by_day = {0: "ABCDE", 2: "CDEBA", 4: "EDCBA", 6: "BACDE"}
    rules = replace(FREE, cost_bps=13.0)
    others = [replace(rules, size=n, buy_rank=n, sell_rank=n + 1) for n in (1, 3, 4)]
    alone = simulated(a_lake(closes), by_day, rules)
    beside = simulated(a_lake(closes), by_day, rules, *others)
    assert_frame_equal(alone.nav, beside.nav.filter(strategy="s"), check_exact=True)


def test_a_signal_on_the_last_day_is_not_traded() -> None:
    found = simulated(a_lake({"A": [10, 10]}), {1: "A"}, replace(FREE, size=1))
    assert (trades(found), navs(found)) == ([], [1000.0])
