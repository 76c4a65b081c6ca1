"""Models of backtests, factor reports and their jobs."""

import re
from datetime import date
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from app.web.fields import StrategyName, Title, VersionId, field

Row = dict[str, object]
NUMBERS = frozenset({
    "size", "buy_rank", "sell_rank", "cost_bps", "min_fee", "half_spread_bps", "capital",
    "delisting_factor",
})  # fmt: skip
NAME = r"^[A-Za-z0-9_^ -]{1,40}$"


def _written(value: object) -> object:
    """Return a date that is written year-month-day; numbers are no dates."""
    if value is None or (isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value)):
        return value
    raise ValueError("is no date; write it year-month-day, as 2026-11-20")


Day = Annotated[date, BeforeValidator(_written)]


class BacktestOptions(BaseModel):
    """What a backtest is of; `python -m pipelines.backtest` explains each."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    universe: str | None = Field(None, pattern=NAME, description="universe", examples=["sweden"])
    since: Day | None = Field(None, alias="from", description="first date",
                               examples=["2010-01-01"])  # fmt: skip
    until: Day | None = Field(None, alias="to", description="last date; default the newest",
                               examples=["2026-11-20"])  # fmt: skip
    rebalance: Literal["strategy", "month", "quarter", "year"] = Field(
        "strategy", description="when to rebalance", examples=["strategy"]
    )
    size: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        None, description="stocks to hold", examples=[10]
    )
    buy_rank: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        None, description="last rank to buy", examples=[10]
    )
    sell_rank: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        None, description="last rank to keep", examples=[20]
    )
    weighting: Literal["equal", "drift"] = Field(
        "equal", description="weights at a rebalance", examples=["equal"]
    )
    cost_bps: float = Field(25.0, ge=0, lt=5000, description="cost in basis points", examples=[25])
    min_fee: float = Field(0.0, ge=0, le=1e9, description="least cost of a trade", examples=[0])
    half_spread_bps: float = Field(0.0, ge=0, lt=5000, description="half of the spread",
                                   examples=[0])  # fmt: skip
    fill: Literal["next_close", "next_open"] = Field(
        "next_close", description="price of a trade", examples=["next_close"]
    )
    capital: float = Field(100_000.0, gt=0, le=1e15, description="capital", examples=[100_000])
    whole_shares: bool = Field(False, description="trade whole shares alone", examples=[False])
    delisting_factor: float = Field(1.0, ge=0, le=1, description="part of the last close paid",
                                    examples=[1])  # fmt: skip
    currency: str | None = Field(None, pattern=r"^[A-Z]{3}$", description="currency",
                                 examples=["SEK"])  # fmt: skip
    benchmark: str = Field("universe", pattern=NAME,
                           description="universe, the id of an index, or none",
                           examples=["OMXS30"])  # fmt: skip

    def words(self) -> list[str]:
        """Return the options as the command takes them."""
        found: list[str] = []
        for name, value in self.model_dump(
            mode="json", by_alias=True, include=set(BacktestOptions.model_fields)
        ).items():
            option = f"--{name.replace('_', '-')}"
            if value is True:
                found.append(option)
            elif value is not None and value is not False:
                found += [option, str(value)]
        return found


ALONE: Final = ("--processes", "1")
"""One process, whose memory is watched."""


def backtest_words(version: str, strategy: str, options: BacktestOptions) -> list[str]:
    """Return the command of a backtest of a version of the lake."""
    return [
        "pipelines.backtest", "--strategy", strategy, "--format", "json", "--with-days",
        "--version", version, *ALONE, *options.words(),
    ]  # fmt: skip


def sheet_words(version: str, strategy: str, options: BacktestOptions) -> list[str]:
    """Return the command of a backtest as a page of its own."""
    return [
        "pipelines.backtest", "--strategy", strategy, "--format", "html",
        "--version", version, *ALONE, *options.words(),
    ]  # fmt: skip


class BacktestRequest(BacktestOptions):
    """A backtest with its strategy."""

    strategy: str = Field(pattern=NAME, description="name of a strategy",
                          examples=["trendande_varde"])  # fmt: skip

    @model_validator(mode="before")
    @classmethod
    def _of_its_type(cls, given: object) -> object:
        """Refuse a text or a true in the place of a number, and a number in that of a true."""
        for name, value in given.items() if isinstance(given, dict) else ():
            numeric = name in NUMBERS and isinstance(value, bool | str)
            if numeric or (name == "whole_shares" and not isinstance(value, bool)):
                raise ValueError(f"{name} = {value!r} is of another type; see the document")
        return given


class BacktestAnswer(BaseModel):
    """What a strategy would have earned; a figure that cannot be computed has a reason."""

    strategy: StrategyName
    universe: str = field("universe", "sweden")
    from_: date = Field(
        alias="from", description="day of the first signal", examples=["2010-03-01"]
    )
    to: date = field("last day", "2026-11-20")
    inputs: Row = field("all inputs, with the definition and the libraries", {"size": 10})
    metrics: dict[str, float | None] = field("figures by name", {"cagr": 0.12})
    reasons: dict[str, str] = field("why a figure is null", {})
    periods: list[Row] = field("returns between rebalances", [])
    drawdowns: list[Row] = field("the deepest falls", [])
    by_year: list[Row] = field("returns by year", [])
    by_month: list[Row] = field("returns by month", [])
    turnover_by_year: list[Row] = field("turnover and costs by year", [])
    holdings: list[Row] = field("what was won with each stock", [])
    bounds: list[Row] = field("results by other rules", [])
    trades: int = field("number of trades", 312)
    survivorship: list[Row] = field("stocks by year, and those that ended", [])
    suspects: list[Row] = field("unexplained jumps of stocks that were held", [])
    caveats: list[str] = field("what to keep in mind", [])
    nav: list[Row] = field("value by day", [])
    ledger: list[Row] = field("every trade", [])
    version: VersionId


class FactorAnswer(BaseModel):
    """Whether high ranks went with high returns after."""

    factor: str = field("the strategy whose score it is", "trendande_varde")
    title: Title
    universe: str = field("universe", "sweden")
    from_: date = Field(alias="from", description="first date", examples=["2010-01-04"])
    to: date = field("last date", "2026-11-20")
    dates: int = field("number of dates", 203)
    horizons: list[Row] = field("rank correlation, quantiles and spread by horizon", [])
    factor_rank_autocorrelation: Row = field("of ranks with those of the date before", {})
    quantile_turnover: list[Row] = field("share of each quantile that is new", [])
    coverage: list[Row] = field("stocks and dates by year", [])
    inputs: Row = field("all inputs, with the definition and the libraries", {"quantiles": 5})
    version: VersionId


class Pending(BaseModel):
    """A computation that takes longer than a request waits."""

    job_id: str = field("id of the job", "4f1c0a9b2d3e4f50")
    status: Literal["running"] = field("state", "running")
    status_url: str = field("where the answer will be", "/v1/backtests/4f1c0a9b2d3e4f50")
