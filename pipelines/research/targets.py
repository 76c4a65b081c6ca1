"""Which stocks a portfolio is to hold by a ranking, and what replaces one without a price."""

from collections.abc import Sequence

import numpy as np

from pipelines.research.arrays import Flags, Numbers
from pipelines.research.holdings import Holdings
from pipelines.research.rules import Rules
from pipelines.research.signals import Ranking


def choose(
    state: Holdings, rows: Numbers, ranking: Ranking, rules: Sequence[Rules], signal: int
) -> None:
    """Let the portfolios `rows` want the stocks of a ranking, and forget what they waited for.

    The best of the held stocks up to the sell rank are kept, as many as the portfolio has places.
    Stocks up to the buy rank fill the rest, best first.
    """
    wanted = _chosen(state.units[rows] > 0, ranking, [rules[row] for row in rows])
    state.wanted[rows] = wanted
    state.leaving[rows] = (state.units[rows] > 0) & ~wanted
    state.order[rows] = 0.0
    state.tried[rows] = False
    state.signal[rows] = signal


def _chosen(held: Flags, ranking: Ranking, rules: Sequence[Rules]) -> Flags:
    size = np.array([r.size for r in rules])[:, None]
    buy = np.array([r.buy_rank for r in rules])[:, None]
    sell = np.array([r.sell_rank for r in rules])[:, None]
    near = ranking.ranks <= sell.max()
    stocks, ranks = ranking.stocks[near], ranking.ranks[near]
    holds = held[:, stocks]
    kept = _first(holds & (ranks <= sell), size)
    bought = _first(~holds & (ranks <= buy), size - kept.sum(axis=1, keepdims=True))
    wanted = np.zeros_like(held)
    wanted[:, stocks] = kept | bought
    return wanted


def _first(flags: Flags, count: Numbers) -> Flags:
    """Return the flags without those after the first `count` of each row."""
    return flags & (np.cumsum(flags, axis=1) <= count)


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
