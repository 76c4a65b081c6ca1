"""Answers on strategies and their rankings."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field

from app.web.definition_models import Compared, Cut, Screen
from app.web.fields import (
    CalendarDay,
    CompanyName,
    Rank,
    Score,
    StrategyName,
    Ticker,
    Timestamp,
    Title,
    VersionId,
    field,
)
from pipelines.definition import Family, Order
from pipelines.lake import Label


class StrategyInfo(BaseModel):
    """A strategy."""

    name: StrategyName
    display_name: Title
    description: str = field("rules of the strategy in short", "Momentum among the cheapest 40 % …")
    type: Family = field("family of the strategy", "value")
    portfolio_size: int = field("number of stocks held", 10)
    rebalance_frequency: str = field(
        "annual, semiannual, quarterly, monthly, or a number such as 6 times a year", "annual"
    )


class Ranked(BaseModel):
    """A place in a ranking."""

    ticker: Ticker
    name: CompanyName
    rank: Rank
    score: Score
    last_updated: date | None = field("day of the last close", "2026-11-20")
    data_age_days: int | None = field("trading days since the last close", 1)
    freshness: Label = field("fresh up to 1 trading day, stale up to 3, then very_stale", "fresh")


class Short(BaseModel):
    """A place in a ranking, in short."""

    rank: Rank
    ticker: Ticker
    name: CompanyName
    score: Score


class Scored(BaseModel):
    """A place in a computed ranking."""

    ticker: Ticker
    rank: Rank
    score: Score


class Performance(BaseModel):
    """The return of a strategy's portfolio this year."""

    strategy: StrategyName
    display_name: Title
    ytd_return: float | None = field(
        "mean return since the last close of the year before, in percent", 18.4
    )
    stocks_counted: int = field("number of stocks that have both closes", 10)
    strategy_return: float | None = field(
        "return of the backtest since the last close of the year before, after costs, in percent; "
        "null until the backtest is computed",
        9.7,
    )


class Performances(BaseModel):
    """The returns of the strategies this year."""

    strategies: list[Performance] = field("one entry for each strategy", [])
    as_of: date = field("day of the newest closes", "2026-11-20")
    method: str = field("what the return of the year is of", "The mean return of today's ten.")


class Validation(BaseModel):
    """The verdict on trading on a strategy's ranking today."""

    strategy: StrategyName
    safe_to_trade: bool = field("false if any check is critical", True)
    message: str = field("verdict in a sentence", "the data is fresh and complete")
    issues: list[str] = field("reasons against trading", [])
    checked_at: Timestamp


class Return(BaseModel):
    """A price return up to the date of the ranking."""

    months: int = field("length in calendar months", 12)
    value: float | None = field("return in the currency of the universe, as a fraction", 0.31)
    local: float | None = field("close / base close - 1, as a fraction", 0.31)
    rate_change: float | None = field(
        "what the rate of the listing's currency did, as a fraction; null if nothing is converted",
        None,
    )
    base_date: date | None = field("day of the base close", "2025-11-20")
    base_close: float | None = field("base close in the listing currency", 212.4)


class Jump(BaseModel):
    """A jump of the price that nothing explains."""

    date: CalendarDay = field("day of the close after it", "2026-03-09")
    close_before: float = field("close before it, in the listing currency", 158.4)
    close: float = field("close after it, in the listing currency", 5.06)


class Metric(BaseModel):
    """A metric of the composite."""

    name: str = field("name of the metric", "pe")
    value: float | None = field("ratio or fraction; null if missing", 11.2)
    reported: float | None = field("value before it was brought to the price of the date", 10.4)
    percentile: float | None = field(
        "0 is best; null if the stock is not ranked by this metric", 0.125
    )
    higher_is_better: bool = field("true if a higher value is better", False)
    weight: float = field("weight in the composite", 1.0)
    compared: int | None = field("number of stocks that are ranked by this metric", 212)


class Signal(BaseModel):
    """A signal of the F-score."""

    name: str = field("name of the signal", "roa_rose")
    value: bool | None = field("true if the signal is met; null if an input is missing", True)


class Origin(BaseModel):
    """The row that a fact is from."""

    fact: str = field("listing, ratios or statements", "ratios")
    source: str = field("table of the database", "fundamentals")
    known_from: date = field("day from which the row counts", "2026-10-27")
    observed_on: date | None = field(
        "day of the refresh that saw it; null for a snapshot", "2026-10-27"
    )


class Explanation(BaseModel):
    """The numbers behind the rank of a stock."""

    strategy: StrategyName
    display_name: Title
    ticker: Ticker
    name: CompanyName
    as_of: date = field("date of the ranking", "2026-11-20")
    rank: int | None = field("1 is best; null for an excluded stock", 4)
    excluded_by: str | None = field(
        "first reason for which the stock is excluded; null for a ranked stock", None
    )
    score: float | None = field("the score, for example the mean of the three returns", 0.412)
    market_cap_msek: float | None = field(
        "market cap in millions of the universe's currency", 512300.0
    )
    market_cap_source: Literal["reported", "current", "price_scaled"] | None = field(
        "source of the market cap", "reported"
    )
    market: str | None = field("listing market", "stockholmsborsen")
    sector: str | None = field("sector", "Industri")
    stock_type: str | None = field("kind of instrument", "stock")
    currency: str | None = field("listing currency", "SEK")
    close: float | None = field("last close, at most ten days old", 278.3)
    close_date: date | None = field("day of that close", "2026-11-20")
    jump: Jump | None = field("newest jump of the price in a year; null without one", None)
    returns: list[Return] = field("returns whose mean is the score", [])
    metrics: list[Metric] = field("metrics of the composite; empty for momentum", [])
    composite: float | None = field("mean percentile, 0 is best", 0.21)
    primary_rank: int | None = field("rank of the composite", 34)
    f_score: int | None = field("number of signals met, or the vendor's score", 7)
    f_available: int | None = field("number of signals that can be computed", 9)
    f_source: Literal["computed", "vendor"] | None = field("source of the F-score", "computed")
    fiscal_date: date | None = field(
        "end of the newest fiscal year known on that date", "2025-12-31"
    )
    f_signals: list[Signal] = field("the nine signals", [])
    score_name: str = field("factor or expression that is the score", "momentum")
    score_is_fraction: bool = field("true for a score that people read in percent", True)
    score_is_best: Order = field("which scores are the best ones", "highest")
    screens: list[Screen] = field("screens of the strategy, in the order they are tried", [])
    cut: Cut | None = field("cut of the composite; null without one", None)
    ranked_instead: str | None = field(
        "ticker of the same share or company that is ranked in place of this one", None
    )
    ratios_known_from: date | None = field("first day on which the ratios were known", "2026-10-27")
    multiples_as_of: date | None = field(
        "day of the price in the multiples; null without ratios", "2026-11-20"
    )
    origins: list[Origin] = Field(
        [], description="where the listing, ratios and statements are from", examples=[[]]
    )


class Excluded(BaseModel):
    """The stocks that are excluded for one reason."""

    reason: str = field("code of the reason", "suspect_price")
    meaning: str = field("the reason in words", "its price jumped within a year")
    stocks: int = field("number of stocks", 3)


class LeftOut(BaseModel):
    """A stock that is excluded, and why."""

    ticker: Ticker
    name: CompanyName
    reason: str = field("code of the first reason", "thin")


class Exclusions(BaseModel):
    """How many stocks a strategy ranks, and how many are excluded for each reason."""

    strategy: StrategyName
    as_of: CalendarDay = field("date of the ranking", "2026-11-20")
    stocks: int = field("number of stocks, ranked or not", 424)
    ranked: int = field("number of ranked stocks", 61)
    excluded: list[Excluded] = field("reasons in the order in which they are tried", [])
    composite: Compared | None = field("counts of the composite; null without one", None)
    left_out: list[LeftOut] = field("excluded stocks, by reason and ticker, a page of them", [])


class Computed(BaseModel):
    """A ranking that was computed for a date."""

    strategy: StrategyName
    date: CalendarDay = field("newest day with a close, up to the target date", "2026-02-27")
    target_date: CalendarDay = field("requested date", "2026-03-01")
    rankings: list[Scored] = field("all ranked stocks, best first", [])


class Past(BaseModel):
    """A ranking as it was published."""

    date: CalendarDay = field("date of the ranking", "2026-11-20")
    rankings: list[Scored] = field("all ranked stocks, best first", [])


class Snapshot(BaseModel):
    """A weekly copy of the ratios."""

    date: CalendarDay = field("day of the copy", "2026-11-14")
    stocks: int = field("number of stocks in the copy", 424)


class Snapshots(BaseModel):
    """The weekly copies of the ratios."""

    snapshots: list[Snapshot] = field("newest first", [])
    total_snapshots: int = field("number of copies", 114)


class TopPlace(BaseModel):
    """A place in a portfolio, with returns, F-score and the rank before."""

    rank: Rank
    ticker: Ticker
    name: CompanyName
    score: Score
    return_3m: float | None = field("return over 3 months, as a fraction", 0.12)
    return_6m: float | None = field("return over 6 months, as a fraction", 0.25)
    return_12m: float | None = field("return over 12 months, as a fraction", 0.61)
    f_score: int | None = field("number of signals met, or the vendor's score", 7)
    f_available: int | None = field("number of signals that can be computed", 9)
    rank_before: int | None = field(
        "rank in the version before; null for a stock that was not ranked", 3
    )


class TopTen(BaseModel):
    """The portfolio of a strategy."""

    name: StrategyName
    display_name: Title
    score_name: str = field("factor or expression that is the score", "momentum")
    score_is_fraction: bool = field("true for a score that people read in percent", True)
    rankings: list[TopPlace] = field("best first", [])


class Top(BaseModel):
    """The portfolios of all strategies, for the dashboard."""

    version: VersionId
    as_of: date = field("date of the rankings", "2026-11-20")
    previous_version: str | None = field("version of the ranks before", "20261123T170500Z-90ab12")
    strategies: list[TopTen] = field("one entry for each strategy", [])
