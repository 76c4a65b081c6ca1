"""Windows over the prices of a stock, against plain Python, and what they need."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final

import polars as pl
import pytest

from pipelines.definition import definition_of
from pipelines.lake.contracts import lake_schema
from pipelines.ranking.as_data import strategy_of
from pipelines.ranking.catalogue import PRICE_WINDOWS
from pipelines.ranking.known import cross_section
from pipelines.ranking.many import cross_sections, history
from pipelines.ranking.price_windows import PriceWindows
from pipelines.ranking.rank import rankings
from pipelines.universe import SWEDEN
from tests import factor_oracle
from tests.factories import FrameLake, Row, frame_lake, stock
from tests.unit.ranking.test_plans import fallbacks

D: Final = date(2024, 5, 31)
NAMES: Final = [window.name for window in PRICE_WINDOWS]
READ: Final = PriceWindows(names=frozenset(NAMES), index="OMXS30")
Closes = dict[date, float]


def weekdays(first: date, last: date) -> list[date]:
    days = (first + timedelta(n) for n in range((last - first).days + 1))
    return [day for day in days if day.weekday() < 5]


def walk(seed: int, days: Iterable[date], start: float = 100.0) -> Closes:
    """Closes of a random walk, as 32-bit numbers hold them."""
    chance, found = random.Random(seed), {}
    for day in days:
        start *= 1 + chance.uniform(-0.03, 0.0305)
        found[day] = float(pl.Series([start], dtype=pl.Float32)[0])
    return found


def price_rows(ticker: str, closes: Closes, volume: int | None = 1000) -> list[Row]:
    return [{"ticker": ticker, "date": d, "close": c, "volume": volume} for d, c in closes.items()]


def lake_of(
    prices: Sequence[Row], index: Closes | None = None, splits: Sequence[Row] | None = None
) -> FrameLake:
    tickers = sorted({row["ticker"] for row in prices})
    made = frame_lake([stock(t) for t in tickers], prices, splits=splits)
    if index is not None:
        rows = [{"index_id": "OMXS30", "date": d, "close": c} for d, c in index.items()]
        rows.append({"index_id": "OTHER", "date": D, "close": 1.0})
        made.datasets |= {"index_prices": pl.DataFrame(rows, schema=lake_schema("index_prices"))}
    return made


def windows_of(lake: FrameLake, day: date = D) -> dict[str, dict[str, Any]]:
    """Every window of every stock, the same by the plan of one date and of many."""
    one = cross_section(lake, as_of=day, read=READ).select("ticker", *NAMES)
    frame = one.collect(engine="streaming").sort("ticker")
    days = [day - timedelta(40), day, day + timedelta(3)]
    many = cross_sections(lake, days, (), READ).filter(as_of=day).select("ticker", *NAMES)
    assert many.collect(engine="streaming").sort("ticker").equals(frame)
    return {row.pop("ticker"): row for row in frame.to_dicts()}


LONG: Final = weekdays(date(2023, 1, 2), date(2024, 6, 28))


def test_every_window_is_that_of_plain_python() -> None:
    index, chance = walk(0, LONG), random.Random(1)
    del index[date(2024, 1, 15)]
    closes = {t: walk(n, [d for d in LONG if chance.random() > n / 10])
              for n, t in enumerate("ABCDE", 1)}  # fmt: skip
    rows = [r for t, known in closes.items() for r in price_rows(t, known, 100 * ord(t))]
    chance.shuffle(rows)
    found = windows_of(lake_of(rows, index))
    for ticker, known in closes.items():
        volumes = dict.fromkeys(known, float(100 * ord(ticker)))
        expected = factor_oracle.windows(known, volumes, index, D)
        assert found[ticker] == {n: v and pytest.approx(v, rel=1e-9) for n, v in expected.items()}
    assert all(value is not None for value in found["A"].values())
    assert found["E"]["volatility_12m"] is None


def test_windows_of_literal_closes() -> None:
    days = weekdays(date(2023, 5, 31), D)
    closes = dict.fromkeys(days, 100.0) | {days[50]: 200.0, days[100]: 50.0, D: 150.0}
    found = windows_of(lake_of(price_rows("A", closes)))["A"]
    assert found["max_drawdown_12m"] == -0.75
    assert found["high_52w"] == 0.75
    assert found["return_1m"] == 0.5
    assert found["turnover_3m"] == 100_000.0
    assert found["above_200d"] == pytest.approx(150 / ((197 * 100 + 50 + 150 + 100) / 200))
    assert found["beta_12m"] is None


@pytest.mark.parametrize(
    ("closes", "known"),
    [
        (179, {"return_1m", "volatility_3m", "turnover_3m"}),
        (180, {"return_1m", "volatility_3m", "turnover_3m", "volatility_12m", "max_drawdown_12m",
               "high_52w"}),
        (200, {"return_1m", "volatility_3m", "turnover_3m", "volatility_12m", "max_drawdown_12m",
               "high_52w", "above_200d", "beta_12m"}),
        (44, {"return_1m", "turnover_3m"}),
        (39, {"return_1m"}),
        (20, set()),
    ],
)  # fmt: skip
def test_a_thin_history_gives_none(closes: int, known: set[str]) -> None:
    days = weekdays(date(2023, 6, 1), D)[-closes:]
    found = windows_of(lake_of(price_rows("A", walk(1, days)), walk(2, LONG)))["A"]
    assert {name for name, value in found.items() if value is not None} == known


def test_a_stock_without_a_close_in_ten_days_has_no_window() -> None:
    lake = lake_of(price_rows("A", walk(1, weekdays(date(2023, 3, 1), date(2024, 5, 20)))))
    assert windows_of(lake)["A"] == dict.fromkeys(NAMES)
    near = windows_of(lake, date(2024, 5, 30))["A"]
    assert near["volatility_12m"] is not None


def test_a_close_after_the_date_changes_nothing() -> None:
    closes = walk(1, LONG)
    cut = {day: close for day, close in closes.items() if day <= D}
    assert windows_of(lake_of(price_rows("A", closes))) == windows_of(lake_of(price_rows("A", cut)))


def test_a_split_changes_no_window_but_from_its_day_on() -> None:
    days = weekdays(date(2023, 3, 1), D)
    closes, day = walk(1, days), date(2024, 2, 1)
    raw = {d: c * (4.0 if d < day else 1.0) for d, c in closes.items()}
    split = {"ticker": "A", "date": day, "ratio": 4.0}
    plain = windows_of(lake_of(price_rows("A", closes)))["A"]
    rows = price_rows("A", raw, 250)
    for row in rows:
        row["volume"] = 250 if row["date"] < day else 1000
    found = windows_of(lake_of(rows, splits=[split]))["A"]
    assert found == {n: v and pytest.approx(v, rel=1e-7) for n, v in plain.items()}
    before = windows_of(lake_of(rows, splits=[split]), date(2024, 1, 31))["A"]
    assert before["high_52w"] == windows_of(lake_of(price_rows("A", closes)), date(2024, 1, 31))[
        "A"]["high_52w"]  # fmt: skip


def test_closes_that_are_known_to_be_bad_are_left_out() -> None:
    days = weekdays(date(2023, 3, 1), D)
    closes = walk(1, days)
    bad = dict(closes) | {days[200]: 0.01, days[201]: 0.01}
    good = {day: close for day, close in closes.items() if day not in days[200:202]}
    found = windows_of(lake_of(price_rows("A", bad)))["A"]
    assert found == windows_of(lake_of(price_rows("A", good)))["A"]
    assert found["max_drawdown_12m"] > -0.9


def test_a_flat_price_has_no_volatility_and_no_infinity() -> None:
    found = windows_of(lake_of(price_rows("A", dict.fromkeys(LONG, 5.0)), walk(2, LONG)))["A"]
    assert (found["volatility_12m"], found["max_drawdown_12m"], found["high_52w"]) == (0, 0, 1)
    flat = windows_of(lake_of(price_rows("A", walk(1, LONG)), dict.fromkeys(LONG, 5.0)))["A"]
    assert flat["beta_12m"] is None


# ---------------------------------------------------------------------------------- in a ranking

CALM: Final = strategy_of(
    definition_of("calm", {
        "title": "Calm", "description": "The calmest.", "type": "other", "rebalance_months": [3],
        "screens": {"thin": "turnover_3m < 60e3", "falls": "return_12m_1m < -1"},
        "score": {"factor": "volatility_12m", "order": "lowest"},
    })
)  # fmt: skip
BETA: Final = strategy_of(
    definition_of("beta", {
        "title": "Beta", "description": "Low beta.", "type": "other", "rebalance_months": [3],
        "score": {"factor": "beta_12m"}, "screens": {"low": "above_200d < 0 OR high_52w < 0"},
        "ties": ["max_drawdown_12m", "volatility_3m"],
    })
)  # fmt: skip
MARKET: Final = lake_of(
    [row for n, t in enumerate("ABCD", 1) for row in price_rows(t, walk(n, LONG), 10**n)],
    walk(0, LONG),
    [{"ticker": "A", "date": date(2024, 2, 1), "ratio": 1.01}],
)


def test_a_ranking_by_volatility() -> None:
    plan = rankings(MARKET, as_of=D, universe=SWEDEN, strategies=[CALM])
    frame = plan.collect(engine="streaming").sort("ticker")
    values = windows_of(MARKET)
    ranked = sorted("CD", key=lambda t: values[t]["volatility_12m"])
    assert frame["excluded_by"].to_list() == ["thin", "thin", None, None]
    assert dict(frame.drop_nulls("rank").select("rank", "ticker").iter_rows()) == dict(
        enumerate(ranked, 1)
    )
    r12, r1 = frame["return_12m"], values["C"]["return_1m"]
    assert frame["return_12m_1m"][2] == pytest.approx((r12[2] + 1) / (r1 + 1) - 1)
    assert frame.columns[-3:] == ["return_12m_1m", "turnover_3m", "volatility_12m"]


def test_the_history_of_a_ranking_by_price_windows_is_that_of_each_date() -> None:
    dates = [date(2024, 3, 1), date(2024, 4, 2), D]
    plans = history(MARKET, dates=dates, universe=SWEDEN, strategies=[CALM, BETA])
    past = pl.concat(plan.collect(engine="streaming") for plan in plans)
    for day in dates:
        one = rankings(MARKET, as_of=day, universe=SWEDEN, strategies=[CALM, BETA]).collect()
        same = past.filter(as_of=day).sort("strategy", "ticker")
        assert one.select(past.columns).sort("strategy", "ticker").equals(same)


def test_no_price_window_leaves_the_streaming_engine() -> None:
    for universe in (SWEDEN, replace(SWEDEN, returns_in="SEK")):
        plan = rankings(MARKET, as_of=D, universe=universe, strategies=[CALM, BETA])
        assert fallbacks(plan) == []
    for plan in history(MARKET, dates=[date(2024, 4, 2), D], universe=SWEDEN,
                        strategies=[CALM, BETA]):  # fmt: skip
        assert fallbacks(plan) == []


def test_a_window_costs_nothing_unless_it_is_read() -> None:
    four = rankings(MARKET, as_of=D, universe=SWEDEN).explain()
    assert "SORT BY" in four
    assert "adjusted_" not in four
    assert "volume" not in four.split("PROJECT")[0]
    calm = rankings(MARKET, as_of=D, universe=SWEDEN, strategies=[CALM]).explain()
    assert "adjusted_" in calm
    assert "of_index_" not in calm
