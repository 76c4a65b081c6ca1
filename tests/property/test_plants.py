"""A thousand stocks with errors planted at random: what stands is what the clean prices give.

Each stock has calm prices without any error, and what a source says of them: slips of the decimal
point, splits that nobody adjusted for, splits that are known, with raw prices before them or with
adjusted ones, and real moves. On every date a stock is `suspect_price`, or its momentum is that of
the clean prices.
"""

import os
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from pipelines.export import export
from pipelines.lake import Lake
from pipelines.ranking import history
from pipelines.universe import SWEDEN
from tests.factories import Row, database
from tests.oracle import months_back

pytestmark = pytest.mark.slow

STOCKS: Final = 1_000
SEED: Final = int(os.environ.get("PLANTS_SEED", "11"))
"""Another number plants another thousand stocks."""
START: Final = date(2023, 1, 2)
DAYS: Final = tuple(
    day for n in range(1_180) if (day := START + timedelta(days=n)).weekday() < 5
)  # fmt: skip
TEN_DAYS: Final = timedelta(days=10)
SLIPS: Final = (0.01, 0.1, 10.0, 100.0)
UNKNOWN: Final = (0.1, 0.25, 3.0, 4.0, 10.0)
KNOWN: Final = (0.05, 0.1, 0.5, 1.5, 2.0, 3.0, 10.0)
MOVES: Final = (0.05, 0.2, 0.39, 2.6, 3.0, 5.0)
PAIRS: Final = (
    ("slip", "slip"), ("slip", "raw"), ("slip", "adjusted"), ("raw", "adjusted"), ("raw", "raw"),
    ("unknown", "raw"), ("slip",), ("unknown",), ("raw",), ("adjusted",), ("move",), (),
)  # fmt: skip
NEAR: Final = 0.05
"""A close up to ten days earlier may stand for one that is known to be wrong."""

Floats = npt.NDArray[np.float64]


@dataclass
class Planted:
    """A stock: its clean closes, its closes in the source, and the splits that the source knows."""

    ticker: str
    clean: Floats
    source: Floats
    splits: dict[date, float] = field(default_factory=dict)

    def plant(self, kind: str, at: int, rng: np.random.Generator) -> None:
        if kind == "slip":
            self.source[at : at + int(rng.integers(1, 60))] *= rng.choice(SLIPS)
        if kind == "unknown":
            self.source[:at] *= rng.choice(UNKNOWN)
        if kind == "move":
            self.clean[at:] *= (size := rng.choice(MOVES))
            self.source[at:] *= size
        if kind in ("raw", "adjusted"):
            ratio = float(rng.choice(KNOWN))
            self.source[:at] *= ratio if kind == "raw" else 1
            self.splits[DAYS[at]] = ratio


def planted(number: int) -> Planted:
    """A stock with up to two plants, which are a hundred days apart."""
    rng = np.random.default_rng((SEED, number))
    clean = 100 * np.exp(rng.normal(0, 0.003, len(DAYS)).cumsum())
    stock = Planted(f"S{number:04}", clean, clean.copy())
    first = int(rng.integers(20, len(DAYS) - 20))
    for kind, at in zip(
        PAIRS[number % len(PAIRS)], (first, (first + 100) % len(DAYS)), strict=False
    ):
        stock.plant(kind, max(at, 20), rng)
    return stock


def rows(stocks: list[Planted]) -> Iterator[Row]:
    for stock in stocks:
        for day, close in zip(DAYS, stock.source.tolist(), strict=True):
            yield {"ticker": stock.ticker, "date": day.isoformat(), "close": close}


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Planted]]:
    folder = tmp_path_factory.mktemp("plants")
    stocks = [planted(number) for number in range(STOCKS)]
    known = [(s.ticker, day, ratio) for s in stocks for day, ratio in s.splits.items()]
    database(
        folder / "app.db",
        stocks=[{"ticker": s.ticker, "market_cap_msek": 9e3, "sector": "Industri"} for s in stocks],
        daily_prices=rows(stocks),
        splits=[{"ticker": t, "date": day.isoformat(), "ratio": r} for t, day, r in known],
    )
    export(folder / "app.db", folder / "lake", SWEDEN)
    return folder / "lake", stocks


def momenta(stocks: list[Planted], day: date) -> dict[str, float]:
    """The mean return over 3, 6 and 12 months of the clean closes of each stock."""
    closes = np.array([stock.clean for stock in stocks])
    now, *bases = (closes[:, bisect_right(DAYS, months_back(day, n)) - 1] for n in (0, 3, 6, 12))
    means = np.mean([now / base - 1 for base in bases], axis=0)
    return dict(zip((stock.ticker for stock in stocks), means.tolist(), strict=True))


def test_what_stands_is_what_the_clean_prices_give(market: tuple[Path, list[Planted]]) -> None:
    lake, stocks = Lake(market[0]), market[1]
    dates = [DAYS[n] for n in range(270, len(DAYS), 23)]
    own = pl.col("strategy") == "sammansatt_momentum"
    suspect = stands = 0
    for plan in history(lake, dates=dates, universe=SWEDEN):
        rows = plan.filter(own).select("as_of", "ticker", "excluded_by", "score").collect()
        for (day,), of_day in rows.group_by("as_of"):
            clean = momenta(stocks, day)
            assert of_day.height == STOCKS
            for _, ticker, reason, score in of_day.iter_rows():
                suspect += reason == "suspect_price"
                if reason == "suspect_price" or score is None:
                    continue
                wrong = abs(score - clean[ticker]) > NEAR * (1 + abs(clean[ticker]))
                assert not wrong, (ticker, day, score, clean[ticker])
                stands += 1
    assert 2_000 < suspect < 0.5 * STOCKS * len(dates)
    assert stands > 0.5 * STOCKS * len(dates)


def test_a_stock_without_an_error_is_never_suspect(market: tuple[Path, list[Planted]]) -> None:
    lake = Lake(market[0])
    quiet = [
        f"S{n:04}" for n in range(STOCKS) if PAIRS[n % len(PAIRS)] in ((), ("raw",), ("adjusted",))
    ]
    for plan in history(lake, dates=[DAYS[n] for n in (300, 500, 700)], universe=SWEDEN):
        rows = plan.filter(pl.col("ticker").is_in(quiet)).collect()
        assert "suspect_price" not in set(rows["excluded_by"])
        assert rows["score"].null_count() == 0
