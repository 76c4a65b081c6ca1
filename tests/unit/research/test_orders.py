"""Orders by hand: who goes, stays and comes, in whole shares, to the öre."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from pipelines.errors import WrongUsage
from pipelines.research import Fees, Holding, Mode, Orders, Quote, Wish, allocated, orders_for
from pipelines.research.costs import Costs
from pipelines.research.money import hundredths
from pipelines.research.rules import Rules

FREE = Fees()


def market(*closes: object, **others: Quote) -> dict[str, Quote]:
    """Stocks A, B, C… of rank 1, 2, 3… at their closes, and others."""
    ranked = {
        ticker: Quote(
            ticker=ticker, rank=rank, close=Decimal(str(close)), currency="SEK", rate=Fraction(1)
        )
        for rank, (ticker, close) in enumerate(zip("ABCDEFGHIJ", closes, strict=False), 1)
    }
    return ranked | others


def out(ticker: str, reason: str, close: object = 10) -> Quote:
    return Quote(
        ticker=ticker, excluded_by=reason, close=Decimal(str(close)), currency="SEK",
        rate=Fraction(1),
    )  # fmt: skip


def held(**shares: int) -> list[Holding]:
    return [Holding(ticker, n) for ticker, n in shares.items()]


def told(found: Orders) -> dict[str, list[tuple[str, int, str]]]:
    return {
        name: [(o.quote.ticker, o.shares, o.reason) for o in getattr(found, name)]
        for name in ("keep", "sell", "buy")
    }


# ------------------------------------------------------------------------------- rebalance


def test_what_left_the_band_pays_for_what_comes() -> None:
    wish = Wish(size=2, buy_rank=2, sell_rank=3)
    found = orders_for(market(10, 20, 5, 8), held(C=100, D=50), 0, wish)
    assert told(found) == {
        "keep": [("C", 90, "inside_rank_3")],
        "sell": [("C", 10, "above_target"), ("D", 50, "outside_rank_3")],
        "buy": [("A", 45, "inside_rank_2")],
    }
    assert (found.sales, found.purchases, found.cash_left) == (45000, 45000, 0)


def test_fees_are_paid_out_of_the_same_money() -> None:
    """Of 1,000 kr 8 shares of 124 kr are not bought, for each of the two trades costs 5 kr."""
    found = orders_for(market(124, 124), [], 100_000, Wish(size=2, fees=Fees.of(0, 5)))
    assert told(found)["buy"] == [("A", 4, "inside_rank_10"), ("B", 3, "inside_rank_10")]
    assert (found.costs, found.cash_left) == (1000, 100_000 - 7 * 12_400 - 1000)


def test_a_hundredth_decides() -> None:
    """Two shares of 499.98 kr with fees of 0.02 kr are 1,000 kr; an öre less buys one."""
    wish = Wish(size=2, fees=Fees.of(0, 0.02))
    rich = orders_for(market(499.98, 499.98), [], 100_000, wish)
    assert [o.quote.ticker for o in rich.buy] == ["A", "B"]
    assert rich.cash_left == 0
    poor = orders_for(market(499.98, 499.98), [], 99_999, wish)
    assert [o.quote.ticker for o in poor.buy] == ["A"]


def test_a_share_that_costs_more_than_its_part_is_named() -> None:
    found = orders_for(market(90, 5000), [], 100_000, Wish(size=2))
    assert told(found)["buy"] == [("A", 6, "inside_rank_10")]
    assert [(n.ticker, n.reason) for n in found.not_bought] == [("B", "too_expensive")]


def test_a_kept_stock_of_which_its_part_buys_no_share_makes_room() -> None:
    wish = Wish(size=2, buy_rank=2, sell_rank=3)
    found = orders_for(market(10, 10, 900), held(C=1), 0, wish)
    assert told(found) == {
        "keep": [],
        "sell": [("C", 1, "too_expensive")],
        "buy": [("A", 45, "inside_rank_2"), ("B", 45, "inside_rank_2")],
    }


def test_what_is_not_worth_its_fee_stays() -> None:
    wish = Wish(size=1, buy_rank=1, sell_rank=1, fees=Fees.of(0, 39))
    found = orders_for(market(100, 1), held(B=39), 0, wish)
    assert told(found) == {"keep": [("B", 39, "fee_above_value")], "sell": [], "buy": []}
    sold = orders_for(market(100, 1), held(B=40), 0, wish)
    assert (told(sold)["sell"], sold.cash_left) == ([("B", 40, "outside_rank_1")], 100)


def test_weights_that_are_within_one_share_are_left() -> None:
    found = orders_for(market(100, 100), held(A=10, B=11), 0, Wish(size=2))
    assert told(found)["keep"] == [("A", 10, "inside_rank_20"), ("B", 11, "inside_rank_20")]
    assert (found.sell, found.buy) == ((), ())


# ------------------------------------------------------------- what has no price to rely on


@pytest.mark.parametrize(
    ("quote", "reason"),
    [
        (None, "unknown_ticker"),
        (Quote(ticker="X", excluded_by="inactive", currency="SEK", rate=Fraction(1)), "inactive"),
        (out("X", "suspect_price"), "suspect_price"),
        (out("X", "no_momentum"), "no_momentum"),
        (out("X", "no_market_cap"), "no_market_cap"),
        (Quote(ticker="X", rank=3, close=Decimal(10), currency="DKK"), "no_rate"),
        (Quote(ticker="X", rank=3, close=Decimal(10)), "no_currency"),
        (Quote(ticker="X", excluded_by="financial", currency="SEK"), "no_price"),
    ],
)
@pytest.mark.parametrize("mode", [*Mode])
def test_what_cannot_be_priced_or_ranked_is_kept_and_named(
    quote: Quote | None, reason: str, mode: Mode
) -> None:
    others = {} if quote is None else {"X": quote}
    found = orders_for(market(10, 10, **others), held(X=7), 10_000, Wish(size=2, mode=mode))
    assert [(n.ticker, n.shares, n.reason) for n in found.kept_unpriced] == [("X", 7, reason)]
    assert "X" not in [o.quote.ticker for o in (*found.keep, *found.sell, *found.buy)]
    if mode is not Mode.FIX_DRIFT:
        assert told(found)["buy"] == [("A", 5, "inside_rank_10"), ("B", 5, "inside_rank_10")]


@pytest.mark.parametrize("reason", ["below_market_cap", "low_f_score", "outside_best_40_percent"])
def test_what_fails_a_rule_is_sold(reason: str) -> None:
    found = orders_for(market(10, X=out("X", reason)), held(X=7), 0, Wish(size=1))
    assert told(found)["sell"] == [("X", 7, reason)]


def test_another_currency_counts_at_the_rate_of_the_day() -> None:
    """8 shares at 9.99 euro at 11.123 kr are 888.95016 kr, which cost 888.96."""
    euro = Quote(ticker="E", rank=2, close=Decimal("9.99"), currency="EUR", rate=Fraction("11.123"))
    found = orders_for(market(100, E=euro), [], 200_000, Wish(size=2))
    assert [(o.quote.ticker, o.shares, o.value) for o in found.buy] == [
        ("A", 10, 100_000), ("E", 8, 88_896)
    ]  # fmt: skip


# ------------------------------------------------------------------- add_cash and fix_drift


def test_add_cash_sells_nothing() -> None:
    """The poorest is filled up first; what left the band is kept, and says why."""
    wish = Wish(mode=Mode.ADD_CASH, size=2, buy_rank=2, sell_rank=2)
    found = orders_for(market(10, 10, 10), held(A=80, B=20, C=5), 50_000, wish)
    assert told(found) == {
        "keep": [("A", 80, "inside_rank_2"), ("B", 20, "inside_rank_2"),
                 ("C", 5, "outside_rank_2")],
        "sell": [],
        "buy": [("B", 50, "below_target")],
    }  # fmt: skip


def test_fix_drift_trades_what_is_beyond_the_tolerance() -> None:
    wish = Wish(mode=Mode.FIX_DRIFT, size=4, tolerance=0.05)
    found = orders_for(market(10, 10, 10, 10), held(A=40, B=26, C=24, D=10), 0, wish)
    assert told(found)["sell"] == [("A", 15, "above_target")]
    assert told(found)["buy"] == [("D", 15, "below_target")]
    near = orders_for(market(10, 10, 10, 10), held(A=30, B=26, C=24, D=20), 0, wish)
    assert (near.sell, near.buy) == ((), ())


def test_fix_drift_neither_sells_by_rank_nor_buys_new_stocks() -> None:
    wish = Wish(mode=Mode.FIX_DRIFT, size=2, buy_rank=2, sell_rank=2, tolerance=0.05)
    found = orders_for(market(10, 10, 10), held(A=10, C=90), 0, wish)
    assert told(found) == {
        "keep": [("A", 10, "inside_rank_2"), ("C", 90, "outside_rank_2")], "sell": [], "buy": [],
    }  # fmt: skip


def test_an_amount_is_put_into_the_first_of_a_ranking() -> None:
    found = allocated(market(10, 20, 40, 80), 30_000, Wish(size=3, buy_rank=3, sell_rank=3))
    assert [(o.quote.ticker, o.shares) for o in found.buy] == [("A", 10), ("B", 5), ("C", 2)]
    assert found.cash_left == 2_000


# --------------------------------------------------------------------- money and its errors


def test_a_trade_costs_what_it_costs_in_a_backtest() -> None:
    """To the öre, rounded up."""
    costs = Costs.of([Rules(cost_bps=25, min_fee=39)])
    fees = Fees.of(25, 39)
    for value in (1, 3900, 1_560_000, 1_560_001, 123_456_789):
        found = costs.of_trade(np.array([[value / 100]]))[0, 0] * 100
        assert 0 <= fees.of_trade(value) - found < 1 + 1e-6
    assert fees.of_trade(0) == 0


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (lambda: hundredths(Decimal("1.001"), "cash"), "cash = 1.001 is finer than a hundredth"),
        (lambda: hundredths(Decimal(-1), "cash"), "cash = -1 is no amount; give 0 or more"),
        (lambda: hundredths(float("nan"), "cash"), "cash = nan is no amount"),
        (lambda: Fees.of(-1, 0), "cost_bps = -1 is no cost in basis points"),
        (lambda: Fees.of(10_000, 0), "cost_bps = 10000 is no cost in basis points"),
        (lambda: Fees.of(0, -1), "min_fee = -1 is no amount"),
        (lambda: Wish(buy_rank=5, sell_rank=4), "the sell rank 4 is above the buy rank 5"),
        (lambda: Wish(size=0), "a portfolio of no stock holds nothing"),
        (lambda: Wish(tolerance=1.0), "a tolerance of 1 is none"),
        (lambda: orders_for({}, held(A=-1), 0, Wish()), "-1 shares of 'A' cannot be"),
        (lambda: orders_for({}, [], -1, Wish()), "cash = -0.01 is below 0"),
    ],
)
def test_an_error_names_the_value_and_the_remedy(call: object, what: str) -> None:
    assert callable(call)
    with pytest.raises(WrongUsage) as error:
        call()
    assert what in str(error.value)
