"""Backtests in short: months one upon the other."""

import pytest

from app.jobs.curves import Backtest, Inputs, Month, curve_of


def backtest(*months: Month) -> Backtest:
    return Backtest(Inputs("universe"), {"cagr": 0.2, "max_drawdown": -0.1}, list(months), ["old"])


def test_months_are_one_upon_the_other() -> None:
    curve = curve_of(backtest(Month("2024-01-01", 0.1, 0.2), Month("2024-02-01", -0.5, 0.5)))
    assert [(p.date, p.value, p.index) for p in curve.points] == [
        ("2024-01-01", 1.1, 1.2),
        ("2024-02-01", 0.55, 1.8),
    ]
    assert curve.index_cagr == pytest.approx(1.8**6 - 1)
    assert (curve.cagr, curve.max_drawdown, curve.benchmark) == (0.2, -0.1, "universe")
    assert curve.caveats == ["old"]


def test_an_index_that_is_not_known_ends() -> None:
    curve = curve_of(backtest(Month("2024-01-01", 0.1, 0.2), Month("2024-02-01", 0.1, None)))
    assert [p.index for p in curve.points] == [1.2, None]
    assert curve.index_cagr is None


def test_a_backtest_without_a_month_has_no_point() -> None:
    curve = curve_of(backtest())
    assert (curve.points, curve.index_cagr) == ([], None)
