"""Whether the best of many trials is more than luck: two measures, and the test of time.

D. Bailey and M. López de Prado, The Deflated Sharpe Ratio, Journal of Portfolio Management 40(5)
(2014). D. Bailey, J. Borwein, M. López de Prado and Q. Zhu, The Probability of Backtest
Overfitting, Journal of Computational Finance 20(4) (2017).
"""

from collections.abc import Iterator
from itertools import combinations, pairwise
from math import e, log, sqrt
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np

from pipelines.research.arrays import Floats, Numbers

EULER: Final = 0.5772156649015329
BLOCKS: Final = 16
"""Into how many parts the time is cut; half of them choose, the other half judge."""
REAL: Final = 0.95
"""The least deflated Sharpe ratio of a result that is called real."""
STEADY: Final = 1e-12
TOGETHER: Final = 2_000
"""Combinations that are judged at once; the number bounds the memory."""


def sharpe_ratios(returns: Floats) -> Floats:
    """Return the Sharpe ratio of a day for each column; NaN where the returns do not vary."""
    deviation = returns.std(axis=0, ddof=1)
    known = deviation > STEADY
    ratios: Floats = np.where(known, returns.mean(axis=0) / np.where(known, deviation, 1), np.nan)
    return ratios


def expected_best(trials: int, deviation: float) -> float:
    """Return the Sharpe ratio that the best of some trials without skill is expected to have."""
    if trials < 2 or not deviation > 0:
        return 0.0
    of = NormalDist().inv_cdf
    return deviation * ((1 - EULER) * of(1 - 1 / trials) + EULER * of(1 - 1 / (trials * e)))


def deflated_sharpe(returns: Floats, ratios: Floats) -> float | None:
    """Return the probability that a series has skill, for it is the best of some trials.

    `ratios` are the Sharpe ratios of a day of all trials. None where the returns do not vary, or
    one of the ratios is not known.
    """
    count, ratio = len(returns), float(sharpe_ratios(returns[:, None])[0])
    if count < 4 or np.isnan(ratio) or not np.isfinite(ratios).all():
        return None
    spread = float(ratios.std(ddof=1)) if len(ratios) > 1 else 0.0
    skew, kurtosis = _moments(returns)
    variance = 1 - skew * ratio + (kurtosis - 1) / 4 * ratio**2
    if not variance > 0:
        return None
    above = ratio - expected_best(len(ratios), spread)
    return NormalDist().cdf(above * sqrt(count - 1) / sqrt(variance))


def _moments(returns: Floats) -> tuple[float, float]:
    """Return the skew and the kurtosis, 3 of a normal distribution, corrected for bias."""
    n, rest = len(returns), returns - returns.mean()
    second, third, fourth = (float((rest**k).mean()) for k in (2, 3, 4))
    skew = third / second**1.5 * sqrt(n * (n - 1)) / (n - 2)
    excess = fourth / second**2 - 3
    return skew, ((n + 1) * excess + 6) * (n - 1) / ((n - 2) * (n - 3)) + 3


# ------------------------------------------------------------------------------- overfitting


def overfitting(returns: Floats, blocks: int = BLOCKS) -> float | None:
    """Return the probability that the best trial of one half of the time is no better than others.

    A trial a column. For every half of the blocks of time, the best trial of it by the Sharpe ratio
    is ranked in the other half; the result is the share of halves in which it is at the median or
    below. Days beyond a multiple of the blocks are left out. None for fewer than two trials, or
    where the returns of one do not vary.
    """
    size, trials = len(returns) // blocks, returns.shape[1]
    if size < 2 or trials < 2:
        return None
    parts = (returns - returns.mean(axis=0))[: size * blocks].reshape(blocks, size, trials)
    sums, squares = parts.sum(axis=1), (parts**2).sum(axis=1)
    count, worse = 0, 0
    for halves in _halves(blocks):
        found = _worse(halves, sums, squares, returns.mean(axis=0), size)
        if found is None:
            return None
        count, worse = count + len(halves), worse + found
    return worse / count


def _halves(blocks: int) -> Iterator[Floats]:
    """Yield all halves of the blocks, some at once: 1 for a block that chooses, 0 for the rest."""
    chosen = np.array(list(combinations(range(blocks), blocks // 2)))
    for first in range(0, len(chosen), TOGETHER):
        few = chosen[first : first + TOGETHER]
        halves = np.zeros((len(few), blocks))
        np.put_along_axis(halves, few, 1.0, axis=1)
        yield halves


def _worse(halves: Floats, sums: Floats, squares: Floats, mean: Floats, size: int) -> int | None:
    """Return how many of the best trials of a half are no better than the median of the other."""
    count = size * halves[0].sum()
    ratios = []
    for half in (halves, 1 - halves):
        total, square = half @ sums, half @ squares
        variance = (square - total**2 / count) / (count - 1)
        if not (variance > STEADY**2).all():
            return None
        ratios.append((mean + total / count) / np.sqrt(variance))
    best = ratios[0].argmax(axis=1)
    theirs = np.take_along_axis(ratios[1], best[:, None], axis=1)
    below, same = (ratios[1] < theirs).sum(axis=1), (ratios[1] == theirs).sum(axis=1)
    place = (below + (same + 1) / 2) / (ratios[1].shape[1] + 1)
    return int(np.sum([log(p / (1 - p)) <= 0 for p in place]))


# ------------------------------------------------------------------------------ walk forward


class Fold(NamedTuple):
    """A stretch of time with the trial that was the best before it."""

    first: int
    end: int
    chosen: int
    ratio_before: float
    ratio_after: float
    median_after: float


def walk_forward(returns: Floats, folds: int = 5) -> list[Fold]:
    """Return folds of time: in each, the trial that was the best on all days before it.

    The days before the first fold are as many as each fold has.
    """
    edges: Numbers = np.linspace(0, len(returns), folds + 2).astype(int)
    found = []
    for first, end in pairwise(edges[1:]):
        if first < 3 or end - first < 3:
            continue
        before, after = sharpe_ratios(returns[:first]), sharpe_ratios(returns[first:end])
        if np.isnan(before).all() or np.isnan(after).all():
            continue
        best = int(np.nanargmax(before))
        found.append(Fold(int(first), int(end), best, float(before[best]), float(after[best]),
                          float(np.nanmedian(after))))  # fmt: skip
    return found
