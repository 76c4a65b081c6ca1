"""Which stocks a portfolio is to hold by a ranking, and what replaces one without a price."""

from collections.abc import Sequence

import numpy as np

from pipelines.research.arrays import Flags, Numbers
from pipelines.research.holdings import Holdings
from pipelines.research.rules import Rules
from pipelines.research.signals import Ranking


def bands_of(rules: Sequence[Rules]) -> Numbers:
    """Return the size, the buy rank and the sell rank of portfolios: a row a portfolio."""
    return np.array([(r.size, r.buy_rank, r.sell_rank) for r in rules], dtype=np.int64)


def choose(
    state: Holdings, rows: Numbers, ranking: Ranking, bands: Numbers, signal: np.int64
) -> None:
    """Let the portfolios `rows` want the stocks of their rankings, and forget what they waited for.

    The best of the held stocks up to the sell rank are kept, as many as the portfolio has places.
    Stocks up to the buy rank fill the rest, best first. `ranking` and `bands` have a row for each
    of the portfolios.
    """
    held = state.units[rows] > 0
    wanted = _chosen(held, ranking, bands)
    state.wanted[rows] = wanted
    state.leaving[rows] = held & ~wanted
    state.order[rows] = 0.0
    state.tried[rows] = False
    state.signal[rows] = signal


def _chosen(held: Flags, ranking: Ranking, bands: Numbers) -> Flags:
    stocks, ranks = ranking
    size, buy, sell = bands.T[:, :, None]
    holds = held[np.arange(len(held))[:, None], stocks]
    kept = _first(holds & (ranks <= sell), size)
    free = size - kept.sum(axis=1, keepdims=True)
    bought = _first(~holds & (ranks <= buy), free)
    row, place = np.nonzero(kept | bought)
    wanted = np.zeros_like(held)
    wanted[row, stocks[row, place]] = True
    return wanted


def _first(flags: Flags, count: Numbers) -> Flags:
    """Return the flags without those after the first `count` of each row."""
    return flags & (np.add.accumulate(flags, axis=1, dtype=np.int64) <= count)


def replace_late(state: Holdings, ranking: Ranking, row: int, day: int, deadline: int) -> None:
    """Give the orders of a portfolio that found no price in time to the next ranks.

    A stock that is held, ordered, or was tried already is passed over. Without a next one the money
    stays in cash until the next rebalance.
    """
    late = np.flatnonzero((state.order[row] > 0) & (state.deadline[row] <= day))
    amounts = state.order[row, late]
    state.order[row, late] = 0.0
    state.tried[row, late] = True
    state.wanted[row, late] = False
    stocks = ranking.stocks
    free = (state.units[row, stocks] == 0) & (state.order[row, stocks] == 0)
    next_ones = stocks[free & ~state.tried[row, stocks]][: len(late)]
    state.order[row, next_ones] = amounts[: len(next_ones)]
    state.deadline[row, next_ones] = deadline
    state.wanted[row, next_ones] = True
