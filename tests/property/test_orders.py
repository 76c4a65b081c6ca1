"""Orders of random portfolios add up, whatever is held: checked in fractions, by plain Python.

Holdings may be unknown, without a price, suspect or in another currency; cash may be tiny, prices
huge. `STOCKRANK_PORTFOLIOS=100000` draws as many in the slow part.
"""

import os
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from random import Random
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.research import Fees, Holding, Mode, Orders, Quote, Wish, orders_for

SLOW: Final = int(os.environ.get("STOCKRANK_PORTFOLIOS", "2000"))
RATES: Final = {"SEK": Fraction(1), "NOK": Fraction("1.0123"), "XXX": None}
OUT: Final = ("inactive", "suspect_price", "no_momentum", "outside_best_40_percent", "financial")
KEPT: Final = ("inactive", "suspect_price", "no_momentum")

Case = tuple[dict[str, Quote], list[Holding], int, Wish, Fraction, int]


def price_of(random: Random) -> Decimal:
    high = random.choice([1, 500, 500, 50_000])
    drawn = Decimal(str(random.choice([random.uniform(high / 500, high), 1, 10, 100])))
    return max(drawn.quantize(Decimal("0.0001")), Decimal("0.0001"))


def case_of(random: Random) -> Case:
    quotes, ranked = {}, 0
    for n in range(random.randint(1, 30)):
        out = None if random.random() < 0.8 else random.choice(OUT)
        ranked += out is None
        currency = random.choice(["SEK"] * 5 + ["NOK", "XXX"])
        quotes[f"S{n:02}"] = Quote(
            ticker=f"S{n:02}", rank=None if out else ranked, excluded_by=out,
            close=None if out == "inactive" else price_of(random), currency=currency,
            rate=RATES[currency],
        )  # fmt: skip
    held = [
        Holding(f"S{random.randint(0, 32):02}", random.choice(
            [0, 1, 2, random.randint(0, 100), random.randint(0, 100_000)]
        ))
        for _ in range(random.randint(0, 15))
    ]  # fmt: skip
    cash = random.choice([0, *(random.randint(0, 10**n) for n in (3, 7, 9))])
    buy, points = random.randint(1, 12), random.choice([0, 0, 5, 25, 100, 4000])
    least = random.choice([0, 0, 1, 39, 99, 500])
    wish = Wish(
        mode=random.choice([*Mode]), size=random.randint(1, 12), buy_rank=buy,
        sell_rank=buy + random.randint(0, 12), tolerance=random.choice([0, 0.01, 0.02, 0.05]),
        fees=Fees.of(points, least),
    )  # fmt: skip
    return quotes, held, cash, wish, Fraction(points, 10_000), 100 * least


def check(case: Case) -> None:
    quotes, held, cash, wish, share, least = case
    found = orders_for(quotes, held, cash, wish)
    before: dict[str, int] = {}
    for holding in held:
        before[holding.ticker] = before.get(holding.ticker, 0) + holding.shares
    before = {ticker: shares for ticker, shares in before.items() if shares}

    unpriced = {one.ticker: one.shares for one in found.kept_unpriced}
    assert unpriced == {t: n for t, n in before.items() if not has_price(quotes.get(t))}
    check_shares(found, before, unpriced)
    check_money(found, cash, share, least)
    if wish.mode is Mode.ADD_CASH:
        assert not found.sell
    check_weights(found, quotes, wish, before, least)

    again = orders_for(quotes, found.holdings, found.cash_left, wish)
    assert (again.sell, again.buy) == ((), ())
    assert again.holdings == found.holdings


def has_price(quote: Quote | None) -> bool:
    return quote is not None and quote.excluded_by not in KEPT and quote.currency != "XXX"


def check_shares(found: Orders, before: Mapping[str, int], unpriced: Mapping[str, int]) -> None:
    """Shares are whole, above 0, and what is kept and sold of a stock is what was held."""
    lines = (*found.keep, *found.sell, *found.buy)
    assert all(isinstance(line.shares, int) and line.shares > 0 for line in lines)
    after: dict[str, int] = dict(unpriced)
    for line in (*found.keep, *found.sell):
        ticker = line.quote.ticker
        after[ticker] = after.get(ticker, 0) + line.shares
    assert after == before
    assert not {s.quote.ticker for s in found.sell} & {b.quote.ticker for b in found.buy}


def check_money(found: Orders, cash: int, share: Fraction, least: int) -> None:
    """Every value and fee is that of the price to the hundredth, and none is left unpaid."""
    left = cash
    for sign, round_, lines in ((1, floor, found.sell), (-1, ceil, found.buy)):
        for line in lines:
            price = Fraction(line.quote.close or 0) * (RATES[line.quote.currency or ""] or 0)
            assert line.value == round_(line.shares * price * 100)
            assert line.fee == max(ceil(line.value * share), least) < line.value
            left += sign * line.value - line.fee
    assert left == found.cash_left >= 0
    assert found.purchases + found.costs <= cash + found.sales


def check_weights(
    found: Orders, quotes: Mapping[str, Quote], wish: Wish, before: Mapping[str, int], least: int
) -> None:
    """What is wanted is within one share of the target; a trade that its fee eats up is not done.

    In `add_cash` only what is below the target counts, in `fix_drift` what is traded.
    """
    after = {one.ticker: one.shares for one in found.holdings}
    wanted = {line.quote.ticker for line in found.keep if line.reason.startswith("inside")}
    wanted |= {line.quote.ticker for line in found.buy} | {n.ticker for n in found.not_bought}
    if wish.mode is Mode.FIX_DRIFT:
        traded = {line.quote.ticker for line in (*found.sell, *found.buy)}
        assert traded <= before.keys()
        wanted &= traded
    for ticker in wanted:
        price = quotes[ticker].hundredths
        off = after.get(ticker, 0) * price - found.target
        assert off > -price - least - 1
        assert wish.mode is Mode.ADD_CASH or off < price + least + 1


@given(seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_orders_add_up(seed: int) -> None:
    check(case_of(Random(seed)))


@pytest.mark.slow
def test_orders_of_many_portfolios_add_up() -> None:
    for seed in range(SLOW):
        check(case_of(Random(seed)))
