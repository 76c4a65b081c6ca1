"""What trades cost, of many portfolios at once: a row of numbers for each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from pipelines.research.arrays import Floats
from pipelines.research.rules import BASIS_POINTS, Rules


@dataclass(frozen=True)
class Costs:
    """The share of a trade's value, its least fee, and the share that is never less: by row.

    The others are what is left of a value, or comes on top of it.
    """

    share: Floats
    least: Floats
    spread: Floats
    has_least: bool
    with_spread: Floats
    with_all: Floats
    less_spread: Floats
    less_all: Floats

    @classmethod
    def of(cls, rules: Sequence[Rules]) -> Self:
        """Return the costs of portfolios, as columns that broadcast over stocks."""
        share = _column([r.cost_bps / BASIS_POINTS for r in rules])
        spread = _column([r.half_spread_bps / BASIS_POINTS for r in rules])
        return cls(
            share, _column([r.min_fee for r in rules]), spread,
            has_least=any(r.min_fee > 0 for r in rules),
            with_spread=1 + spread, with_all=1 + share + spread,
            less_spread=1 - spread, less_all=1 - share - spread,
        )  # fmt: skip

    def of_trade(self, value: Floats) -> Floats:
        """Return the cost of trades by their value; nothing for none."""
        cost = value * self.share
        if self.has_least:
            cost = np.where(value > 0, np.maximum(cost, self.least), 0.0)
        spent: Floats = cost + value * self.spread
        return spent

    def bought_for(self, amount: Floats) -> Floats:
        """Return the value that an amount buys with its cost; 0 where the fee eats it up."""
        whole: Floats = amount / self.with_all
        if not self.has_least:
            return whole
        return np.maximum(np.minimum(whole, (amount - self.least) / self.with_spread), 0.0)

    def sold_for(self, amount: Floats) -> Floats:
        """Return the value whose sale leaves an amount; 0 where the fee is no less than it."""
        whole: Floats = amount / self.less_all
        if not self.has_least:
            return whole
        sold = np.maximum(whole, (amount + self.least) / self.less_spread)
        return np.where(amount > self.least, sold, 0.0)


def _column(numbers: Sequence[float]) -> Floats:
    return np.array(numbers, dtype=np.float64)[:, None]
