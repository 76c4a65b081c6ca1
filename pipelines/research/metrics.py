"""The figures of a series of daily returns, each an expression; null with a reason, never 0.

Names are those of empyrical and quantstats. `docs/research.md` says where conventions differ.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Final

import polars as pl

from pipelines.errors import WrongUsage

TRADING_DAYS: Final = 252
DAYS_A_YEAR: Final = 365.25
STEADY: Final = 1e-12
"""Returns whose standard deviation is no more than this do not vary: what is left is rounding."""

RETURN: Final = pl.col("return")
BENCHMARK: Final = pl.col("benchmark")
WEALTH: Final = (1 + RETURN).cum_prod()
"""It is 1 before the first day, so that a loss on the first day is a drawdown."""
DRAWDOWN: Final = WEALTH / pl.max_horizontal(WEALTH.cum_max(), pl.lit(1.0)) - 1


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure with its name; without a value, the reason."""

    name: str
    value: float | None
    reason: str | None = None


def returns_of(values: pl.DataFrame, column: str = "nav") -> pl.DataFrame:
    """Return `date, return` of a series of values, a row less than there are values.

    A value that follows one of 0 has no return.
    """
    value = pl.col(column)
    change = pl.when(value.shift() > 0).then(value / value.shift() - 1)
    return values.select("date", change.alias("return")).slice(1).drop_nulls()


def daily(rate: float) -> float:
    """Return the rate of a day that gives a rate of a year, compounded."""
    if not (isfinite(rate) and rate > -1):
        raise WrongUsage(f"a rate of {rate:g} a year is none; give one above -1, as 0.02")
    return float((1 + rate) ** (1 / TRADING_DAYS) - 1)


def metrics(
    returns: pl.DataFrame, *, days: int, risk_free: float = 0.0, target: float = 0.0
) -> tuple[Metric, ...]:
    """Return the figures of `date, return`; `days` is how many calendar days the returns span.

    The risk-free rate and the target are those of a year.
    """
    found = returns.select(**_alone(days, daily(risk_free), daily(target)))
    return tuple(_told(found.row(0, named=True), _reasons(returns)))


def _alone(days: int, rate: float, target: float) -> Mapping[str, pl.Expr]:
    growth = (1 + RETURN).product()
    excess, miss = RETURN - rate, pl.min_horizontal(RETURN - target, pl.lit(0.0))
    annual = growth ** (TRADING_DAYS / RETURN.len()) - 1
    deviation = RETURN.std(ddof=1) * TRADING_DAYS**0.5
    downside = (miss**2).mean().sqrt() * TRADING_DAYS**0.5
    lowest = pl.min_horizontal(DRAWDOWN.min(), pl.lit(0.0))
    return {
        "total_return": growth - 1,
        "cagr": growth ** (DAYS_A_YEAR / days) - 1 if days else pl.lit(None, dtype=pl.Float64),
        "annual_return": annual,
        "volatility": deviation,
        "sharpe": excess.mean() * TRADING_DAYS / deviation,
        "downside_risk": downside,
        "sortino": (RETURN - target).mean() * TRADING_DAYS / downside,
        "max_drawdown": lowest,
        "calmar": annual / -lowest,
        "skew": RETURN.skew(),
        "kurtosis": RETURN.kurtosis(),
        "best_day": RETURN.max(),
        "worst_day": RETURN.min(),
    }


def _reasons(returns: pl.DataFrame) -> Mapping[str, str]:
    """Return why figures cannot be computed of these returns."""
    if returns.is_empty():
        return dict.fromkeys(_alone(1, 0.0, 0.0), "there is no return")
    none: dict[str, str] = {}
    if not float(returns.select(RETURN.std(ddof=1).fill_null(0)).item()) > STEADY:
        few = "one return does not vary" if returns.height == 1 else "the returns do not vary"
        none |= dict.fromkeys(("sharpe", "skew", "kurtosis"), few)
        none |= {"volatility": few} if returns.height == 1 else {}
    return none


UNDEFINED: Final = {
    "cagr": "the returns span no calendar day",
    "sortino": "no return is below the target",
    "calmar": "there is no drawdown",
}
"""Why a figure is not finite in the end."""


def _told(row: Mapping[str, float | None], reasons: Mapping[str, str]) -> Iterator[Metric]:
    for name, value in row.items():
        if name in reasons:
            yield Metric(name, None, reasons[name])
        elif value is None or value - value != 0:  # null, NaN or infinite
            yield Metric(name, None, UNDEFINED.get(name, "it is not finite"))
        else:
            yield Metric(name, value)


def relative_metrics(
    returns: pl.DataFrame, benchmark: pl.DataFrame, *, risk_free: float = 0.0
) -> tuple[Metric, ...]:
    """Return the figures of `date, return` against those of a benchmark, on the days of both.

    Days that only one of them has are counted. All is of a year, and by one and the same ddof.
    """
    both = returns.join(benchmark.select("date", benchmark="return"), on="date").sort("date")
    unmatched = returns.height + benchmark.height - 2 * both.height
    found = both.select(**_relative(daily(risk_free))).row(0, named=True)
    none: Mapping[str, str] = {}
    if both.height < 2:
        none = dict.fromkeys(found, "fewer than two days are in both series")
    elif not float(both.select(BENCHMARK.std(ddof=1)).item()) > STEADY:
        none = dict.fromkeys(("alpha", "beta"), "the benchmark does not vary")
    if both.height > 1 and not float(both.select((RETURN - BENCHMARK).std()).item()) > STEADY:
        none = {**none, "information_ratio": "the difference to the benchmark does not vary"}
    return (*_told(found, none), Metric("unmatched_days", float(unmatched)))


def _relative(rate: float) -> Mapping[str, pl.Expr]:
    active = RETURN - BENCHMARK
    beta = pl.cov(RETURN, BENCHMARK, ddof=1) / BENCHMARK.var(ddof=1)
    alpha = (RETURN - rate).mean() - beta * (BENCHMARK - rate).mean()
    error = active.std(ddof=1) * TRADING_DAYS**0.5
    return {
        "alpha": (1 + alpha) ** TRADING_DAYS - 1,
        "beta": beta,
        "tracking_error": error,
        "information_ratio": active.mean() * TRADING_DAYS / error,
        "benchmark_return": (1 + BENCHMARK).product() - 1,
    }


# ------------------------------------------------------------------------ drawdowns, periods


def drawdowns(values: pl.DataFrame, deepest: int = 5) -> pl.DataFrame:
    """Return the deepest falls of `date, nav`: `peak, trough, recovery, depth`, deepest first.

    One that has not recovered has no day of recovery.
    """
    top = pl.col("nav").cum_max()
    is_new = pl.col("nav") >= top
    rows = values.with_columns(spell=is_new.cum_sum(), depth=pl.col("nav") / top - 1)
    falls = (
        rows.group_by("spell")
        .agg(
            peak=pl.col("date").first(), trough=pl.col("date").get(pl.col("depth").arg_min()),
            last=pl.col("date").last(), depth=pl.col("depth").min(),
        )
        .filter(pl.col("depth") < 0)
    )  # fmt: skip
    ends = rows.select("date", next_=pl.col("date").shift(-1))
    back = falls.join(ends, left_on="last", right_on="date", how="left")
    return (
        back.select("peak", "trough", "depth", recovery="next_")
        .sort("depth", "peak")
        .head(deepest)
        .select("peak", "trough", "recovery", "depth")
    )


def by_period(values: pl.DataFrame, every: str) -> pl.DataFrame:
    """Return `period, return` of `date, nav`, by calendar month (`1mo`) or year (`1y`).

    The first period begins with the first value.
    """
    last = values.group_by(period=pl.col("date").dt.truncate(every)).agg(
        pl.col("nav").sort_by("date").last(), first=pl.col("nav").sort_by("date").first()
    )
    before = pl.col("nav").shift().fill_null(pl.col("first"))
    change = pl.when(before > 0).then(pl.col("nav") / before - 1)
    return last.sort("period").select("period", change.alias("return"))


def between(values: pl.DataFrame, days: pl.Series) -> pl.DataFrame:
    """Return `since, until, return` of `date, nav` between consecutive days, and up to the last."""
    marks = pl.concat([days, values["date"].tail(1)]).unique().sort()
    chosen = values.filter(pl.col("date").is_in(marks.implode()))
    before = pl.col("nav").shift()
    change = pl.when(before > 0).then(pl.col("nav") / before - 1)
    rows = chosen.select(since=pl.col("date").shift(), until="date", change=change)
    return rows.slice(1).rename({"change": "return"})
