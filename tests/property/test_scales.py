"""Whatever errors of scale are planted in prices, no return of a stock that is ranked spans two."""

from datetime import date, timedelta
from itertools import accumulate, takewhile
from math import isclose
from random import Random
from typing import Final

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.ranking.many import cross_sections
from pipelines.ranking.windows import MONTHS
from tests.factories import Row, frame_lake, stock

FIRST: Final = date(2021, 1, 4)
DAYS: Final = 1100
STEPS: Final = (1, 1, 1, 3, 4, 9)
"""Days from one close to the next."""
STOCKS: Final = 12
FACTORS: Final = (0.0001, 0.01, 0.1, 10.0, 100.0, 1000.0)
TOGETHER: Final = 10
"""How many markets are looked at on the same days."""
Truth = dict[tuple[str, date], float]


def walk(rng: Random) -> dict[date, float]:
    """Closes without an error: no move of a day is near to a jump."""
    close, found = 100.0, {}
    for passed in takewhile(DAYS.__gt__, accumulate(rng.choices(STEPS, k=DAYS // 2), initial=0)):
        found[FIRST + timedelta(days=passed)] = close
        close *= 0.87 + 0.28 * rng.random()
    return found


def with_errors(rng: Random, closes: dict[date, float]) -> dict[date, float]:
    """The same closes with stretches of another scale; some overlap, and some last to the end."""
    days, wrong = list(closes), dict(closes)
    for _ in range(rng.choice([0, 1, 1, 2, 3])):
        start, factor = rng.randrange(len(days)), rng.choice(FACTORS)
        length = rng.choice([1, 2, 5, 30, 90, len(days)])
        for day in days[start : start + length]:
            wrong[day] *= factor
    return wrong


def market(seed: int) -> tuple[list[Row], Truth]:
    """Price rows with errors, and the closes that they should be."""
    rng, rows, truth = Random(seed), [], {}
    for n in range(STOCKS):
        true, ticker = walk(rng), f"T{seed}-{n}"
        for day, close in with_errors(rng, true).items():
            rows.append({"ticker": ticker, "date": day, "close": close})
            truth[ticker, day] = true[day]
    return rows, truth


def wrong(seed: int) -> int:
    """How many rows of a market have an error."""
    rows, truth = market(seed)
    return sum(row["close"] != truth[row["ticker"], row["date"]] for row in rows)


def returns(*seeds: int) -> int:
    """Compare the returns of all stocks that are not suspect with the true ones; how many."""
    rows: list[Row] = []
    truth: Truth = {}
    for seed in seeds:
        more, known = market(seed)
        rows += more
        truth |= known
    rng = Random(seeds[0] + 1)
    days = sorted({FIRST + timedelta(days=rng.randrange(380, DAYS + 30)) for _ in range(8)})
    lake = frame_lake([stock(ticker) for ticker in {row["ticker"]: 0 for row in rows}], rows)
    found = cross_sections(lake, days).filter(pl.col("jump_date").is_null()).collect()
    compared = 0
    for row in found.iter_rows(named=True):
        for n in MONTHS:
            if row[f"return_{n}m"] is not None:
                now = truth[row["ticker"], row["close_date"]]
                base = truth[row["ticker"], row[f"base_date_{n}m"]]
                assert isclose(row[f"return_{n}m"] + 1, now / base, rel_tol=1e-5), row
                compared += 1
    return compared


@given(seed=st.integers(0, 2**32))
@settings(max_examples=10, deadline=None)
def test_no_return_spans_two_scales(seed: int) -> None:
    returns(seed)


@pytest.mark.slow
@given(seed=st.integers(0, 2**32))
@settings(max_examples=1000 // TOGETHER, deadline=None)
def test_no_return_of_a_thousand_markets_spans_two_scales(seed: int) -> None:
    returns(*range(seed, seed + TOGETHER))


def test_there_are_errors_and_returns_to_find() -> None:
    assert sum(wrong(seed) for seed in range(5)) > 1000
    assert sum(returns(seed) for seed in range(5)) > 300
