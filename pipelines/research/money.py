"""Money in whole hundredths of the account's currency, and what a trade costs in it.

A purchase is rounded up to the hundredth, a sale down: amounts that are added are never short.
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Final

from pipelines.errors import WrongUsage
from pipelines.research.rules import BASIS_POINTS

HUNDREDTHS: Final = 100
MOST: Final = Decimal(10) ** 13
"""An amount that no account holds."""


def hundredths(amount: Decimal | float, name: str) -> int:
    """Return an amount in hundredths; `WrongUsage` for one below 0, too large, or finer."""
    exact = amount if isinstance(amount, Decimal) else Decimal(str(amount))
    if not exact.is_finite() or not 0 <= exact < MOST:
        raise WrongUsage(f"{name} = {amount} is no amount; give 0 or more, and less than {MOST:f}")
    whole = exact * HUNDREDTHS
    if whole != whole.to_integral_value():
        raise WrongUsage(f"{name} = {amount} is finer than a hundredth; give two decimals at most")
    return int(whole)


def as_money(whole: int) -> float:
    """Return hundredths as an amount."""
    return whole / HUNDREDTHS


@dataclass(frozen=True, slots=True)
class Fees:
    """What a trade costs: a share of its value, and never less than a least fee in hundredths."""

    share: Fraction = Fraction(0)
    least: int = 0

    @classmethod
    def of(cls, cost_bps: Decimal | float, min_fee: Decimal | float) -> "Fees":
        """Return the fees of a share in basis points and a least amount."""
        points = Fraction(str(cost_bps)) if Decimal(str(cost_bps)).is_finite() else Fraction(-1)
        if not 0 <= points < BASIS_POINTS:
            told = f"give 0 or more, and less than {BASIS_POINTS:g}"
            raise WrongUsage(f"cost_bps = {cost_bps} is no cost in basis points; {told}")
        return cls(points / int(BASIS_POINTS), hundredths(min_fee, "min_fee"))

    def of_trade(self, value: int) -> int:
        """Return the fee of a trade by its value, rounded up; nothing for none."""
        return max(ceil(value * self.share), self.least) if value else 0

    @property
    def swallowed(self) -> int:
        """Return the largest value that is no more than its fee: such a trade is not done."""
        return max(self.least, ceil(1 / (1 - self.share)) - 1)


NO_FEES: Final = Fees()


@dataclass(frozen=True, slots=True)
class Lot:
    """Shares of a stock that a portfolio is to hold, and the price of one in hundredths."""

    ticker: str
    shares: int
    price: Fraction

    def worth(self, shares: int | None = None) -> int:
        """Return the value of a number of shares, of those held by default."""
        return floor((self.shares if shares is None else shares) * self.price)

    def traded(self, to: int) -> int:
        """Return the value of the trade to a number of shares."""
        if to > self.shares:
            return ceil((to - self.shares) * self.price)
        return floor((self.shares - to) * self.price)

    def cash(self, to: int, fees: Fees) -> int:
        """Return what the trade to a number of shares brings, below 0 for what it takes."""
        value = self.traded(to)
        return (value if to < self.shares else -value) - fees.of_trade(value)
