"""How many shares of each stock give all of them the same value, with the money that there is.

The level is the value that every stock is to have. The higher it is, the more money the purchases
take and the less the sales bring, so that the highest one that can be paid is found by halving.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from pipelines.research.money import Fees, Lot


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizing:
    """Stocks that are to have the same value, best first, and the money for it.

    `total` is the value of the whole portfolio of `count` stocks with its money: no stock is to
    have more than its part of it. `can_sell` is false where stocks are only bought. With
    `leaves_one`, the last share of a stock is not sold.
    """

    lots: Sequence[Lot]
    cash: int
    fees: Fees
    total: int
    count: int
    can_sell: bool = True
    leaves_one: bool = False

    def sized(self) -> tuple[int, list[int]]:
        """Return the level, and the shares of each stock; those held where they are near enough."""
        level, held = self.level(), [lot.shares for lot in self.lots]
        steady = self._steady(level)
        if steady is not None:
            return steady, held
        return level, self._rounded_up(level)

    def level(self) -> int:
        """Return the highest level that can be paid."""
        return _highest(self._can_be_paid, self.total // max(self.count, 1) + 1)

    def _can_be_paid(self, level: int) -> bool:
        numbers = [self._whole(lot, level) for lot in self.lots]
        trades = list(zip(self.lots, numbers, strict=True))
        fees = sum(self.fees.of_trade(lot.traded(to)) for lot, to in trades)
        left = self.cash + sum(lot.cash(to, self.fees) for lot, to in trades)
        return left >= 0 and level * self.count + fees <= self.total

    def _whole(self, lot: Lot, level: int) -> int:
        """Return the whole shares of a level; those held where the trade is not worth its fee."""
        to = max(floor(level / lot.price), self._least(lot))
        return lot.shares if lot.traded(to) <= self.fees.swallowed else to

    def _least(self, lot: Lot) -> int:
        if not self.can_sell:
            return lot.shares
        return min(lot.shares, 1) if self.leaves_one else 0

    # ------------------------------------------------------------------------- rounding up

    def _rounded_up(self, level: int) -> list[int]:
        """Return the shares of a level; one more of each stock that is nearer so, best first.

        A sale of one share is left undone before that. Both only as far as the money goes.
        """
        numbers = [self._whole(lot, level) for lot in self.lots]
        left = self.cash + sum(
            lot.cash(to, self.fees) for lot, to in zip(self.lots, numbers, strict=True)
        )
        for is_better in (self._spares_a_sale, self._is_nearer):
            for n, lot in enumerate(self.lots):
                more = numbers[n] + 1
                cost = lot.cash(numbers[n], self.fees) - lot.cash(more, self.fees)
                if is_better(lot, more, level) and cost <= left:
                    numbers[n], left = more, left - cost
        return numbers

    def _spares_a_sale(self, lot: Lot, more: int, level: int) -> bool:
        return more == lot.shares and (more - 1) * lot.price < level

    def _is_nearer(self, lot: Lot, more: int, level: int) -> bool:
        """Return true if a share more is nearer to the level, and its trade worth the fee."""
        is_worth_it = lot.traded(more) > self.fees.swallowed
        return is_worth_it and level > (more - Fraction(1, 2)) * lot.price

    # ------------------------------------------------------------------------------ steady

    def _steady(self, level: int) -> int | None:
        """Return a level near the highest one at which no trade is needed; None without one.

        At it every stock is within one share of the level, or the trade is not worth its fee, and
        no share more that can be paid is nearer. Near is what the fees of a trade in each stock
        come to, twice: a portfolio that was just brought to a level has paid them since.
        """
        fees = sum(self.fees.of_trade(max(level, ceil(lot.price))) for lot in self.lots)
        slack = 2 * fees // max(len(self.lots), 1) + 2
        lows = [self._lowest(lot) for lot in self.lots] if self.can_sell else []
        low = max(level - slack, *lows, 0)
        high = min([level + slack, *(self._highest(lot) for lot in self.lots)])
        return min(max(level, low), high) if low <= high else None

    def _lowest(self, lot: Lot) -> int:
        """Return the lowest level at which no share of a stock is sold."""
        unsold = ceil((self.fees.swallowed + 1) / lot.price) - 1
        if unsold >= 1:
            return ceil((lot.shares - unsold) * lot.price)
        return floor((lot.shares - 1) * lot.price) + 1

    def _highest(self, lot: Lot) -> int:
        """Return the highest level at which no share of a stock is bought."""
        cost = -lot.cash(lot.shares + 1, self.fees)
        if lot.traded(lot.shares + 1) > self.fees.swallowed and cost <= self.cash:
            return floor((lot.shares + Fraction(1, 2)) * lot.price)
        return ceil((lot.shares + floor(self.fees.swallowed / lot.price) + 1) * lot.price) - 1


def _highest(holds: Callable[[int], bool], above: int) -> int:
    """Return a number from 0 to below another for which a test holds, while not for the next."""
    low, high = 0, above
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
