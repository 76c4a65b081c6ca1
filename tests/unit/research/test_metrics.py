"""The figures against quantstats and empyrical, on ordinary series and on odd ones."""

import json
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from pipelines.errors import WrongUsage
from pipelines.research.metrics import (
    Metric,
    between,
    by_period,
    daily,
    drawdowns,
    metrics,
    relative_metrics,
    returns_of,
)
from tests.metrics_oracles import GOLDEN, RISK_FREE, benchmark, dates, series

TOLD: dict[str, dict[str, float | None]] = json.loads(GOLDEN.read_text(encoding="utf-8"))
SAME = {
    "qs.comp": "total_return",
    "qs.cagr": "annual_return",
    "qs.volatility": "volatility",
    "qs.sharpe": "sharpe",
    "qs.sortino": "sortino",
    "qs.max_drawdown": "max_drawdown",
    "qs.calmar": "calmar",
    "empyrical.annual_return": "annual_return",
    "empyrical.annual_volatility": "volatility",
    "empyrical.sharpe_ratio": "sharpe",
    "empyrical.sortino_ratio": "sortino",
    "empyrical.downside_risk": "downside_risk",
    "empyrical.max_drawdown": "max_drawdown",
    "empyrical.calmar_ratio": "calmar",
    "empyrical.alpha": "alpha",
    "empyrical.beta": "beta",
    "qs.beta": "beta",
    "qs.information_ratio": "information_ratio",
}
DIFFERENT = {("constant", "qs.sharpe"): "it divides by the rounding that is left of the deviation"}
"""Where another library gives a number and this one a reason."""


def frame(days: list[date], values: list[float]) -> pl.DataFrame:
    return pl.DataFrame(
        {"date": days, "return": values}, schema={"date": pl.Date, "return": pl.Float64}
    )


def found(name: str) -> dict[str, Metric]:
    values = series()[name]
    mine = frame(dates(name, len(values)), values)
    other = frame(dates("", len(benchmark())), benchmark())
    alone = metrics(mine, days=365, risk_free=RISK_FREE)
    return {m.name: m for m in (*alone, *relative_metrics(mine, other, risk_free=RISK_FREE))}


@pytest.mark.parametrize("name", list(TOLD))
def test_figures_are_those_of_other_libraries(name: str) -> None:
    mine = found(name)
    for theirs, expected in TOLD[name].items():
        metric = mine[SAME[theirs]]
        if (name, theirs) in DIFFERENT or expected is None:
            assert metric.value is None, theirs
            assert metric.reason, theirs
        else:
            scale = 252**0.5 if theirs == "qs.information_ratio" else 1.0  # theirs is of a day
            assert metric.value == pytest.approx(expected * scale, rel=1e-9, abs=1e-12), theirs


@pytest.mark.parametrize(
    ("name", "metric", "reason"),
    [
        ("empty", "sharpe", "there is no return"),
        ("one_row", "volatility", "one return does not vary"),
        ("constant", "sharpe", "the returns do not vary"),
        ("constant", "sortino", "no return is below the target"),
        ("constant", "calmar", "there is no drawdown"),
        ("empty", "beta", "fewer than two days are in both series"),
    ],
)
def test_what_cannot_be_computed_has_a_reason(name: str, metric: str, reason: str) -> None:
    assert found(name)[metric] == Metric(metric, None, reason)


def test_a_series_is_itself() -> None:
    values = series()["usual"]
    mine = frame(dates("", len(values)), values)
    told = {m.name: m for m in relative_metrics(mine, mine)}
    assert told["beta"].value == pytest.approx(1.0, abs=1e-12)
    assert told["alpha"].value == pytest.approx(0.0, abs=1e-12)
    assert told["information_ratio"].reason == "the difference to the benchmark does not vary"
    assert told["unmatched_days"].value == 0


def test_days_of_one_series_alone_are_counted() -> None:
    days = dates("", 5)
    mine, other = frame(days[:4], [0.1, 0.0, 0.1, 0.2]), frame(days[1:], [0.1, 0.0, 0.1, 0.2])
    told = {m.name: m.value for m in relative_metrics(mine, other)}
    assert told["unmatched_days"] == 2


def test_the_cagr_is_of_calendar_days() -> None:
    mine = frame(dates("", 2), [0.21, 0.0])
    assert {m.name: m.value for m in metrics(mine, days=731)}["cagr"] == pytest.approx(
        1.21 ** (365.25 / 731) - 1
    )


def nav(values: list[float], start: date = date(2024, 1, 30)) -> pl.DataFrame:
    days = [start + timedelta(days=n) for n in range(len(values))]
    return pl.DataFrame({"date": days, "nav": values})


def test_drawdowns_have_a_peak_a_trough_and_a_recovery() -> None:
    falls = drawdowns(nav([100.0, 90.0, 95.0, 100.0, 120.0, 60.0, 90.0]))
    assert falls.rows() == [
        (date(2024, 2, 3), date(2024, 2, 4), None, -0.5),
        (date(2024, 1, 30), date(2024, 1, 31), date(2024, 2, 2), pytest.approx(-0.1)),
    ]


def test_months_and_years_join_without_a_gap() -> None:
    values = nav([100.0, 110.0, 99.0, 99.0, 198.0])
    months = by_period(values, "1mo")
    assert months["period"].to_list() == [date(2024, 1, 1), date(2024, 2, 1)]
    assert months["return"].to_list() == pytest.approx([0.1, 0.8])
    assert by_period(values, "1y")["return"].to_list() == pytest.approx([0.98])


def test_returns_between_rebalances() -> None:
    values = nav([100.0, 110.0, 99.0, 99.0, 198.0])
    days = pl.Series([date(2024, 1, 30), date(2024, 2, 1)])
    rows: list[Any] = between(values, days).rows()
    assert rows == [
        (date(2024, 1, 30), date(2024, 2, 1), pytest.approx(-0.01)),
        (date(2024, 2, 1), date(2024, 2, 3), pytest.approx(1.0)),
    ]


def test_a_value_after_nothing_has_no_return() -> None:
    assert returns_of(nav([100.0, 0.0, 0.0]))["return"].to_list() == [-1.0]


@pytest.mark.parametrize("rate", [-1.0, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(WrongUsage, match="a year is none; give one above -1"):
        daily(rate)
