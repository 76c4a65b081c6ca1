"""The tear sheet of a portfolio: its figures, drawdowns, years, months, periods and bounds."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import polars as pl

from pipelines.research.metrics import (
    DAYS_A_YEAR,
    Metric,
    between,
    by_period,
    drawdowns,
    metrics,
    relative_metrics,
    returns_of,
)


class Bound(NamedTuple):
    """What becomes of the portfolio where one rule is another."""

    name: str
    growth: float
    cagr: float | None
    max_drawdown: float | None


@dataclass(frozen=True)
class TearSheet:
    """The figures of a portfolio, and the frames behind them."""

    metrics: tuple[Metric, ...]
    drawdowns: pl.DataFrame
    years: pl.DataFrame
    """`period, return, benchmark`."""
    months: pl.DataFrame
    """Likewise by month."""
    periods: pl.DataFrame
    """`since, until, return, benchmark` between rebalances."""
    flows: pl.DataFrame
    """`period, turnover, costs` by year; the costs are a share of the value."""
    gains: pl.DataFrame
    """`ticker, gain`, the best first."""
    bounds: tuple[Bound, ...]

    def value(self, name: str) -> float | None:
        """Return a figure by its name."""
        return next((metric.value for metric in self.metrics if metric.name == name), None)


def tear_sheet(  # noqa: PLR0913, PLR0917 - each part is a frame of its own
    nav: pl.DataFrame, flows: pl.DataFrame, signals: pl.Series, benchmark: pl.DataFrame | None,
    gains: pl.DataFrame, bounds: Sequence[Bound], risk_free: float,
) -> TearSheet:  # fmt: skip
    """Return the tear sheet of `date, nav`."""
    both = [nav] if benchmark is None else [nav, _on_days_of(nav, benchmark)]
    periods = _beside([between(values, signals) for values in both], "until")
    paid = flows.join(nav.select("date", "nav"), on="date").with_columns(
        costs=pl.col("costs") / pl.col("nav")
    )
    years = (nav["date"][-1] - nav["date"][0]).days / DAYS_A_YEAR
    found = [*_figures(nav, benchmark, risk_free), *_of_periods(periods), *_of_flows(paid, years)]
    return TearSheet(
        metrics=tuple(found),
        drawdowns=drawdowns(nav),
        years=_beside([by_period(values, "1y") for values in both], "period"),
        months=_beside([by_period(values, "1mo") for values in both], "period"),
        periods=periods,
        flows=paid.group_by(period=pl.col("date").dt.truncate("1y"))
        .agg(pl.col("turnover", "costs").sum())
        .sort("period"),
        gains=gains.sort("gain", "ticker", descending=[True, False]),
        bounds=tuple(bounds),
    )  # fmt: skip


def bound(name: str, nav: pl.DataFrame) -> Bound:
    """Return the line of a bound from its values."""
    found = {m.name: m.value for m in _alone(nav, 0.0)}
    growth = nav["nav"][-1] / nav["nav"][0]
    return Bound(name, growth, found["cagr"], found["max_drawdown"])


def _alone(nav: pl.DataFrame, risk_free: float) -> Iterable[Metric]:
    days = (nav["date"][-1] - nav["date"][0]).days
    return metrics(returns_of(nav), days=days, risk_free=risk_free)


def _figures(
    nav: pl.DataFrame, benchmark: pl.DataFrame | None, risk_free: float
) -> Iterator[Metric]:
    yield from _alone(nav, risk_free)
    if benchmark is not None:
        yield from relative_metrics(returns_of(nav), returns_of(benchmark), risk_free=risk_free)


def _of_periods(periods: pl.DataFrame) -> Iterator[Metric]:
    """Yield how often a period between rebalances was a gain, and its best and worst."""
    change = periods["return"].drop_nulls()
    few = "there is no period between rebalances"
    for name, value in (
        ("hit_rate", (change > 0).mean()), ("best_period", change.max()),
        ("worst_period", change.min()),
    ):  # fmt: skip
        yield Metric(name, None, few) if change.is_empty() else Metric(name, _number(value))
    if "benchmark" in periods.columns:
        ahead = periods.drop_nulls().select((pl.col("return") > pl.col("benchmark")).mean()).item()
        yield Metric("hit_rate_relative", ahead, None if ahead is not None else few)


def _of_flows(paid: pl.DataFrame, years: float) -> Iterator[Metric]:
    """Yield the turnover and the costs of a year; the costs are a share of the value."""
    for name in ("turnover", "costs"):
        if years > 0:
            yield Metric(name, float(paid[name].sum()) / years)
        else:
            yield Metric(name, None, "the values span no calendar day")


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _on_days_of(nav: pl.DataFrame, benchmark: pl.DataFrame) -> pl.DataFrame:
    """Return the last value of the benchmark on or before each day of a portfolio."""
    return nav.select("date").join_asof(benchmark.select("date", "nav"), on="date").drop_nulls()


def _beside(parts: Sequence[pl.DataFrame], key: str) -> pl.DataFrame:
    """Return the returns of a portfolio, with those of its benchmark in the same periods."""
    mine, *others = parts
    for other in others:
        theirs = other.select(key, benchmark="return")
        mine = mine.join(theirs, on=key, how="left", maintain_order="left")
    return mine
