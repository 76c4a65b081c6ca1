"""Statistics of a factor against alphalens, and by hand."""

import json
from datetime import date

import polars as pl
import pytest

from pipelines.research.ics import (
    information_coefficient,
    mean_of,
    quantile_turnover,
    rank_autocorrelation,
    returns_by_quantile,
    with_quantiles,
)
from tests.luck_oracles import GOLDEN, QUANTILES, factor_and_forward

TOLD = json.loads(GOLDEN.read_text(encoding="utf-8"))
ROWS = pl.DataFrame(
    factor_and_forward(), schema=["as_of", "ticker", "factor", "forward"], orient="row"
)
CUT = with_quantiles(ROWS, QUANTILES)


def test_the_information_coefficient_is_that_of_alphalens() -> None:
    assert information_coefficient(ROWS)["ic"].to_list() == pytest.approx(TOLD["ic"], rel=1e-9)


def test_returns_by_quantile_are_those_of_alphalens() -> None:
    means = returns_by_quantile(CUT)
    for quantile, expected in enumerate(TOLD["means"], start=1):
        found = means.filter(quantile=quantile)["forward"].to_list()
        assert found == pytest.approx(expected, rel=1e-9)


def test_the_autocorrelation_of_ranks_is_that_of_alphalens() -> None:
    found = rank_autocorrelation(ROWS)["value"].to_list()
    assert found == pytest.approx(TOLD["autocorrelation"], rel=1e-9)


def test_the_turnover_of_quantiles_is_that_of_alphalens() -> None:
    found = quantile_turnover(CUT)
    for quantile, expected in enumerate(TOLD["turnover"], start=1):
        mine = found.filter(quantile=quantile)["value"].to_list()
        assert mine == pytest.approx(expected, rel=1e-9)


def test_errors_count_the_time_that_values_share() -> None:
    values = pl.Series([1.0, 2.0, 4.0, 1.0])
    # The rest is -1, 0, 2, -1: squares 6, and products of neighbours 0 + 0 - 2.
    assert mean_of(values, 0).t == pytest.approx(2.0 / (6**0.5 / 4))
    assert mean_of(values, 1).t == pytest.approx(2.0 / ((6 + 2 * 0.5 * -2) ** 0.5 / 4))
    assert mean_of(pl.Series([1.0]), 0)[:2] == (1.0, None)
    assert mean_of(pl.Series([], dtype=pl.Float64), 0) == (None, None, None, 0)


def test_a_value_at_an_edge_is_in_the_quantile_below() -> None:
    day = date(2024, 1, 2)
    rows = pl.DataFrame({"as_of": [day] * 5, "factor": [1.0, 2.0, 3.0, 4.0, 5.0]})
    assert with_quantiles(rows, 2)["quantile"].to_list() == [1, 1, 1, 2, 2]
