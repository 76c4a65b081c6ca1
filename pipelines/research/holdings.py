"""What portfolios hold on a day, side by side: a row of each array is a portfolio."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from pipelines.research.arrays import Flags, Floats, Numbers, columns_with
from pipelines.research.rules import Rules


@dataclass
class Holdings:
    """The cash and the units of portfolios, and what they wait for.

    `order` is money that waits for the first price of a stock, until the day `deadline`. A stock
    that is `leaving` is sold at its next price. `wanted` are those that the newest signal, of the
    number `signal`, chose; `tried` those that had no price in time since.
    """

    cash: Floats
    units: Floats
    order: Floats
    deadline: Numbers
    leaving: Flags
    wanted: Flags
    tried: Flags
    signal: Numbers

    @classmethod
    def at_start(cls, rules: Sequence[Rules], stocks: int) -> Self:
        """Return portfolios of nothing but their capital."""
        shape = (len(rules), stocks)
        return cls(
            cash=np.array([r.capital for r in rules], dtype=np.float64),
            units=np.zeros(shape),
            order=np.zeros(shape),
            deadline=np.zeros(shape, dtype=np.int64),
            leaving=np.zeros(shape, dtype=np.bool_),
            wanted=np.zeros(shape, dtype=np.bool_),
            tried=np.zeros(shape, dtype=np.bool_),
            signal=np.full(len(rules), -1),
        )

    def active(self) -> Numbers:
        """Return the stocks that any portfolio holds, orders or wants."""
        return columns_with(self.wanted | (self.units > 0) | (self.order > 0))

    def held(self) -> Numbers:
        """Return the stocks that any portfolio holds."""
        return columns_with(self.units > 0)
