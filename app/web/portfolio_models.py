"""Answers on portfolios: the holdings, the trades, and the next rebalancing."""

from datetime import date

from pydantic import BaseModel

from app.web.fields import CompanyName, Rank, StrategyName, Ticker, field


class Kept(BaseModel):
    """A stock to keep or to buy."""

    ticker: Ticker
    rank: Rank


class Sold(BaseModel):
    """A stock to sell."""

    ticker: Ticker
    rank: int | None = field("null for a stock without a rank", 27)
    reason: str = field(
        "outside_rank_20, beyond_10_names, unknown_ticker, or the reason for having no rank",
        "outside_rank_20",
    )


class Banding(BaseModel):
    """The trades of a portfolio."""

    keep: list[Kept] = field("held stocks to keep, best first", [])
    sell: list[Sold] = field("held stocks to sell", [])
    buy: list[Kept] = field("stocks to buy, best first", [])
    portfolio: list[str] = field("tickers held after the trades, best first", ["VOLV B"])


class Holding(BaseModel):
    """A stock of the combined portfolio."""

    ticker: Ticker
    name: CompanyName
    weight: float = field("fraction of the portfolio", 0.025)
    strategy: StrategyName


class Portfolio(BaseModel):
    """The portfolios of all strategies together; a stock in two of them is listed twice."""

    holdings: list[Holding] = field("stocks with equal weights", [])
    as_of_date: date = field("date of the rankings", "2026-11-20")
    next_rebalance_date: date | None = field(
        "earliest next rebalancing of any strategy", "2026-12-01"
    )


class Rebalance(BaseModel):
    """The next rebalancing of a strategy."""

    strategy_name: StrategyName
    next_date: date | None = field("trading day, today or later", "2027-03-01")
