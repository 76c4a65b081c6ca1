"""Answers that the investors' pages are made of."""

from datetime import date

from pydantic import BaseModel

from app.web.fields import CompanyName, Rank, Score, StrategyName, Ticker, Title, VersionId, field
from pipelines.definition import Family


class FrontPlace(BaseModel):
    """A place in the portfolio of a strategy."""

    rank: Rank
    ticker: Ticker
    name: CompanyName
    sector: str | None = field("sector", "Industri")
    currency: str | None = field("listing currency", "SEK")
    close: float | None = field("last close, in the listing currency", 278.3)
    score: Score


class FrontStrategy(BaseModel):
    """A strategy with its portfolio."""

    name: StrategyName
    display_name: Title
    description: str = field("rules of the strategy in short", "Momentum among the cheapest 40 % …")
    type: Family = field("family of the strategy", "value")
    score_is_fraction: bool = field("true for a score that people read in percent", True)
    ranked: int = field("number of ranked stocks", 61)
    next_rebalance: date | None = field(
        "first trading day of the next month of rebalancing; null if the calendar ends before",
        "2027-03-01",
    )
    trading_days: int | None = field("trading days until then; 0 is today", 68)
    rankings: list[FrontPlace] = field("best first", [])


class Front(BaseModel):
    """The portfolios of all strategies on a date."""

    version: VersionId
    as_of: date = field("date of the rankings", "2026-11-20")
    newest: date = field("day of the newest closes", "2026-11-20")
    age_days: int | None = field("trading days since the newest closes", 1)
    universe: str = field("universe that is ranked", "sweden")
    universes: list[str] = field("universes that can be ranked", ["sweden", "nordic"])
    notice: str | None = field("what to know of a demo market; null for real data", None)
    strategies: list[FrontStrategy] = field("one entry for each strategy", [])


class Before(BaseModel):
    """The ranks of today's portfolio at the last rebalancing."""

    since: date | None = field("day of it; null if no price is known of any", "2026-09-01")
    ranks: dict[str, int] = field("rank by ticker, of those that had one", {"VOLV B": 3})


class Moves(BaseModel):
    """Where the stocks of each portfolio were when it was rebalanced last."""

    as_of: date = field("date of the rankings", "2026-11-20")
    strategies: dict[str, Before] = field("by strategy", {})


class CurvePoint(BaseModel):
    """The value of a backtest at the end of a month."""

    date: str = field("last day of the month with a value", "2026-10-30")
    value: float = field("value of the portfolio; 1 at the start", 1.42)
    index: float | None = field("value of what it is compared with; 1 at the start", 1.21)


class Curve(BaseModel):
    """A backtest in short."""

    cagr: float | None = field("return a year, after costs, as a fraction", 0.12)
    index_cagr: float | None = field("return a year of what it is compared with", 0.09)
    max_drawdown: float | None = field("deepest fall, as a fraction", -0.41)
    benchmark: str = field("what it is compared with", "universe")
    caveats: list[str] = field("what to keep in mind", [])
    points: list[CurvePoint] = field("by month, oldest first", [])


class Curves(BaseModel):
    """The backtests that are computed already, in short."""

    curves: dict[str, Curve] = field("by strategy", {})


class Table(BaseModel):
    """All stocks of a ranking by column, ranked ones first."""

    strategy: StrategyName
    as_of: date = field("date of the ranking", "2026-11-20")
    universe: str = field("universe that is ranked", "sweden")
    columns: dict[str, list[str | float | date | None]] = field(
        "values of each column; a stock is at one place in all of them", {"ticker": ["VOLV B"]}
    )
