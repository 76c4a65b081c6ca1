"""The rules of a backtest: when it trades, what it holds, and what a trade costs."""

from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import Final

from pipelines.errors import WrongUsage

BASIS_POINTS: Final = 10_000.0
LONGEST_WAIT: Final = 10
"""Calendar days after a signal within which a stock must have a close to be bought."""
DELISTED_AFTER: Final = 60
"""Trading days of the exchange without a close after which a stock counts as delisted."""


class Calendar(StrEnum):
    """When a portfolio is rebalanced: on the first trading day of the strategy's months, or all."""

    STRATEGY = "strategy"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class Weighting(StrEnum):
    """Whether each rebalance goes back to equal weights, or only what is sold is bought anew."""

    EQUAL = "equal"
    DRIFT = "drift"


class Fill(StrEnum):
    """The price of a trade: the close or the open of the next trading day of the stock."""

    NEXT_CLOSE = "next_close"
    NEXT_OPEN = "next_open"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """The rules of one portfolio: its size, band, weights and costs.

    Stocks are bought up to `buy_rank` and kept up to `sell_rank`. A trade costs `cost_bps` of its
    value, at least `min_fee`, and `half_spread_bps` on top. A delisted stock is paid out at its
    last close times `delisting_factor`.
    """

    size: int = 10
    buy_rank: int = 10
    sell_rank: int = 10
    weighting: Weighting = Weighting.EQUAL
    cost_bps: float = 25.0
    min_fee: float = 0.0
    half_spread_bps: float = 0.0
    capital: float = 100_000.0
    whole_shares: bool = False
    delisting_factor: float = 1.0

    def __post_init__(self) -> None:
        for is_wrong, told in self._faults():
            if is_wrong:
                raise WrongUsage(told)

    def _faults(self) -> tuple[tuple[bool, str], ...]:
        spent = self.cost_bps + self.half_spread_bps
        amounts = (self.capital, self.cost_bps, self.min_fee, self.half_spread_bps)
        return (
            (not all(map(isfinite, amounts)), "a cost or the capital is no number; give one"),
            (self.size < 1, f"a size of {self.size} holds nothing; give 1 or more"),
            (self.buy_rank < 1, f"nothing has rank {self.buy_rank}; give a buy rank from 1 on"),
            (self.sell_rank < self.buy_rank,
             f"the sell rank {self.sell_rank} is above the buy rank {self.buy_rank}; "
             "give one that is as large or larger"),
            (not self.capital > 0, f"a capital of {self.capital:g} buys nothing; give more than 0"),
            (min(self.cost_bps, self.half_spread_bps, self.min_fee) < 0,
             "a cost is below 0; give 0 or more"),
            (spent >= BASIS_POINTS, f"a trade that costs {spent:g} basis points leaves nothing; "
             f"give less than {BASIS_POINTS:g}"),
            (not 0 <= self.delisting_factor <= 1,
             f"a delisting factor of {self.delisting_factor:g} is none; give 0 to 1"),
        )  # fmt: skip
