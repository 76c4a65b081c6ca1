"""What portfolios did: their trades, splits and dividends, as they are made and as a frame."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

import numpy as np
import polars as pl

from pipelines.research.arrays import Floats, Numbers


class Why(IntEnum):
    """Why the units or the cash of a portfolio changed."""

    ENTERED = 0
    LEFT = 1
    REBALANCED = 2
    DELISTED = 3
    DIVIDEND = 4


NUMBERS: Final = ("day", "portfolio", "stock", "signal", "why")
MONEY: Final = ("units", "value", "cost")
RECORD: Final = pl.Schema({**dict.fromkeys(NUMBERS, pl.Int64), **dict.fromkeys(MONEY, pl.Float64)})
"""The numbers of the day, the portfolio, the stock and the signal; the reason.

`units` are above 0 where they were bought, and those that were held for a dividend; `value` is that
of the trade without its cost.
"""


@dataclass
class Record:
    """Collects what happened, in the order in which it did."""

    numbers: list[Numbers] = field(default_factory=list)
    money: list[Floats] = field(default_factory=list)

    def add(self, numbers: Numbers, money: Floats) -> None:
        """Add rows with the columns `NUMBERS` and `MONEY`."""
        self.numbers.append(numbers)
        self.money.append(money)

    def frame(self) -> pl.DataFrame:
        """Return all rows."""
        if not self.numbers:
            return pl.DataFrame(schema=RECORD)
        numbers = pl.DataFrame(np.concatenate(self.numbers), schema=list(NUMBERS))
        money = pl.DataFrame(np.concatenate(self.money), schema=list(MONEY))
        return numbers.hstack(money).cast(RECORD)
