"""The walk of portfolios over their signals, side by side: trades, waiting, dividends, delistings.

Between two days on which something is traded a holding is a product of matrices; the walk goes over
those days alone. A portfolio's numbers do not depend, to the bit, on those beside it.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import polars as pl

from pipelines.research.arrays import (
    Flags,
    Floats,
    Numbers,
    columns_with,
    next_true,
    places,
    summed,
)
from pipelines.research.holdings import Holdings
from pipelines.research.market import Market
from pipelines.research.record import Rows, Why
from pipelines.research.rules import LONGEST_WAIT, Rules
from pipelines.research.settling import Settling
from pipelines.research.signals import Signals
from pipelines.research.targets import bands_of, choose, replace_late


@dataclass(frozen=True, kw_only=True, slots=True)
class Portfolio:
    """A strategy that is followed in some months, by some rules."""

    name: str
    strategy: str
    months: tuple[int, ...]
    rules: Rules


@dataclass(frozen=True)
class Walked:
    """What became of portfolios: a row of `nav` and `cash` a day, a column a portfolio."""

    nav: Floats
    cash: Floats
    record: pl.DataFrame
    flows: tuple[tuple[int, Floats, Floats], ...]
    """The turnover and the costs of each portfolio, on the days with trades."""


def walk(market: Market, signals: Signals, portfolios: Sequence[Portfolio]) -> Walked:
    """Return what becomes of portfolios in a market."""
    return _Walk(market, signals, portfolios).walked()


def _spans(signals: Signals, portfolios: Sequence[Portfolio]) -> tuple[Numbers, Numbers]:
    """Return where the rankings of each portfolio begin, and how many stocks it may keep of each.

    A row is that of a portfolio, a column that of a signal.
    """
    last = {(p.strategy, p.rules.sell_rank): None for p in portfolios}
    spans = {key: signals.spans(*key) for key in last}
    first, count = zip(*(spans[p.strategy, p.rules.sell_rank] for p in portfolios), strict=True)
    return np.stack(first), np.stack(count)


class _Walk:
    def __init__(self, market: Market, signals: Signals, portfolios: Sequence[Portfolio]) -> None:
        rules = [portfolio.rules for portfolio in portfolios]
        self._market, self._signals, self._rules = market, signals, rules
        self._strategies: Final = [portfolio.strategy for portfolio in portfolios]
        self._bands: Final = bands_of(rules)
        self._first, self._count = _spans(signals, portfolios)
        days = market.days
        self._trading: Final = days.searchsorted(signals.days, side="right")
        self._deadlines: Final = days.searchsorted(signals.days + LONGEST_WAIT, side="right")
        self._state: Final = Holdings.at_start(rules, len(market.tickers))
        self._settling: Final = Settling(market, rules)
        self._factor: Final = np.array([r.delisting_factor for r in rules])
        self._gone_on: Final[list[int]] = market.delistings[:, 0].tolist()
        months = signals.days.astype("datetime64[M]").astype(int) % 12 + 1
        self._due: Final = np.array([np.isin(months, p.months) for p in portfolios])
        self._nav: Final = np.empty((len(market.days), len(portfolios)))
        self._cash: Final = np.empty_like(self._nav)
        self._now, self._traded = 0, 0

    def walked(self) -> Walked:
        """Go through all signals, and on to the last day."""
        nobody = np.zeros(len(self._rules), dtype=np.bool_)
        is_tradable = self._trading < len(self._market.days)
        for signal in places(self._due.any(axis=0) & is_tradable):
            self._go_to(int(self._trading[signal]))
            self._delist(self._now)
            self._choose(signal)
            self._trade(self._now, self._due[:, signal])
        self._go_to(len(self._market.days) - 1)
        if self._traded < self._now:
            self._trade(self._now, nobody)
        self._hold_until(self._now)
        return Walked(
            self._nav, self._cash, self._settling.record.frame(), tuple(self._settling.flows)
        )

    def _choose(self, signal: np.int64) -> None:
        """Let the portfolios that are due choose by a signal."""
        rows = places(self._due[:, signal])
        ranking = self._signals.side_by_side(self._first[rows, signal], self._count[rows, signal])
        choose(self._state, rows, ranking, self._bands[rows], signal)
        self._state.deadline[rows] = self._deadlines[signal]

    # ---------------------------------------------------------------------- from day to day

    def _go_to(self, day: int) -> None:
        """Go on to a day, and stop on those before it on which something happens."""
        nobody = np.zeros(len(self._rules), dtype=np.bool_)
        while (stop := self._next_stop(day)) < day:
            self._hold_until(stop)
            self._trade(stop, nobody)
        self._hold_until(day)

    def _next_stop(self, day: int) -> int:
        """Return the next day on which a delisting, a wait or a deadline ends; else the day."""
        return min((day, *self._delisting_days(day), *self._waits()))

    def _delisting_days(self, until: int) -> Iterator[int]:
        for day, stock in self._delistings(self._now, until):
            if self._state.units[:, stock].any():
                yield day

    def _delistings(self, after: int, until: int) -> Numbers:
        """Return the day and the stock of the delistings after one day, up to another."""
        first, end = bisect_right(self._gone_on, after), bisect_right(self._gone_on, until)
        return self._market.delistings[first:end]

    def _waits(self) -> Iterator[int]:
        state, market = self._state, self._market
        if state.order.any():
            ordered = state.order > 0
            for stock in columns_with(ordered):
                yield next_true(market.can_buy[:, stock], self._now)
            yield int(state.deadline[ordered].min())
        for stock in columns_with(state.leaving):
            yield next_true(~np.isnan(market.fill[:, stock]), self._now)

    def _hold_until(self, day: int) -> None:
        """Value the holdings from now up to a day, and take in their dividends."""
        span, held = slice(self._now, day + 1), self._state.held()
        units = self._state.units.take(held, axis=1)
        prices = self._market.value[span].take(held, axis=1)
        cash = self._state.cash + np.add.accumulate(self._dividends(day), axis=0)
        self._cash[span] = cash
        self._nav[span] = cash + summed(prices[:, None, :] * units)
        self._state.cash = cash[-1]
        self._now = day

    def _dividends(self, day: int) -> Floats:
        """Return the dividends of each day from now to another, by portfolio; none of now."""
        paid = np.zeros((day - self._now + 1, len(self._rules)))
        known = self._market.dividends
        some = known.between(self._now, day)
        if some.start == some.stop:
            return paid
        days, stocks = known.days[some], known.stocks[some]
        units = self._state.units[:, stocks].T
        amounts = units * known.cash[some][:, None]
        np.add.at(paid, days - self._now, amounts)
        n, row = np.nonzero(amounts)
        self._settling.record.add(Rows(
            days[n], row, stocks[n], self._state.signal[row], np.full(len(row), Why.DIVIDEND),
            units[n, row], amounts[n, row], np.zeros(len(row)),
        ))  # fmt: skip
        return paid

    # -------------------------------------------------------------------------- on one day

    def _trade(self, day: int, fresh: Flags) -> None:
        """Pay out what is delisted, trade, and give late orders to others."""
        self._traded = day
        self._delist(day)
        self._settling.settle(self._state, day, fresh)
        self._replace_late(day)

    def _delist(self, day: int) -> None:
        for _, stock in self._delistings(day - 1, day):
            rows = places(self._state.units[:, stock] > 0)
            if len(rows):
                self._pay_out(rows, stock, day)

    def _pay_out(self, rows: Numbers, stock: int, day: int) -> None:
        state = self._state
        units = state.units[rows, stock]
        value = units * self._market.value[day, stock] * self._factor[rows]
        state.cash[rows] += value
        state.units[rows, stock] = 0.0
        state.leaving[rows, stock] = state.wanted[rows, stock] = False
        same = partial(np.full, len(rows))
        self._settling.record.add(Rows(
            same(day), rows, same(stock), state.signal[rows], same(Why.DELISTED), -units, value,
            same(0.0),
        ))  # fmt: skip

    def _replace_late(self, day: int) -> None:
        if not self._state.order.any():
            return
        late = (self._state.order > 0) & (self._state.deadline <= day)
        for row in columns_with(late.T):
            ranking = self._signals.ranking(self._strategies[row], int(self._state.signal[row]))
            last = self._market.days[day] + LONGEST_WAIT
            deadline = int(self._market.days.searchsorted(last, side="right"))
            replace_late(self._state, ranking, int(row), day, deadline)
