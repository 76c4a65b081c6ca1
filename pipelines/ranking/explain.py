"""The explanation of a stock's place in a ranking."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from math import isclose
from typing import Any, Final, Literal

import polars as pl

from pipelines.definition import Order
from pipelines.ranking.factors import SIGNALS
from pipelines.ranking.jumps import JUMP_FACTS
from pipelines.ranking.strategies import STRATEGIES
from pipelines.ranking.strategy import Metric, Strategy
from pipelines.ranking.timely import MULTIPLES
from pipelines.ranking.verdicts import CutFact, ScreenFact, cut_fact, ranked_instead, screen_facts
from pipelines.ranking.windows import MONTHS


@dataclass(frozen=True, kw_only=True, slots=True)
class ReturnFact:
    """A price return up to the date of the ranking, and the close that it is measured from.

    `value` is in the currency of the universe, `local` in that of the listing. They differ only
    where the universe converts returns; `rate_change` is then what the rate did, as a fraction.
    """

    months: int
    value: float | None
    local: float | None
    rate_change: float | None
    base_date: date | None
    base_close: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class JumpFact:
    """The newest jump of a price that nothing explains, with the closes before and after it."""

    date: date
    close_before: float
    close: float


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricFact:
    """A metric of the composite; `percentile` is null where the stock is not ranked by it.

    `reported` is the value before it was brought to the price of the date; that of a metric that
    depends on no price is the value itself.
    """

    name: str
    value: float | None
    reported: float | None
    percentile: float | None
    higher_is_better: bool
    weight: float = 1.0
    compared: int | None = None
    """How many stocks are ranked by it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SignalFact:
    """A signal of the F-score; null where an input is missing."""

    name: str
    value: bool | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """The row of a stock in a ranking, with the figures that put it there.

    Its fields are the columns that `pipelines.ranking.rankings` describes; `metrics` is empty for a
    strategy without a composite.
    """

    strategy: str
    display_name: str
    ticker: str
    name: str | None
    as_of: date
    rank: int | None
    excluded_by: str | None
    score: float | None
    market_cap_msek: float | None
    market_cap_source: Literal["reported", "current", "price_scaled"] | None
    market: str | None
    sector: str | None
    stock_type: str | None
    currency: str | None
    close: float | None
    close_date: date | None
    jump: JumpFact | None
    returns: tuple[ReturnFact, ...]
    metrics: tuple[MetricFact, ...]
    composite: float | None
    primary_rank: int | None
    f_score: int
    f_available: int
    f_source: Literal["computed", "vendor"]
    fiscal_date: date | None
    f_signals: tuple[SignalFact, ...]
    ratios_known_from: date | None
    multiples_as_of: date | None
    score_name: str = "momentum"
    score_is_fraction: bool = True
    score_is_best: Order = "highest"
    screens: tuple[ScreenFact, ...] = ()
    cut: CutFact | None = None
    ranked_instead: str | None = None

    @property
    def is_compared(self) -> bool:
        """Return true if the metrics of the stock are ranked among those of the universe."""
        return self.composite is not None or self.excluded_by == "missing_metrics"


COLUMNS: Final = (
    "strategy", "ticker", "name", "as_of", "rank", "excluded_by", "score", "market_cap_msek",
    "market_cap_source", "market", "sector", "stock_type", "currency", "close", "close_date",
    "composite", "primary_rank", "f_score", "f_available", "f_source", "fiscal_date",
    "ratios_known_from", "multiples_as_of",
)  # fmt: skip
"""The fields that are columns of a ranking."""


ROUNDING: Final = 2e-7
"""More than two closes that are Float32 differ from those that are quoted, as a fraction."""


def explanations(
    rows: pl.DataFrame,
    strategies: Mapping[str, Strategy] = STRATEGIES,
    *,
    among: pl.DataFrame | None = None,
    isins: Mapping[str, str | None] | None = None,
) -> Iterator[Explanation]:
    """Yield the explanation of each row of a ranking, by these strategies.

    With `among`, the rankings that the rows are of, are the counts and who is ranked in place of a
    stock; the latter needs `isins` too, by ticker, where shares have several tickers.
    """
    for place, row in enumerate(rows.iter_rows(named=True)):
        strategy = strategies[row["strategy"]]
        why = _explanation(row, strategy)
        why = replace(why, screens=tuple(screen_facts(rows[place], strategy)))
        if among is not None:
            why = _compared(why, row, among.filter(strategy=strategy.name), strategy, isins or {})
        yield why


def _compared(
    why: Explanation, row: Mapping[str, Any], ranking: pl.DataFrame, strategy: Strategy,
    isins: Mapping[str, str | None],
) -> Explanation:  # fmt: skip
    """Return an explanation with what follows from the whole ranking."""
    metrics = (replace(m, compared=ranking[f"p_{m.name}"].count()) for m in why.metrics)
    return replace(
        why,
        metrics=tuple(metrics),
        cut=cut_fact(row, ranking, strategy),
        ranked_instead=ranked_instead(row, ranking, isins),
    )


def _explanation(row: Mapping[str, Any], strategy: Strategy) -> Explanation:
    return Explanation(
        **{column: row[column] for column in COLUMNS},
        display_name=strategy.title,
        jump=_jump(row),
        returns=tuple(_return(row, months) for months in MONTHS),
        metrics=tuple(_metric(row, metric) for metric in strategy.metrics),
        score_name=strategy.score.name,
        score_is_fraction=strategy.score.is_fraction,
        score_is_best=strategy.score.best,
        f_signals=tuple(SignalFact(name=signal, value=row[signal]) for signal in SIGNALS),
    )


def _jump(row: Mapping[str, Any]) -> JumpFact | None:
    day, before, close = (row[column] for column in JUMP_FACTS)
    return JumpFact(date=day, close_before=before, close=close) if day else None


def _return(row: Mapping[str, Any], months: int) -> ReturnFact:
    value, close, base = row[f"return_{months}m"], row["close"], row[f"base_close_{months}m"]
    local = close / base - 1 if close is not None and base is not None else None
    return ReturnFact(
        months=months,
        value=value,
        local=local,
        rate_change=_rate_change(value, local),
        base_date=row[f"base_date_{months}m"],
        base_close=base,
    )


def _rate_change(value: float | None, local: float | None) -> float | None:
    """Return what a rate did between two closes; None where no return was converted.

    A return of closes as they are quoted differs from that of the Float32 closes by their rounding.
    """
    if value is None or local is None or isclose(value + 1, local + 1, rel_tol=ROUNDING):
        return None
    return (value + 1) / (local + 1) - 1


def _metric(row: Mapping[str, Any], metric: Metric) -> MetricFact:
    name = metric.name
    return MetricFact(
        name=name,
        value=row[name],
        reported=row[f"{name}_reported" if name in MULTIPLES else name],
        percentile=row[f"p_{name}"],
        higher_is_better=metric.best == "highest",
        weight=metric.weight,
    )
