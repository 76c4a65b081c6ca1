"""Answers on strategies as data, and on the catalogue of factors."""

from pydantic import BaseModel

from app.web.fields import StrategyName, Title, field
from pipelines.definition import Family, Order


class FactorOfComposite(BaseModel):
    """A factor of a composite."""

    factor: str = field("name of the factor", "earnings_yield")
    order: Order | None = field("which values are the best ones; null for its own", None)
    weight: float = field("weight in the composite", 1.0)
    where: str | None = field("condition without which it counts as missing", None)


class CompositeOfStrategy(BaseModel):
    """The composite of a strategy."""

    factors: list[str | FactorOfComposite] = field("its factors", ["earnings_yield"])
    at_least: int = field("number of factors that a stock needs", 1)
    keep_percent: int = field("best percent that stay", 30)


class OrderOfStrategy(BaseModel):
    """A factor or an expression that orders stocks."""

    factor: str | None = field("name of the factor", "volatility_12m")
    expression: str | None = field("expression in SQL, in place of a factor", None)
    order: Order | None = field("which values are the best ones; null for its own", "lowest")


class StrategyAsData(BaseModel):
    """A strategy as data."""

    name: StrategyName
    title: Title
    description: str = field("rules of the strategy in short", "The calmest of the cheapest.")
    type: Family = field("family of the strategy", "value")
    rebalance_months: list[int] = field("months in which it is rebalanced", [3])
    portfolio_size: int = field("number of stocks held", 10)
    buy_rank: int | None = field("last rank that is bought; null for the size", None)
    sell_rank: int | None = field("last rank that is kept; null for twice the buy rank", 20)
    keeps_sectors: list[str] = field("financial sectors that stay", [])
    screens: dict[str, str] = field(
        "condition in SQL that excludes, by reason, in order", {"thin": "turnover_3m < 50e6"}
    )
    composite: CompositeOfStrategy | None = field("composite; null without one", None)
    score: str | OrderOfStrategy = field("what orders the stocks", "return_12m - return_1m")
    ties: list[str | OrderOfStrategy] = field("what orders those of one score", ["market_cap_msek"])


class FactorInfo(BaseModel):
    """A factor of the catalogue."""

    name: str = field("name of the factor", "volatility_12m")
    unit: str = field("fraction, multiple, money, million, count or ratio", "fraction")
    best: Order | None = field("which values are good; null if the strategy must say", "lowest")
    history: str = field("what must be known of a stock", "180 closes in 12 months")
    sentence: str = field("what it is", "standard deviation of the daily log returns")
    source: str = field("where it comes from", "Blitz and van Vliet (2007)")


class Reading(BaseModel):
    """A value that a condition reads."""

    name: str = field("name of the factor, text or signal", "turnover_3m")
    value: float | str | bool | None = field("its value; null if it is missing", 31200000.0)


class Screen(BaseModel):
    """A screen of the strategy, with the values that decided."""

    reason: str = field("code of the reason", "thin")
    condition: str | None = field("condition in SQL that excludes", "turnover_3m < 50e6")
    excludes: bool | None = field("true if the stock fails it; null if a value is missing", True)
    values: list[Reading] = field("the values that the condition reads", [])
    value: float | None = field("value that is compared with a number", 31200000.0)
    cut: float | None = field(
        "that number; null where the condition is of another form", 50000000.0
    )
    distance: float | None = field("value minus the cut", -18800000.0)


class Compared(BaseModel):
    """How many stocks a composite compares, and how many of them stay."""

    compared: int = field("number of stocks with a composite", 212)
    kept: int = field("last primary rank that stays", 84)
    keep_percent: int = field("percent that stays", 40)


class Cut(Compared):
    """The cut of a composite, and how far the stock is from it."""

    distance: int | None = field("primary rank minus the last that stays; above 0 leaves", -50)
