"""Answers on two rankings beside each other, and on the ranks of a stock over time."""

from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from app.web.fields import CalendarDay, CompanyName, StrategyName, Ticker, field


class RankChange(BaseModel):
    """A stock on two dates."""

    ticker: Ticker
    name: CompanyName
    rank_before: int | None = field("rank on the first date; null without one", 14)
    rank: int | None = field("rank on the second date; null without one", 3)
    score_before: float | None = field("score on the first date", 0.212)
    score: float | None = field("score on the second date", 0.412)
    reason: str | None = field(
        "why it was not among the ranks on one of the dates: outside_rank_N, not_listed, or the "
        "reason for having no rank; null for one that moved",
        "outside_rank_10",
    )
    meaning: str | None = field("the reason in a sentence", "its F-score is below 5 of 9")


class Comparison(BaseModel):
    """What changed between two rankings of a strategy."""

    model_config = ConfigDict(populate_by_name=True)

    strategy: StrategyName
    universe: str = field("universe that is ranked", "sweden")
    from_: date = Field(alias="from", description="first date", examples=["2026-10-20"])
    to: date = field("second date", "2026-11-20")
    top: int | None = field("last rank that is compared; null for all", 10)
    came: list[RankChange] = field("stocks that came in, by their rank", [])
    went: list[RankChange] = field("stocks that left, by their rank before", [])
    moved: list[RankChange] = field("stocks that stayed with another rank", [])


class RankOn(BaseModel):
    """The rank of a stock on a date."""

    date: CalendarDay = field("first trading day of the period", "2026-11-02")
    rank: int | None = field("rank; null without one", 3)
    score: float | None = field("score", 0.412)
    excluded_by: str | None = field("reason for having no rank", None)
    ranked: int = field("number of stocks with a rank on that day", 214)


class RanksOverTime(BaseModel):
    """The ranks of a stock over time."""

    ticker: Ticker
    strategy: StrategyName
    universe: str = field("universe that is ranked", "sweden")
    every: str = field("period", "month")
    ranks: list[RankOn] = field("oldest first; a day without the stock is left out", [])
