"""The planted truth of the demo market: no error of a price makes a rank, and every real move does.

What a ranking says on a date is held against the closes that the truth leaves of the database: the
slips that have reverted are taken out, and closes before a split that is known are adjusted. Only
what is known on the date counts.
"""

import sqlite3
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final

import polars as pl
import pytest

from pipelines.demo_market import Plant, make_market, read_truth
from pipelines.export import export
from pipelines.lake import Lake
from pipelines.ranking import Strategy, history, rankings
from pipelines.ranking.eligible import FINANCIAL
from pipelines.universe import NORDIC, TrustedJump, Universe
from tests.oracle import months_back

pytestmark = pytest.mark.slow

ALL: Final = Universe(name="all", markets=NORDIC.markets, currency="SEK")
EVERYONE: Final = Strategy(
    name="everyone", title="Everyone", description="All by momentum.", type="momentum",
    rebalance_months=(1,), keep_sectors=FINANCIAL,
)  # fmt: skip
REAL: Final = {"crash", "rise"}
NEVER_EXPLAINED: Final = REAL | {"unknown_split", "unknown_reverse_split"}
RAW: Final = {"split", "reverse_split"}
TEN_DAYS: Final = timedelta(days=10)
EXACT: Final = 2e-6
"""Closes are kept in single precision."""


@dataclass(frozen=True)
class Market:
    """A lake, its planted truth, and the closes of each planted stock in the database."""

    lake: Lake
    truth: list[Plant]
    closes: dict[str, dict[date, float]]

    def history(self, days: Iterable[date], universe: Universe = ALL) -> pl.DataFrame:
        """The rankings of the planted stocks on these days."""
        plans = history(self.lake, dates=sorted(set(days)), universe=universe)
        wanted = pl.col("ticker").is_in(list(self.closes))
        return pl.concat([p.filter(wanted).collect(engine="streaming") for p in plans])

    def place(self, ticker: str, day: date, universe: Universe) -> tuple[Any, ...]:
        """The rank of a stock among all, why it has none, and its score."""
        plan = rankings(self.lake, as_of=day, universe=universe, strategies=[EVERYONE])
        row = plan.filter(ticker=ticker).select("rank", "excluded_by", "score")
        return row.collect(engine="streaming").row(0)


@pytest.fixture(scope="module", params=[2, 7])
def market(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Market:
    folder = tmp_path_factory.mktemp("planted")
    source = folder / "market.db"
    make_market(source, stocks=120, years=4, seed=request.param, plants=True)
    export(source, folder / "lake", ALL)
    truth = read_truth(source)
    with closing(sqlite3.connect(source)) as connection:
        query = "SELECT date, close FROM daily_prices WHERE ticker = ?"
        closes = {
            plant.ticker: {
                date.fromisoformat(day): close
                for day, close in connection.execute(query, (plant.ticker,))
            }
            for plant in truth
        }
    return Market(Lake(folder / "lake"), truth, closes)


# ------------------------------------------------------------------------------ what is known


def days_of(plant: Plant) -> list[date]:
    return [date.fromisoformat(day) for day in plant.dates]


def is_suspect(plant: Plant, day: date) -> bool:
    """Whether the jump of a plant is unexplained on a date that it touches."""
    first, *back = days_of(plant)
    last = date.fromisoformat(plant.touches[1])
    if plant.kind == "slip":
        return first <= day < back[0]
    return plant.kind in NEVER_EXPLAINED and first <= day <= last


def known_closes(plant: Plant, closes: dict[date, float], day: date) -> dict[date, float]:
    """The closes up to a day, without what is known to be wrong, adjusted for what is known."""
    first, *back = days_of(plant)
    known = {d: close for d, close in closes.items() if d <= day}
    if plant.kind == "slip" and back[0] <= day:
        return {d: close for d, close in known.items() if not first <= d < back[0]}
    if plant.kind in RAW and first <= day and plant.ratio:
        return {d: close / plant.ratio if d < first else close for d, close in known.items()}
    return known


def momentum(closes: dict[date, float], day: date) -> float | None:
    """The mean of the returns over 3, 6 and 12 months, as the methodology has it."""
    dates = sorted(closes)

    def at(end: date) -> float | None:
        before = bisect_right(dates, end)
        near = before and dates[before - 1] >= end - TEN_DAYS
        return closes[dates[before - 1]] if near else None

    now, bases = at(day), [at(months_back(day, months)) for months in (3, 6, 12)]
    if now is None or None in bases:
        return None
    return sum(now / base - 1 for base in bases if base) / 3


def days_to_try(plant: Plant, closes: dict[date, float]) -> Iterator[date]:
    """Every trading day that a plant can touch, twenty days around them, and the borders."""
    first, *back = days_of(plant)
    last = date.fromisoformat(plant.touches[1])
    around = timedelta(days=20)
    borders = {first, *back, *(day - timedelta(days=1) for day in (first, *back)), last}
    borders |= {last + timedelta(days=1)}
    traded = {day for day in closes if first - around <= day <= last + around}
    return (day for day in borders | traded if min(closes) <= day <= max(closes))


# ---------------------------------------------------------------------------------- the rules


def test_every_real_move_is_ranked_once_it_is_trusted(market: Market) -> None:
    real = [plant for plant in market.truth if plant.kind in REAL]
    trusted = tuple(TrustedJump(plant.ticker, days_of(plant)[0]) for plant in real)
    assert len(real) >= 4
    for plant in real:
        first, closes = days_of(plant)[0], market.closes[plant.ticker]
        last = min(date.fromisoformat(plant.touches[1]), market.lake.as_of)
        for day in (first, first + (last - first) / 2, last):
            doubted = market.place(plant.ticker, day, ALL)
            believed = market.place(plant.ticker, day, replace(ALL, trusted_jumps=trusted))
            expected = pytest.approx(momentum(closes, day), rel=EXACT, abs=EXACT)
            assert doubted[:2] == (None, "suspect_price"), (plant, day)
            assert believed == (believed[0], None, expected), (plant, day)
            assert believed[0] is not None, (plant, day)


def test_every_planted_error_is_excluded_or_adjusted_on_every_date_it_can_touch(
    market: Market,
) -> None:
    days = {d for p in market.truth for d in days_to_try(p, market.closes[p.ticker])}
    rows = market.history(days)
    by_ticker = {ticker: part for (ticker,), part in rows.group_by("ticker")}
    seen = {"suspect": 0, "adjusted": 0}
    for plant in market.truth:
        closes = market.closes[plant.ticker]
        tried = set(days_to_try(plant, closes))
        for as_of, rank, reason, score in (
            by_ticker[plant.ticker].select("as_of", "rank", "excluded_by", "score").iter_rows()
        ):
            if as_of not in tried:
                continue
            if is_suspect(plant, as_of):
                assert rank is None, (plant, as_of)
                assert reason in {"suspect_price", "not_a_stock", "inactive"}, (
                    plant,
                    as_of,
                    reason,
                )
                seen["suspect"] += 1
            else:
                expected = momentum(known_closes(plant, closes, as_of), as_of)
                assert reason != "suspect_price", (plant, as_of)
                assert score == (expected if expected is None else pytest.approx(
                    expected, rel=EXACT, abs=EXACT)), (plant, as_of)  # fmt: skip
                seen["adjusted"] += 1
    assert min(seen.values()) > 2_000
