"""What orders are made of: holdings, rules, and what is sold, kept and bought."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pipelines.errors import WrongUsage
from pipelines.ranking import BUY_RANK, SELL_RANK
from pipelines.research.money import NO_FEES, Fees
from pipelines.research.quotes import Quote

TOLERANCE: Final = 0.02
"""How far a weight may be from its part before it is brought back, as a fraction of the whole."""


class Mode(StrEnum):
    """Sell and buy by rank and weight, only buy, or only bring back weights that have drifted."""

    REBALANCE = "rebalance"
    ADD_CASH = "add_cash"
    FIX_DRIFT = "fix_drift"


@dataclass(frozen=True, slots=True)
class Holding:
    """Shares of a stock that are held."""

    ticker: str
    shares: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """The rules of orders: the mode, the number of stocks, the band, the tolerance, the fees."""

    mode: Mode = Mode.REBALANCE
    size: int = 10
    buy_rank: int = BUY_RANK
    sell_rank: int = SELL_RANK
    tolerance: float = TOLERANCE
    fees: Fees = NO_FEES

    def __post_init__(self) -> None:
        if self.size < 1 or self.buy_rank < 1:
            raise WrongUsage("a portfolio of no stock holds nothing; give a size from 1 on")
        if self.sell_rank < self.buy_rank:
            raise WrongUsage(
                f"the sell rank {self.sell_rank} is above the buy rank {self.buy_rank}; "
                "give one that is as large or larger"
            )
        if not 0 <= self.tolerance < 1:
            told = "give a fraction of the portfolio, such as 0.02"
            raise WrongUsage(f"a tolerance of {self.tolerance:g} is none; {told}")


@dataclass(frozen=True, slots=True)
class Order:
    """Shares that are sold, kept or bought, with their value in hundredths and the reason.

    `fee` is what the trade costs.
    """

    quote: Quote
    shares: int
    value: int
    reason: str
    fee: int = 0


@dataclass(frozen=True, slots=True)
class Named:
    """A holding, or a stock that is wanted, of which nothing is traded, with the reason."""

    ticker: str
    shares: int
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Orders:
    """What to do, and the money before and after it, in hundredths.

    `target` is the value that each stock is to have. `not_bought` are wanted stocks that their part
    of the money buys no share of.
    """

    keep: tuple[Order, ...]
    sell: tuple[Order, ...]
    buy: tuple[Order, ...]
    kept_unpriced: tuple[Named, ...]
    not_bought: tuple[Named, ...]
    target: int
    cash: int

    @property
    def costs(self) -> int:
        """Return the fees of all trades."""
        return sum(order.fee for order in (*self.sell, *self.buy))

    @property
    def sales(self) -> int:
        """Return what is sold."""
        return sum(order.value for order in self.sell)

    @property
    def purchases(self) -> int:
        """Return what is bought."""
        return sum(order.value for order in self.buy)

    @property
    def cash_left(self) -> int:
        """Return the money after the trades."""
        return self.cash + self.sales - self.purchases - self.costs

    @property
    def holdings(self) -> list[Holding]:
        """Return what is held after the trades, by ticker."""
        shares = {named.ticker: named.shares for named in self.kept_unpriced}
        for order in (*self.keep, *self.buy):
            ticker = order.quote.ticker
            shares[ticker] = shares.get(ticker, 0) + order.shares
        return [Holding(ticker, shares[ticker]) for ticker in sorted(shares)]
