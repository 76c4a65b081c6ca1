"""The pipelines under the names of the oracle, so that one literal case is put to both."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import polars as pl

from pipelines.ranking import factors, windows
from pipelines.ranking.eligible import market_cap_floor
from pipelines.ranking.factors import SIGNALS
from pipelines.ranking.known import newest_ratios
from pipelines.ranking.rank import rankings
from pipelines.ranking.statements import statements
from pipelines.ranking.strategies import STRATEGIES
from pipelines.universe import Universe
from tests.factories import Row, frame_lake

Floors = Sequence[tuple[date | None, float]]


def rank(
    stocks: list[Row],
    prices: list[Row],
    fundamentals: list[Row],
    *,
    strategy: str,
    as_of: date,
    universe: Any,
) -> list[Row]:
    """Every stock with its measures: the ranked ones by rank, then the excluded by ticker."""
    plan = rankings(
        frame_lake(stocks, prices, fundamentals),
        as_of=as_of,
        universe=_universe(universe["markets"], universe["floors"]),
        strategies=[STRATEGIES[strategy]],
    )
    frame = plan.collect(engine="streaming")
    # A strategy's own metrics only: the others are null in one table for all.
    chosen = STRATEGIES[strategy].composite
    own = {f"p_{m.name}" for m in chosen.metrics} if chosen else set()
    others = [c for c in frame.columns if c.startswith("p_") and c not in own]
    rows = frame.drop(others).iter_rows(named=True)
    return [row | {"signals": [row[s] for s in SIGNALS]} for row in rows]


def _universe(markets: Sequence[str], floors: Floors) -> Universe:
    dated = sorted((day or date.min, cap) for day, cap in floors)
    return Universe(name="sweden", markets=tuple(markets), currency="SEK", floors=tuple(dated))


def months_back(day: date, months: int) -> date:
    """The same day of an earlier month, or that month's last day if it is shorter."""
    found: date = pl.select(windows.months_before(pl.lit(day), months)).item()
    return found


def floor_on(floors: Floors, day: date) -> float:
    """The floor on a day, in million."""
    found: float = pl.select(market_cap_floor(_universe((), floors), pl.lit(day))).item()
    return found


def ratios_row(known: list[Row], as_of: date) -> Row:
    """The row whose ratios hold on a date; an empty one if there is none or it is too old."""
    rows = frame_lake([], [], known).fundamentals()
    return next(newest_ratios(rows, pl.lit(as_of)).collect().iter_rows(named=True), {})


def f_score_columns(known: list[Row], as_of: date) -> Row:
    """The F-score of one company."""
    rows = frame_lake([], [], known).fundamentals()
    one = pl.LazyFrame({"ticker": ["A"]}).join(
        statements(rows, pl.lit(as_of)), on="ticker", how="left"
    )
    frame = one.with_columns(*factors.f_signals()).with_columns(*factors.f_score()).collect()
    row = frame.row(0, named=True)
    return row | {"signals": [row[s] for s in SIGNALS]}
