"""The Nordic paths of the existing frontend: percent and amounts as it prints them."""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from app.web.fields import CompanyName, Rank, StrategyName, Ticker, field
from app.web.order_models import Amount, HoldingSent, NotTraded, Number, TickerText


class NordicPlace(BaseModel):
    """A ranked stock; returns and momentum are percent, prices are in SEK and as listed."""

    rank: Rank
    ticker: Ticker
    isin: str | None = field("ISIN", "SE0000115446")
    name: CompanyName
    market: str | None = field("listing market", "helsinki")
    currency: str | None = field("listing currency", "EUR")
    price: float | None = field("last close in SEK; null without a rate", 112.31)
    price_local: float | None = field("last close in the listing currency", 10.05)
    market_cap_sek: float | None = field("market cap in SEK", 36_100_000_000.0)
    momentum: float = field("mean of the three returns, in percent", 41.2)
    perf_3m: float | None = field("return over 3 months, in percent", 12.1)
    perf_6m: float | None = field("return over 6 months, in percent", 25.3)
    perf_12m: float | None = field("return over 12 months, in percent", 61.4)
    f_score: int | None = field("number of signals met, or the vendor's score", 7)
    sector: str | None = field("sector", "Industri")
    rank_1d: int | None = field("rank a trading day before; null without one", 2)
    rank_1w: int | None = field("rank five trading days before; null without one", 4)
    rank_1m: int | None = field("rank a calendar month before; null without one", 9)


class NordicRanking(BaseModel):
    """The ranking of the Nordic momentum strategy."""

    strategy: StrategyName
    computed_at: datetime = field("time of the version, UTC", "2026-11-24T17:05:00Z")
    total_universe: int = field("number of stocks on the markets", 1802)
    after_filters: int = field("number of ranked stocks", 214)
    rankings: list[NordicPlace] = field("all ranked stocks, best first", [])
    by_market: dict[str, int] = field("number of ranked stocks by market", {"helsinki": 31})
    fx_alert: str | None = field("a sentence about rates that are missing; null without", None)


class NordicAllocationRequest(BaseModel):
    """An amount in SEK over the first ten."""

    model_config = ConfigDict(extra="forbid")

    amount: Amount = Field(gt=0, description="money to invest, in SEK", examples=[100_000])
    excluded_tickers: list[TickerText] = Field(
        [], max_length=1000, description="stocks to leave out", examples=[[]]
    )
    force_include_tickers: list[TickerText] = Field(
        [], max_length=1000, description="stocks of which one share is bought, however dear",
        examples=[[]],
    )  # fmt: skip
    cost_bps: Number = Field(0.0, ge=0, lt=5000, description="cost in basis points", examples=[25])
    min_fee: Amount = Field(Decimal(0), description="least cost of a trade", examples=[39])


class AllocationPart(BaseModel):
    """A stock of an allocation; amounts are in SEK, weights in percent of the amount."""

    rank: Rank
    ticker: Ticker
    name: CompanyName
    price: float | None = field("last close in SEK", 112.31)
    price_local: float | None = field("last close in the listing currency", 10.05)
    currency: str | None = field("listing currency", "EUR")
    shares: int = field("whole shares", 89)
    target_amount: float = field("equal part of the amount", 10_000.0)
    actual_amount: float = field("value of the shares", 9_995.59)
    target_weight: float = field("equal part, in percent", 10.0)
    actual_weight: float = field("weight, in percent", 10.0)
    deviation: float = field("weight minus equal part, in percent", 0.0)
    too_expensive: bool = field("true if a share costs more than the part", False)
    included: bool = field("true if shares are bought", True)


class AllocationSummary(BaseModel):
    """The sums of an allocation, in SEK and percent."""

    total_invested: float = field("value of the shares", 98_211.4)
    cash_remaining: float = field("money after the purchases", 1_788.6)
    utilization: float = field("part of the amount that is invested, in percent", 98.2)
    stocks_included: int = field("number of stocks that are bought", 10)
    stocks_skipped: int = field("number of stocks that are not", 0)
    max_deviation: float = field("largest deviation of what is bought, in percent", 0.4)
    costs: float = field("fees of the purchases", 0.0)


class Substitute(BaseModel):
    """A stock that follows those of an allocation."""

    rank: Rank
    ticker: Ticker
    name: CompanyName
    price: float | None = field("last close in SEK", 112.31)


class BetterAmount(BaseModel):
    """A larger amount that comes nearer to equal parts."""

    amount: float = field("amount in SEK", 112_000.0)
    max_deviation: float = field("largest deviation, in percent", 0.2)


class NordicAllocation(BaseModel):
    """An amount over the first stocks of the Nordic momentum strategy."""

    investment_amount: float = field("amount in SEK", 100_000.0)
    target_per_stock: float = field("equal part of the amount", 10_000.0)
    allocations: list[AllocationPart] = field("stocks, best first", [])
    summary: AllocationSummary = field("the sums", {})
    warnings: list[str] = field("sentences on what is left out", [])
    substitutes: list[Substitute] = field("stocks that follow", [])
    optimal_amounts: list[BetterAmount] = field("amounts that come nearer to equal parts", [])


class NordicRebalanceRequest(BaseModel):
    """Holdings, new money in SEK, and what is done with them."""

    model_config = ConfigDict(extra="forbid")

    holdings: list[HoldingSent] = Field(
        [], max_length=1000, description="what is held", examples=[[]]
    )
    new_investment: Amount = Field(Decimal(0), description="new money, in SEK", examples=[50_000])
    mode: Literal["full", "add_only", "fix_drift"] = Field(
        "full", description="sell and buy, only buy, or only bring weights back", examples=["full"]
    )
    cost_bps: Number = Field(0.0, ge=0, lt=5000, description="cost in basis points", examples=[25])
    min_fee: Amount = Field(Decimal(0), description="least cost of a trade", examples=[39])


class NordicHolding(BaseModel):
    """Shares of a stock; `price` and `value` are in the listing currency."""

    ticker: Ticker
    name: CompanyName
    shares: int = field("whole shares", 100)
    price: float = field("last close in the listing currency", 10.05)
    value: float = field("value in the listing currency", 1_005.0)
    value_sek: float = field("value in SEK", 11_231.0)
    currency: str | None = field("listing currency", "EUR")
    rank: int | None = field("rank; null for a stock without one", 3)


class NordicSale(NordicHolding):
    """Shares to sell."""

    reason: str = field("not_in_universe, below_threshold or above_target", "below_threshold")
    why: str = field("the reason as in POST /portfolio/orders", "outside_rank_20")


class NordicFinal(NordicHolding):
    """A stock after the trades; weights are percent of all stocks."""

    action: Literal["HOLD", "BUY"] = field("HOLD for a stock that was held before", "HOLD")
    weight: float = field("weight, in percent", 10.2)
    drift: float = field("weight minus equal part, in percent", 0.2)


class Drift(BaseModel):
    """The weight of a stock before the trades, in percent of all stocks with a price."""

    ticker: Ticker
    weight: float = field("weight, in percent", 14.1)
    target_weight: float = field("equal part, in percent", 10.0)
    drift: float = field("weight minus equal part, in percent", 4.1)


class RebalanceSummary(BaseModel):
    """The sums of a rebalance, in SEK."""

    stocks_held: int = field("number of stocks that stay", 8)
    stocks_sold: int = field("number of stocks that are sold, also in part", 2)
    stocks_bought: int = field("number of stocks that are bought", 2)
    sell_proceeds: float = field("value of what is sold", 20_110.0)
    new_investment: float = field("new money", 50_000.0)
    total_cash_used: float = field("value of what is bought, with all costs", 69_800.0)
    cash_remaining: float = field("money after the trades", 310.0)
    final_portfolio_value: float = field("value of the stocks after the trades", 149_800.0)
    final_stock_count: int = field("number of stocks after the trades", 10)


class RebalanceCosts(BaseModel):
    """What the trades cost."""

    total: float = field("fees of all trades, in SEK", 83.5)
    percentage: float = field("fees in percent of what is traded", 0.25)


class NordicRebalance(BaseModel):
    """What to hold, sell and buy. Purchases and costs never exceed new money and sales."""

    mode: str = field("what was asked for", "full")
    current_holdings_count: int = field("number of stocks that are held", 10)
    hold: list[NordicHolding] = field("shares that stay", [])
    sell: list[NordicSale] = field("shares to sell", [])
    buy: list[NordicHolding] = field("shares to buy", [])
    kept_unpriced: list[NotTraded] = field("holdings that cannot be priced or ranked", [])
    final_portfolio: list[NordicFinal] = field("stocks after the trades, best first", [])
    drift_analysis: list[Drift] = field("weights before the trades, the farthest first", [])
    max_drift: float = field("largest drift before the trades, in percent", 4.1)
    drift_recommendation: str = field("a sentence on the drift", "no weight has drifted far")
    summary: RebalanceSummary = field("the sums", {})
    costs: RebalanceCosts = field("what the trades cost", {})
    fx_alert: str | None = field("a sentence about rates that are missing; null without", None)


class Reminder(BaseModel):
    """A sentence for the investor: a rebalancing that comes, or an alert that fires."""

    message: str = field("sentence", "Trendande Värde is rebalanced on 2027-03-01, in 3 days")
    priority: Literal["high", "medium"] = field("high is urgent", "medium")
    type: Literal["rebalance", "data"] = field("what it is about", "rebalance")
    strategy: str | None = field("strategy that is rebalanced", "trendande_varde")
    days_until: int | None = field("calendar days until then", 3)


class ReminderList(BaseModel):
    """The sentences for the investor."""

    alerts: list[Reminder] = field("the most urgent first", [])


class Reminders(BaseModel):
    """The sentences for the investor, as the existing frontend reads them."""

    alerts: ReminderList = field("the sentences", {})
