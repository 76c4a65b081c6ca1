"""An amount over the first stocks of a ranking, with what it leaves out, and better amounts."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Final

from pipelines.research.money import NO_FEES, Fees, Lot, as_money
from pipelines.research.order_values import Order, Wish
from pipelines.research.orders import allocated
from pipelines.research.quotes import Quote

STEPS: Final = 150
"""How many larger amounts are tried, each by a hundredth of the amount more."""
MOST: Final = 3
"""How many better amounts are told."""
ROUND: Final = 100 * 100
"""Better amounts are in whole hundreds."""


@dataclass(frozen=True, slots=True)
class Part:
    """A stock of an allocation with what is bought of it, in hundredths.

    It is `too_expensive` where a share costs more than its part, whether it is bought or not.
    """

    quote: Quote
    shares: int
    value: int
    too_expensive: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Allocation:
    """An amount over stocks, best first; all in hundredths. `substitutes` are the next ones."""

    amount: int
    size: int
    parts: tuple[Part, ...]
    substitutes: tuple[Quote, ...]
    unpaid: tuple[str, ...]
    """Stocks that should be bought by all means, and cannot be paid."""
    costs: int

    @property
    def invested(self) -> int:
        """Return the value of what is bought."""
        return sum(part.value for part in self.parts)

    @property
    def cash_left(self) -> int:
        """Return the money after the purchases."""
        return self.amount - self.invested - self.costs

    def deviation(self, part: Part) -> Fraction:
        """Return how far a stock is from its equal part, in percent of the amount."""
        return Fraction(100 * part.value, self.amount) - Fraction(100, self.size)

    @property
    def max_deviation(self) -> Fraction:
        """Return the largest deviation of what is bought."""
        found = (abs(self.deviation(part)) for part in self.parts if part.shares)
        return max(found, default=Fraction(0))


def allocate(
    quotes: Mapping[str, Quote],
    amount: int,
    *,
    size: int = 10,
    excluded: Collection[str] = (),
    forced: Collection[str] = (),
    fees: Fees = NO_FEES,
) -> Allocation:
    """Return an amount, above 0 and in hundredths, over the first stocks that are not excluded.

    A stock of which one share costs more than its part is left out, with its part in cash; if it is
    forced, one share is bought.
    """
    left = {ticker: quote for ticker, quote in quotes.items() if ticker not in excluded}
    first = _first(left, size)
    dear = {q.ticker: q for q in first if q.hundredths > Fraction(amount, size)}
    bought, unpaid = _singles([q for ticker, q in dear.items() if ticker in forced], amount, fees)
    spent = sum(order.value + order.fee for order in bought)
    others = {quote.ticker: quote for quote in first if quote.ticker not in dear}
    cash = min(amount - spent, amount * (size - len(dear)) // size)
    rest = allocated(others, cash, Wish(size=size - len(dear), fees=fees)).buy if others else ()
    orders = {order.quote.ticker: order for order in (*bought, *rest)}
    return Allocation(
        amount=amount,
        size=size,
        parts=tuple(_part(quote, orders, dear) for quote in first),
        substitutes=tuple(_first(left, 2 * size)[size:]),
        unpaid=tuple(unpaid),
        costs=sum(order.fee for order in orders.values()),
    )


def _first(quotes: Mapping[str, Quote], count: int) -> list[Quote]:
    """Return the first stocks with a rank and a price."""
    ranked = [quote for quote in quotes.values() if quote.rank and quote.price is not None]
    return sorted(ranked, key=lambda quote: quote.rank or 0)[:count]


def _part(quote: Quote, orders: Mapping[str, Order], dear: Collection[str]) -> Part:
    order = orders.get(quote.ticker)
    shares, value = (order.shares, order.value) if order else (0, 0)
    return Part(quote, shares, value, quote.ticker in dear)


def _singles(wanted: Sequence[Quote], cash: int, fees: Fees) -> tuple[list[Order], list[str]]:
    """Return one share of each stock while there is money, and the stocks that cannot be paid."""
    bought, unpaid = list[Order](), list[str]()
    for quote in wanted:
        value = Lot(quote.ticker, 0, quote.hundredths).traded(1)
        fee = fees.of_trade(value)
        if value + fee > cash:
            unpaid.append(quote.ticker)
        else:
            cash -= value + fee
            bought.append(Order(quote, 1, value, "forced", fee))
    return bought, unpaid


# --------------------------------------------------------------------------- better amounts


def better_amounts(found: Allocation, fees: Fees = NO_FEES) -> list[tuple[int, Fraction]]:
    """Return larger amounts that come nearer to equal parts, each with its largest deviation.

    They are in hundredths, smallest first; each is better than those before it.
    """
    quotes = {part.quote.ticker: part.quote for part in found.parts}
    best, told = found.max_deviation, list[tuple[int, Fraction]]()
    if any(part.too_expensive for part in found.parts):
        best = Fraction(100, found.size)
    for amount in _amounts(found.amount):
        if len(told) == MOST:
            break
        other = allocate(quotes, amount, size=found.size, fees=fees)
        if other.max_deviation < best * Fraction(3, 4) and not _leaves_out(other):
            best = other.max_deviation
            told.append((amount, best))
    return told


def _amounts(amount: int) -> Iterator[int]:
    """Yield larger amounts in whole hundreds, up to two and a half times the amount."""
    steps = (amount + amount * step // 100 for step in range(1, STEPS + 1))
    yield from dict.fromkeys(ceil(one / ROUND) * ROUND for one in steps)


def _leaves_out(found: Allocation) -> bool:
    return any(not part.shares for part in found.parts)


def told_price(quote: Quote) -> float | None:
    """Return a price in the account's currency, rounded to the hundredth; None without one."""
    return None if quote.price is None else as_money(round(quote.hundredths))
