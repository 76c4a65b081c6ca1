"""What portfolios did: their trades, splits and dividends, as they are made and as a frame."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, NamedTuple

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


class Rows(NamedTuple):
    """What happened: the numbers of the day, the portfolio, the stock and the signal; the reason.

    `units` are above 0 where they were bought, and those that were held for a dividend; `value` is
    that of the trade without its cost.
    """

    day: Numbers
    portfolio: Numbers
    stock: Numbers
    signal: Numbers
    why: Numbers
    units: Floats
    value: Floats
    cost: Floats


MONEY: Final = ("units", "value", "cost")
RECORD: Final = pl.Schema(
    {name: pl.Float64 if name in MONEY else pl.Int64 for name in Rows._fields}
)


@dataclass
class Record:
    """Collects what happened, in the order in which it did."""

    parts: list[Rows] = field(default_factory=list)

    def add(self, rows: Rows) -> None:
        """Add rows."""
        self.parts.append(rows)

    def frame(self) -> pl.DataFrame:
        """Return all rows, with the columns `RECORD`."""
        if not self.parts:
            return pl.DataFrame(schema=RECORD)
        columns = (np.concatenate(column) for column in zip(*self.parts, strict=True))
        return pl.DataFrame(dict(zip(Rows._fields, columns, strict=True)), schema=RECORD)
