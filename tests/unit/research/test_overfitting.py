"""Luck and skill: against ffn, and on noise with a planted factor."""

import json

import numpy as np
import pytest

from pipelines.research.overfitting import (
    REAL,
    deflated_sharpe,
    expected_best,
    overfitting,
    sharpe_ratios,
    walk_forward,
)
from tests.luck_oracles import BLOCKS, GOLDEN, TRIALS, trials

TOLD = json.loads(GOLDEN.read_text(encoding="utf-8"))
RETURNS = np.array(trials())


def test_the_deflated_sharpe_ratio_is_that_of_ffn() -> None:
    ratios = sharpe_ratios(RETURNS)
    assert expected_best(TRIALS, float(ratios.std(ddof=1))) == pytest.approx(
        TOLD["expected_best"], rel=1e-9
    )
    found = deflated_sharpe(RETURNS[:, ratios.argmax()], ratios)
    assert found == pytest.approx(TOLD["deflated"], rel=1e-9)


def test_the_worked_example_of_the_paper() -> None:
    """Bailey and Lopez de Prado (2014): 100 trials, of which the variance is 0.5 a year.

    The best of them is expected to have 0.1132 a day.
    """
    assert expected_best(100, (0.5 / 250) ** 0.5) == pytest.approx(0.1132, abs=5e-5)


def test_the_probability_of_overfitting_is_that_of_ffn() -> None:
    assert overfitting(RETURNS, BLOCKS) == pytest.approx(TOLD["overfitting"], rel=1e-9)


def test_what_cannot_be_judged_is_none() -> None:
    still = np.zeros((100, 2))
    assert deflated_sharpe(still[:, 0], np.zeros(2)) is None
    assert overfitting(still) is None
    assert overfitting(RETURNS[:, :1]) is None
    assert walk_forward(RETURNS[:5]) == []


def test_each_fold_is_judged_after_it_is_chosen() -> None:
    skill = np.zeros((60, 2))
    skill[:, 0] = np.tile([0.02, -0.01], 30)  # the best until the middle, the worst after
    skill[:, 1] = np.tile([0.01, -0.01], 30)
    skill[30:, 0] *= -1
    first, *_, last = walk_forward(skill, folds=5)
    assert (first.first, first.end, first.chosen) == (10, 20, 0)
    assert first.ratio_after == first.ratio_before or first.ratio_after > 0
    assert last.ratio_after < 0


def months_of_noise(seed: int, factors: int, planted: float) -> np.ndarray:
    """What the best tenth of stocks returns beyond all, by month, for factors of noise.

    The first factor has a rank correlation of `planted` with the return after.
    """
    random = np.random.default_rng(seed)
    months, stocks = 240, 300
    returns = random.normal(0, 0.08, (months, stocks))
    found = np.empty((months, factors))
    for n in range(factors):
        noise = random.normal(0, 1, (months, stocks))
        signal = noise + (planted * returns / 0.08 if n == 0 else 0.0)
        best = np.argpartition(-signal, stocks // 10, axis=1)[:, : stocks // 10]
        found[:, n] = np.take_along_axis(returns, best, axis=1).mean(axis=1) - returns.mean(axis=1)
    return found


@pytest.mark.slow
def test_noise_is_called_luck_and_a_planted_factor_is_found() -> None:
    noise = months_of_noise(1, 1000, 0.0)
    ratios = sharpe_ratios(noise)
    real = [deflated_sharpe(noise[:, n], ratios) or 0 for n in range(noise.shape[1])]
    assert sum(r > REAL for r in real) <= 50
    planted = months_of_noise(2, 1000, 0.05)
    ratios = sharpe_ratios(planted)
    assert ratios.argmax() == 0
    assert (deflated_sharpe(planted[:, 0], ratios) or 0) > REAL
