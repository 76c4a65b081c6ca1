"""The trades of one day, of many portfolios at once: sales, then weights, then purchases."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from pipelines.research.arrays import Flags, Floats, Numbers, or_nothing, summed
from pipelines.research.costs import Costs
from pipelines.research.holdings import Holdings
from pipelines.research.market import Market
from pipelines.research.record import Record, Rows, Why
from pipelines.research.rules import Rules, Weighting

ROUNDING: Final = 1e-9
"""A number of shares that is this near to a whole one is one, and an amount that is no more than
this part of the capital is none: else a hair of cash would take the place of a stock."""
ENTERED, LEFT, REBALANCED = map(np.int64, (Why.ENTERED, Why.LEFT, Why.REBALANCED))


@dataclass
class Quotes:
    """The prices of the active stocks on a day: of trades, and the last known ones.

    `divisor` is the price, or 1 where it is 0.
    """

    stocks: Numbers
    open_: Flags
    can_buy: Flags
    price: Floats
    divisor: Floats
    scale: Floats

    @classmethod
    def of(cls, market: Market, day: int, stocks: Numbers) -> "Quotes":
        """Return the prices of some stocks on a day."""
        fill = market.fill[day].take(stocks)
        is_open = ~np.isnan(fill)
        price = or_nothing(np.where(is_open, fill, market.before(day).take(stocks)))
        return cls(
            stocks, is_open, market.can_buy[day].take(stocks), price,
            np.where(price > 0, price, 1.0), market.scales.at(day, stocks),
        )  # fmt: skip


class Settling:
    """Makes the trades of portfolios by their rules."""

    def __init__(self, market: Market, rules: Sequence[Rules]) -> None:
        self._market: Final = market
        self._costs: Final = Costs.of(rules)
        whole = np.array([r.whole_shares for r in rules])[:, None]
        self._whole: Final = whole if whole.any() else None
        self._dust: Final = ROUNDING * np.array([r.capital for r in rules])[:, None]
        self._is_equal: Final = np.array([[r.weighting is Weighting.EQUAL] for r in rules])
        self.record: Final = Record()
        self.flows: Final[list[tuple[int, Floats, Floats]]] = []
        """The turnover and the costs of each portfolio on the days with trades."""

    def settle(self, state: Holdings, day: int, fresh: Flags) -> None:
        """Trade on a day; `fresh` are the portfolios that go to the weights of a new signal."""
        quotes = Quotes.of(self._market, day, state.active())
        trade = _Trade(state, quotes, self._costs, self._whole, self._dust)
        trade.sell_leaving()
        if fresh.any():
            trade.weigh(fresh, self._is_equal)
        trade.buy(day)
        trade.finish(day, self.record, self.flows)


class _Trade:
    """The trades of a day under way, by portfolio and active stock."""

    def __init__(
        self, state: Holdings, quotes: Quotes, costs: Costs, whole: Flags | None, dust: Floats
    ) -> None:
        self.state, self.quotes, self.costs = state, quotes, costs
        self.whole, self.dust = whole, dust
        self.units = self.before = state.units.take(quotes.stocks, axis=1)
        self.order = state.order.take(quotes.stocks, axis=1)
        self.wanted = state.wanted.take(quotes.stocks, axis=1)
        self.cash_before = state.cash
        self.paid = self.top_up = np.zeros(self.units.shape)

    def sell_leaving(self) -> None:
        """Sell all of the stocks that are leaving and have a price."""
        gone = self.state.leaving.take(self.quotes.stocks, axis=1) & self.quotes.open_
        self._sell(np.where(gone, self.units, 0.0))

    def weigh(self, fresh: Flags, is_equal: Flags) -> None:
        """Go to the weights of a new signal: trim what is too large, order what is too small.

        A stock without a price keeps its value; the rest is divided among the others.
        """
        new = self.units == 0
        movable = self.wanted & (self.quotes.open_ | new)
        value = np.where(movable, self.units * self.quotes.price, 0.0)
        base = self.state.cash + summed(np.where(is_equal, value, 0.0))
        places = movable & (is_equal | new)
        each = base / np.maximum(places.sum(axis=1), 1)
        missing = np.where(places & fresh[:, None], each[:, None] - value, 0.0)
        self._trim(np.where(missing < -self.dust, -missing, 0.0), value)
        more = self._affordable(np.where(missing > self.dust, missing, 0.0))
        # A portfolio with a new signal has no older orders.
        self.order = self.order + np.where(new, more, 0.0)
        self.top_up = np.where(new | ~self.quotes.can_buy, 0.0, more)

    def _affordable(self, amounts: Floats) -> Floats:
        """Return amounts in proportion where a trim that a fee would eat up left too little."""
        total = summed(amounts)
        share = np.minimum(self.state.cash / np.where(total > 0, total, 1.0), 1.0)
        afforded = amounts * share[:, None]
        return np.where(afforded > self.dust, afforded, 0.0)

    def _trim(self, excess: Floats, value: Floats) -> None:
        sold = np.minimum(self.costs.sold_for(excess), value)
        shares = self._shares(sold)
        if self.whole is not None:
            whole = np.minimum(np.ceil(shares - ROUNDING), self.units * self.quotes.scale)
            shares = np.where(self.whole, whole, shares)
        self._sell(self._units(shares))

    def buy(self, day: int) -> None:
        """Buy what is ordered and has a price, in time, and what is too small."""
        in_time = self.state.deadline[:, self.quotes.stocks] > day
        now = (self.order > 0) & self.quotes.can_buy & in_time
        value = self.costs.bought_for(np.where(now, self.order, 0.0) + self.top_up)
        shares = self._shares(value)
        if self.whole is not None:
            shares = np.where(self.whole, np.floor(shares + ROUNDING), shares)
        units = self._units(shares)
        spent = units * self.quotes.price
        cost = self.costs.of_trade(spent)
        self.units = self.units + units
        self.paid = self.paid + cost
        self.order = np.where(now, 0.0, self.order)
        # Rounding alone may leave a hair less than nothing.
        self.state.cash = np.maximum(self.state.cash - summed(spent + cost), 0.0)

    def _sell(self, units: Floats) -> None:
        value = units * self.quotes.price
        cost = np.minimum(self.costs.of_trade(value), value)
        self.units = np.where(units >= self.units, 0.0, self.units - units)
        self.paid = self.paid + cost
        self.state.cash = self.state.cash + summed(value - cost)

    def _shares(self, value: Floats) -> Floats:
        shares: Floats = value * self.quotes.scale / self.quotes.divisor
        return shares

    def _units(self, shares: Floats) -> Floats:
        units: Floats = shares / self.quotes.scale
        return units

    def finish(self, day: int, record: Record, flows: list[tuple[int, Floats, Floats]]) -> None:
        """Write the holdings back, and record what was traded."""
        state, stocks, price = self.state, self.quotes.stocks, self.quotes.price
        change = self.units - self.before
        state.units[:, stocks], state.order[:, stocks] = self.units, self.order
        state.leaving &= state.units > 0
        if not change.any():
            return
        moved = _weights(self.units * price, state.cash) - _weights(
            self.before * price, self.cash_before
        )
        flows.append((day, summed(np.abs(moved)) / 2, summed(self.paid)))
        self._write(day, change, record)

    def _write(self, day: int, change: Floats, record: Record) -> None:
        # Of a portfolio the sales come first, as they are made; then in the order of stocks.
        row, n = np.nonzero(np.concatenate([change < 0, change > 0], axis=1))
        count = len(self.quotes.stocks)
        n %= count
        at = row * count + n
        moved = change.take(at)
        stays = np.where(self.units.take(at) > 0, REBALANCED, LEFT)
        why = np.where(self.before.take(at) > 0, stays, ENTERED)
        record.add(Rows(
            np.full(len(row), day), row, self.quotes.stocks.take(n), self.state.signal.take(row),
            why, moved, np.abs(moved) * self.quotes.price.take(n), self.paid.take(at),
        ))  # fmt: skip


def _weights(values: Floats, cash: Floats) -> Floats:
    """Return the share of each holding in a portfolio; 0 in one that is worth nothing."""
    nav = cash + summed(values)
    weights: Floats = values / np.where(nav > 0, nav, 1.0)[:, None]
    return weights
