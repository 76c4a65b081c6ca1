"""Requests for orders, and the answers to them."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.web.fields import CompanyName, StrategyName, Ticker, VersionId, field
from app.web.research_models import NAME, Day

Amount = Annotated[Decimal, Field(ge=0, lt=10**13, decimal_places=2)]
"""Money, in hundredths at most."""


def _no_text_or_bool(value: object) -> object:
    """Refuse what could be taken for a number but is none."""
    if isinstance(value, bool | str):
        raise ValueError("this is no number")  # noqa: TRY004 - pydantic takes it for a bad value
    return value


Number = Annotated[float, BeforeValidator(_no_text_or_bool)]
Whole = Annotated[int, BeforeValidator(_no_text_or_bool)]
TickerText = Annotated[str, Field(min_length=1, max_length=50)]


class HoldingSent(BaseModel):
    """Shares of a stock that are held."""

    model_config = ConfigDict(extra="forbid")

    ticker: TickerText = field("ticker; VOLV B, VOLV-B and VOLV_B are the same", "VOLV B")
    shares: Whole = Field(ge=0, le=10**12, description="whole shares", examples=[100])


class Trading(BaseModel):
    """The strategy, the day, and what trades cost."""

    model_config = ConfigDict(extra="forbid")

    strategy: str = Field(pattern=NAME, description="name of a strategy",
                          examples=["sammansatt_momentum"])  # fmt: skip
    universe: str | None = Field(None, pattern=NAME, description="universe; default the service's",
                                 examples=["sweden"])  # fmt: skip
    as_of: Day | None = Field(None, description="date of the ranking; default the newest",
                              examples=["2026-11-20"])  # fmt: skip
    size: Annotated[Whole, Field(ge=1, le=100)] | None = Field(
        None, description="number of stocks; default the strategy's", examples=[10]
    )
    cost_bps: Number = Field(25.0, ge=0, lt=5000, description="cost in basis points", examples=[25])
    min_fee: Amount = Field(Decimal(0), description="least cost of a trade", examples=[39])


class OrdersRequest(Trading):
    """A portfolio, and how its orders are made."""

    holdings: list[HoldingSent] = Field(
        [], max_length=1000, description="what is held", examples=[[]]
    )
    cash: Amount = Field(Decimal(0), description="money to invest", examples=[10_000])
    mode: Literal["rebalance", "add_cash", "fix_drift"] = Field(
        "rebalance", description="sell and buy, only buy, or only bring weights back",
        examples=["rebalance"],
    )  # fmt: skip
    buy_rank: Annotated[Whole, Field(ge=1, le=10_000)] | None = Field(
        None, description="last rank to buy; default the strategy's", examples=[10]
    )
    sell_rank: Annotated[Whole, Field(ge=1, le=10_000)] | None = Field(
        None, description="last rank to keep; default the strategy's", examples=[20]
    )
    tolerance: Number = Field(
        0.02, ge=0, lt=1, description="how far a weight may drift, as a fraction", examples=[0.02]
    )


class AllocationRequest(Trading):
    """An amount that is put into the first of a ranking."""

    amount: Amount = Field(description="money to invest", examples=[100_000])


class HoldingRead(BaseModel):
    """A holding that was read."""

    ticker: Ticker
    shares: int = field("whole shares", 100)
    name: CompanyName
    matched_by: str = field("isin, ticker or name", "isin")


class StockFound(BaseModel):
    """A stock by its names."""

    ticker: Ticker
    name: CompanyName
    isin: str | None = field("ISIN", "SE0000115446")
    market: str | None = field("listing market", "stockholmsborsen")
    currency: str | None = field("listing currency", "SEK")
    last_seen: date | None = field("day on which it was listed last; null while it is", None)


class LineLeftOut(BaseModel):
    """A line that gives no shares of a known stock."""

    line: int = field("number of the line", 7)
    text: str = field("what it names", "VOLVO X")
    reason: str = field("why it is left out", "no stock of this ISIN, ticker or name")
    nearest: list[StockFound] = field("stocks that may be meant, best first", [])


class HoldingsAnswer(BaseModel):
    """The holdings of a text."""

    holdings: list[HoldingRead] = field("holdings, in the order of the lines", [])
    not_matched: list[LineLeftOut] = field("lines that are none", [])


class OrderLine(BaseModel):
    """Shares of a stock that are kept, sold or bought."""

    ticker: Ticker
    name: CompanyName
    shares: int = field("whole shares", 12)
    price: float = field("last close on the day, in `currency`", 278.3)
    value: float = field("value in the account's currency", 3339.6)
    currency: str | None = field("currency of the price", "SEK")
    rank: int | None = field("rank; null for a stock without one", 3)
    reason: str = field(
        "inside_rank_N, below_target, above_target, outside_rank_N, beyond_N_names, too_expensive, "
        "fee_above_value, or the reason for having no rank",
        "inside_rank_10",
    )
    fee: float = field("cost of the trade, in the account's currency", 8.35)


class NotTraded(BaseModel):
    """A stock of which nothing is traded."""

    ticker: Ticker
    shares: int = field("whole shares that are held", 12)
    reason: str = field(
        "unknown_ticker, no_price, no_rate, no_currency, or the reason for having no rank; for one "
        "that is not bought: too_expensive, fee_above_value",
        "unknown_ticker",
    )


class Costs(BaseModel):
    """What the trades cost."""

    total: float = field("fees of all trades, in the account's currency", 83.5)


class Purchases(BaseModel):
    """What to buy, and the money after it. Purchases and costs never exceed cash and sales."""

    strategy: StrategyName
    universe: str = field("universe that is ranked", "sweden")
    as_of: date = field("date of the ranking", "2026-11-20")
    version: VersionId
    account_currency: str = field("currency of values, costs and cash", "SEK")
    target: float = field("value that each stock is to have", 10_000.0)
    buy: list[OrderLine] = field("stocks to buy, best first", [])
    not_bought: list[NotTraded] = field("wanted stocks of which no share is bought", [])
    costs: Costs = field("what the trades cost", {"total": 83.5})
    cash_left: float = field("money after the trades", 1_204.55)


class OrdersAnswer(Purchases):
    """What to keep, sell and buy."""

    mode: str = field("how the orders were made", "rebalance")
    keep: list[OrderLine] = field("shares that stay, best first", [])
    sell: list[OrderLine] = field("shares to sell", [])
    kept_unpriced: list[NotTraded] = field(
        "holdings that are kept because they cannot be priced or ranked", []
    )
