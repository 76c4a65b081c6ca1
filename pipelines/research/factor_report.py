"""The report of a factor: whether a high rank goes with a high return after."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

import numpy as np
import polars as pl

from pipelines.bars import Progress
from pipelines.definition import definition_of
from pipelines.errors import StockRankError, Unknown, WrongUsage
from pipelines.lake import Lake
from pipelines.ranking import FACTORS, Strategy, history_of_ranks, strategy_of
from pipelines.research.arrays import Numbers
from pipelines.research.ics import (
    DAY,
    Mean,
    information_coefficient,
    mean_of,
    quantile_turnover,
    rank_autocorrelation,
    returns_by_quantile,
    with_quantiles,
)
from pipelines.research.market import Market, Wanted, market_of
from pipelines.research.ranks import OF_THE_UNIVERSE, signal_days
from pipelines.research.rules import LONGEST_WAIT
from pipelines.universe import Universe

HORIZONS: Final = (1, 3, 6, 12)
"""Months over which the return after a date is measured."""
EVERY_MONTH: Final = tuple(range(1, 13))
ROWS: Final = pl.Schema(
    {DAY: pl.Date, "ticker": pl.String, "sector": pl.String, "factor": pl.Float64}
)


class Horizon(NamedTuple):
    """What a factor says of the return over some months; `dropped` are rows by their reason."""

    months: int
    rows: int
    dropped: dict[str, int]
    ic: Mean
    quantiles: tuple[Mean, ...]
    spread: Mean
    by_year: pl.DataFrame
    by_sector: pl.DataFrame


@dataclass(frozen=True)
class FactorReport:
    """The report of a factor, or of the score of a strategy, in a universe."""

    name: str
    title: str
    strategy: Strategy
    universe: Universe
    since: date
    until: date
    dates: int
    horizons: tuple[Horizon, ...]
    autocorrelation: Mean
    turnover: tuple[Mean, ...]
    """Of each quantile."""
    coverage: pl.DataFrame
    """`year, eligible, ranked`: rows of stocks and dates."""
    version: str


def strategy_of_factor(name: str) -> Strategy:
    """Return the strategy that orders all eligible stocks by a factor; `Unknown` for no factor."""
    if name not in FACTORS:
        raise Unknown("factor", name, FACTORS)
    known = FACTORS[name]
    return strategy_of(definition_of(f"by_{name.lower()}", {
        "title": name, "description": known.sentence, "type": "other",
        "rebalance_months": EVERY_MONTH,
        "score": {"factor": name, "order": known.best or "highest"},
    }))  # fmt: skip


def factor_report(
    lake: Lake, strategy: Strategy, universe: Universe, span: tuple[date, date], *,
    quantiles: int = 5, progress: Progress,
) -> FactorReport:  # fmt: skip
    """Return the report of a strategy's score, on the first trading day of each month of a span."""
    since, until = span
    if quantiles < 2:
        raise WrongUsage(f"{quantiles} quantiles compare nothing; give 2 or more")
    days = signal_days(lake, since, until, EVERY_MONTH)
    eligible = _eligible(lake, days, strategy, universe, progress)
    rows = eligible.drop_nulls("factor")
    if rows.is_empty():
        raise StockRankError(
            f"{strategy.name} ranks no stock of {universe.name} from {since} to {until}; "
            "give other dates"
        )
    market = market_of(lake, Wanted(
        tickers=tuple(rows["ticker"].unique().sort()), since=days[0], until=until,
        currency=None if universe.returns_in == "local" else universe.returns_in,
        trusted_jumps=universe.trusted_jumps,
    ))  # fmt: skip
    ranked = with_quantiles(rows, quantiles)
    change = quantile_turnover(ranked)
    return FactorReport(
        name=strategy.name, title=strategy.title, strategy=strategy, universe=universe,
        since=days[0], until=until, dates=len(days),
        horizons=tuple(_horizon(ranked, eligible, market, m, quantiles) for m in HORIZONS),
        autocorrelation=mean_of(rank_autocorrelation(rows)["value"], 0),
        turnover=tuple(
            mean_of(change.filter(quantile=n)["value"], 0) for n in range(1, quantiles + 1)
        ),
        coverage=_coverage(eligible), version=lake.version,
    )  # fmt: skip


def _eligible(
    lake: Lake, days: Sequence[date], strategy: Strategy, universe: Universe, progress: Progress
) -> pl.DataFrame:
    """Return the eligible stocks of each date; `factor` is higher the better the rank, or null.

    Stocks with one and the same score share the mean of their ranks, for what else orders them is
    not the factor.
    """
    parts, done = [pl.DataFrame(schema=ROWS)], 0
    for plan in history_of_ranks(lake, dates=days, universe=universe, strategies=[strategy]):
        inside = ~pl.col("excluded_by").is_in(OF_THE_UNIVERSE).fill_null(value=False)
        block = plan.filter(inside).select(
            DAY, "ticker", "sector", "score", factor=-pl.col("rank").cast(pl.Float64)
        )
        parts.append(_with_ties(block.collect(engine="streaming")))
        done += parts[-1][DAY].n_unique()
        progress("dates", done, len(days))
    return pl.concat(parts)


def _with_ties(rows: pl.DataFrame) -> pl.DataFrame:
    mean = pl.col("factor").mean().over(DAY, "score")
    shared = pl.when(pl.col("factor").is_not_null()).then(mean)
    return rows.with_columns(factor=shared).select(ROWS.names())


def _horizon(
    ranked: pl.DataFrame, eligible: pl.DataFrame, market: Market, months: int, quantiles: int
) -> Horizon:
    rows, dropped = with_forward(ranked, market, months)
    dropped["no_value"] = eligible.height - ranked.height
    overlap = months - 1
    ics = information_coefficient(rows)
    means = returns_by_quantile(rows)
    wide = means.pivot("quantile", index=DAY, values="forward").sort(DAY)
    of = [
        mean_of(wide[str(n)], overlap) if str(n) in wide.columns else mean_of(wide[:0, 0], 0)
        for n in range(1, quantiles + 1)
    ]
    ends = [str(quantiles), "1"]
    spread = wide[ends[0]] - wide[ends[1]] if set(ends) <= set(wide.columns) else pl.Series([None])
    return Horizon(
        months=months, rows=rows.height, dropped=dropped, ic=mean_of(ics["ic"], overlap),
        quantiles=tuple(of), spread=mean_of(spread.cast(pl.Float64), overlap),
        by_year=ics.group_by(year=pl.col(DAY).dt.year()).agg(pl.col("ic").mean()).sort("year"),
        by_sector=_by_sector(rows),
    )  # fmt: skip


def with_forward(
    rows: pl.DataFrame, market: Market, months: int
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return rows with their return after the date, `forward`, and how many are dropped and why.

    It is from the first price after the date, at most ten days after it, to the last close up to so
    many months after the date. One that is delisted meanwhile is worth its last close.
    """
    stocks = pl.DataFrame({"ticker": market.tickers}, schema={"ticker": pl.String})
    placed = rows.join(stocks.with_row_index("stock"), on="ticker", maintain_order="left")
    stock = placed["stock"].to_numpy()
    dates = placed[DAY].to_numpy().astype("datetime64[D]")
    ends = placed.select(pl.col(DAY).dt.offset_by(f"{months}mo"))[DAY]
    end = ends.to_numpy().astype("datetime64[D]")
    after = np.searchsorted(market.days, dates, side="right")
    entry = _next_prices(market)[np.minimum(after, len(market.days) - 1), stock]
    known = np.minimum(entry, len(market.days) - 1)
    in_time = (after < len(market.days)) & (entry < len(market.days))
    in_time &= market.days[known] - dates <= np.timedelta64(LONGEST_WAIT, "D")
    is_over = end <= market.days[-1]
    last = np.searchsorted(market.days, end, side="right") - 1
    forward = market.value[np.maximum(last, 0), stock] / market.fill[known, stock] - 1
    found = placed.with_columns(forward=pl.Series(forward)).filter(pl.Series(in_time & is_over))
    told = {"not_over": int((~is_over).sum()), "no_price": int((is_over & ~in_time).sum())}
    return found.drop("stock"), told


def _next_prices(market: Market) -> Numbers:
    """Return the first day, from each day on, on which a stock is traded; or the number of days."""
    count = len(market.days)
    rows = np.arange(count)[:, None]
    open_ = np.where(np.isnan(market.fill), count, rows)
    found: Numbers = np.minimum.accumulate(open_[::-1], axis=0)[::-1]
    return found


def _by_sector(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the mean rank correlation of dates with three stocks or more, by sector."""
    by = ("sector", DAY)
    enough = rows.filter(pl.len().over(by) >= 3)
    ics = information_coefficient(enough, by)
    return ics.group_by("sector").agg(pl.col("ic").mean(), dates=pl.len()).sort("sector")


def _coverage(eligible: pl.DataFrame) -> pl.DataFrame:
    return (
        eligible.group_by(year=pl.col(DAY).dt.year())
        .agg(eligible=pl.len(), ranked=pl.col("factor").count())
        .sort("year")
    )


def table_of(report: FactorReport) -> Iterator[tuple[str, ...]]:
    """Yield the lines of a report as people read them: a line a horizon."""
    for one in report.horizons:
        returns = [_percent(mean.mean) for mean in one.quantiles]
        yield (
            "1 month" if one.months == 1 else f"{one.months} months",
            _number(one.ic.mean, 4), _number(one.ic.t, 2), *returns,
            _percent(one.spread.mean), _number(one.spread.t, 2), f"{one.rows:,}",
            ", ".join(f"{reason} {count:,}" for reason, count in one.dropped.items() if count),
        )  # fmt: skip


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.2%}"


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"
