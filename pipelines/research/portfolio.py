"""The walk of portfolios over their signals, side by side: trades, waiting, dividends, delistings.

Between two days on which something is traded a holding is a product of matrices; the walk goes over
those days alone. A portfolio's numbers do not depend, to the bit, on those beside it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from pipelines.research.arrays import Flags, Floats, Numbers, next_true, summed
from pipelines.research.holdings import Holdings
from pipelines.research.market import Market
from pipelines.research.record import Why
from pipelines.research.rules import LONGEST_WAIT, Rules
from pipelines.research.settling import Settling
from pipelines.research.signals import Signals
from pipelines.research.targets import choose, replace_late


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


class _Walk:
    def __init__(self, market: Market, signals: Signals, portfolios: Sequence[Portfolio]) -> None:
        rules = [portfolio.rules for portfolio in portfolios]
        self._market, self._signals, self._rules = market, signals, rules
        self._strategies: Final = [portfolio.strategy for portfolio in portfolios]
        self._state: Final = Holdings.at_start(rules, len(market.tickers))
        self._settling: Final = Settling(market, rules)
        self._factor: Final = np.array([r.delisting_factor for r in rules])
        months = signals.days.astype("datetime64[M]").astype(int) % 12 + 1
        self._due: Final = np.array([np.isin(months, p.months) for p in portfolios])
        self._nav: Final = np.empty((len(market.days), len(portfolios)))
        self._cash: Final = np.empty_like(self._nav)
        self._now, self._traded = 0, 0
        self._nav[0] = self._cash[0] = self._state.cash

    def walked(self) -> Walked:
        """Go through all signals, and on to the last day."""
        nobody = np.zeros(len(self._rules), dtype=np.bool_)
        for signal, day in enumerate(self._signals.days):
            due = self._due[:, signal]
            trading = int(np.searchsorted(self._market.days, day, side="right"))
            if due.any() and trading < len(self._market.days):
                self._go_to(trading)
                self._delist(trading)
                for row_group, strategy in self._groups(due):
                    ranking = self._signals.ranking(strategy, signal)
                    choose(self._state, row_group, ranking, self._rules, signal)
                    self._state.deadline[row_group] = self._deadline(self._signals.days[signal])
                self._trade(trading, due)
        self._go_to(len(self._market.days) - 1)
        if self._traded < self._now:
            self._trade(self._now, nobody)
        return Walked(
            self._nav, self._cash, self._settling.record.frame(), tuple(self._settling.flows)
        )

    def _groups(self, due: Flags) -> Iterator[tuple[Numbers, str]]:
        """Yield the portfolios that are due, by their strategy."""
        for strategy in dict.fromkeys(self._strategies):
            rows = [n for n, of in enumerate(self._strategies) if of == strategy and due[n]]
            if rows:
                yield np.array(rows), strategy

    def _deadline(self, day: np.datetime64) -> int:
        """Return the first day on which it is too late for a purchase by a signal of a day."""
        last = day + np.timedelta64(LONGEST_WAIT, "D")
        return int(np.searchsorted(self._market.days, last, side="right"))

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
        return min((day, *self._delisting_days(), *self._waits()))

    def _delisting_days(self) -> Iterator[int]:
        days, stocks = self._market.delistings.T
        first = int(np.searchsorted(days, self._now, side="right"))
        ahead = days[first:][np.isin(stocks[first:], self._state.held())]
        if len(ahead):
            yield int(ahead[0])

    def _waits(self) -> Iterator[int]:
        state, market = self._state, self._market
        ordered = state.order > 0
        if ordered.any():
            for stock in np.flatnonzero(ordered.any(axis=0)):
                yield next_true(market.can_buy[:, stock], self._now)
            yield int(state.deadline[ordered].min())
        for stock in np.flatnonzero(state.leaving.any(axis=0)):
            yield next_true(~np.isnan(market.fill[:, stock]), self._now)

    def _hold_until(self, day: int) -> None:
        """Value the holdings on the days up to one, and take in their dividends."""
        if day <= self._now:
            return
        span, held = slice(self._now + 1, day + 1), self._state.held()
        units = self._state.units[:, held]
        prices = np.nan_to_num(self._market.value[span][:, held])
        cash = self._state.cash + np.cumsum(self._dividends(day), axis=0)
        self._cash[span] = cash
        self._nav[span] = cash + summed(prices[:, None, :] * units[None])
        self._state.cash = cash[-1]
        self._now = day

    def _dividends(self, day: int) -> Floats:
        """Return the dividends of each day from now to another, by portfolio."""
        paid = np.zeros((day - self._now, len(self._rules)))
        known = self._market.dividends
        some = known.between(self._now, day)
        days, stocks = known.days[some], known.stocks[some]
        units = self._state.units[:, stocks].T
        amounts = units * known.cash[some][:, None]
        np.add.at(paid, days - self._now - 1, amounts)
        n, row = np.nonzero(amounts)
        signal, why = self._state.signal[row], np.full(len(row), Why.DIVIDEND)
        if len(row):
            numbers = np.stack([days[n], row, stocks[n], signal, why], axis=1)
            money = np.stack([units[n, row], amounts[n, row], np.zeros(len(row))], axis=1)
            self._settling.record.add(numbers, money)
        return paid

    # -------------------------------------------------------------------------- on one day

    def _trade(self, day: int, fresh: Flags) -> None:
        """Pay out what is delisted, trade, and give late orders to others."""
        self._traded = day
        self._delist(day)
        self._settling.settle(self._state, day, fresh)
        self._replace_late(day)
        held = self._state.held()
        prices = self._market.value[day, held]
        self._cash[day] = self._state.cash
        self._nav[day] = self._state.cash + summed(prices * self._state.units[:, held])

    def _delist(self, day: int) -> None:
        days, stocks = self._market.delistings.T
        for stock in stocks[days == day]:
            rows = np.flatnonzero(self._state.units[:, stock])
            if len(rows):
                self._pay_out(rows, int(stock), day)

    def _pay_out(self, rows: Numbers, stock: int, day: int) -> None:
        state = self._state
        units = state.units[rows, stock]
        value = units * self._market.value[day, stock] * self._factor[rows]
        state.cash[rows] += value
        state.units[rows, stock] = 0.0
        state.leaving[rows, stock] = state.wanted[rows, stock] = False
        places = np.full((2, len(rows)), [[day], [stock]])
        why = np.full(len(rows), Why.DELISTED)
        numbers = np.stack([places[0], rows, places[1], state.signal[rows], why], axis=1)
        money = np.stack([-units, value, np.zeros(len(rows))], axis=1)
        self._settling.record.add(numbers, money)

    def _replace_late(self, day: int) -> None:
        late = (self._state.order > 0) & (self._state.deadline <= day)
        for row in np.flatnonzero(late.any(axis=1)):
            ranking = self._signals.ranking(self._strategies[row], int(self._state.signal[row]))
            deadline = self._deadline(self._market.days[day])
            replace_late(self._state, ranking, int(row), day, deadline)
