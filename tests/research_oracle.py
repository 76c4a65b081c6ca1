"""Portfolios once more, as plain loops over days and dicts of shares: slow, obvious, no arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from math import ceil, floor

import polars as pl

from pipelines.lake.version import Lake
from pipelines.research.rules import Rules, Weighting

WAIT = timedelta(days=10)
SUSPECT = timedelta(days=376)
DELISTED_AFTER = 60


@dataclass
class Market:
    """What is read of a lake, as dicts."""

    days: list[date]
    closes: dict[str, dict[date, float]]
    times: dict[date, list[tuple[str, float]]]
    """By which the shares of a stock are multiplied on a day."""
    suspect: dict[str, list[tuple[date, date]]]
    dividends: dict[date, list[tuple[str, float]]]

    @classmethod
    def of(cls, lake: Lake) -> "Market":
        prices = lake.prices().collect()
        closes: dict[str, dict[date, float]] = {t: {} for t in prices["ticker"]}
        for ticker, day, close in prices.select("ticker", "date", "close").iter_rows():
            closes[ticker][day] = close
        market = cls(sorted(set(prices["date"])), closes, {}, {}, {})
        market._add_splits(lake)
        market._add_jumps(lake.jumps().collect())
        market._add_dividends(lake)
        return market

    def _add_splits(self, lake: Lake) -> None:
        if "splits" in lake.datasets:
            for row in lake.splits().filter(decision="applied").collect().iter_rows(named=True):
                self.times.setdefault(row["date_after"], []).append((row["ticker"], row["ratio"]))

    def _add_jumps(self, jumps: pl.DataFrame) -> None:
        for row in jumps.iter_rows(named=True):
            if row["split_known"] or row["reverts"]:
                continue
            ticker, back = row["ticker"], row["reverted_on"]
            end = min(back or date.max, row["date"] + SUSPECT)
            self.suspect.setdefault(ticker, []).append((row["date"], end))
            if row["ratio"] > 1:
                self.times.setdefault(row["date"], []).append((ticker, 1 / row["ratio"]))
                if back:
                    self.times.setdefault(back, []).append((ticker, row["ratio"]))

    def _add_dividends(self, lake: Lake) -> None:
        if "dividends" not in lake.datasets:
            return
        splits = lake.splits().collect().rows(named=True) if "splits" in lake.datasets else []
        for row in lake.dividends().collect().iter_rows(named=True):
            amount = row["amount"]
            for split in splits:
                is_later = split["ticker"] == row["ticker"] and split["date"] > row["ex_date"]
                if is_later and split["decision"] == "in_prices":
                    amount /= split["ratio"]
            later = [d for d in self.days if d >= row["ex_date"]]
            if later and row["ex_date"] >= self.days[0]:
                self.dividends.setdefault(later[0], []).append((row["ticker"], amount))

    def can_buy(self, ticker: str, day: date) -> bool:
        is_suspect = any(a <= day < b for a, b in self.suspect.get(ticker, []))
        return day in self.closes.get(ticker, {}) and not is_suspect


@dataclass
class Follower:
    """One portfolio that follows rankings by day, each a list of tickers, best first."""

    market: Market
    rankings: Mapping[date, Sequence[str]]
    rules: Rules
    shares: dict[str, float] = field(default_factory=dict)
    orders: dict[str, tuple[float, date]] = field(default_factory=dict)
    leaving: set[str] = field(default_factory=set)
    tried: set[str] = field(default_factory=set)
    last: dict[str, float] = field(default_factory=dict)
    silent: dict[str, int] = field(default_factory=dict)
    ranking: Sequence[str] = ()
    nav: list[float] = field(default_factory=list)
    cash_by_day: list[float] = field(default_factory=list)

    def follow(self) -> "Follower":
        self.cash, signal = self.rules.capital, None
        for day in self.market.days:
            self.open(day)
            self.pay_out()
            if signal is None:
                self.sell_leaving(day)
            else:
                self.rebalance(day, signal)
            self.buy_ordered(day)
            self.replace_late(day)
            self.nav.append(self.cash + sum(self.worth(t) for t in self.shares))
            self.cash_by_day.append(self.cash)
            signal = day if day in self.rankings else None
        return self

    def worth(self, ticker: str) -> float:
        return self.shares.get(ticker, 0.0) * self.last[ticker]

    def open(self, day: date) -> None:
        for ticker, times in self.market.times.get(day, []):
            if ticker in self.shares:
                self.shares[ticker] *= times
        for ticker, closes in self.market.closes.items():
            self.silent[ticker] = 0 if day in closes else self.silent.get(ticker, 0) + 1
            self.last[ticker] = closes.get(day, self.last.get(ticker, 0.0))
        for ticker, amount in self.market.dividends.get(day, []):
            self.cash += self.shares.get(ticker, 0.0) * amount

    def pay_out(self) -> None:
        for ticker in [t for t in self.shares if self.silent[t] == DELISTED_AFTER]:
            self.cash += self.worth(ticker) * self.rules.delisting_factor
            del self.shares[ticker]
            self.leaving.discard(ticker)

    def cost(self, value: float) -> float:
        part = value * self.rules.cost_bps / 10_000
        return max(part, self.rules.min_fee) + value * self.rules.half_spread_bps / 10_000

    def sell(self, ticker: str, shares: float) -> None:
        value = shares * self.last[ticker]
        self.cash += value - min(self.cost(value), value)
        self.shares[ticker] -= shares
        if self.shares[ticker] <= 0:
            del self.shares[ticker]

    def sell_leaving(self, day: date) -> None:
        for ticker in sorted(self.leaving):
            if day in self.market.closes[ticker] and ticker in self.shares:
                self.sell(ticker, self.shares[ticker])
                self.leaving.discard(ticker)

    def rebalance(self, day: date, signal: date) -> None:
        rules, self.ranking = self.rules, self.rankings[signal]
        place = {t: n for n, t in enumerate(self.ranking, start=1)}
        kept = sorted(
            (t for t in self.shares if place.get(t, 10**9) <= rules.sell_rank),
            key=place.__getitem__,
        )[: rules.size]
        new = [t for t in self.ranking[: rules.buy_rank] if t not in self.shares]
        new = new[: rules.size - len(kept)]
        self.orders, self.tried = {}, set()
        self.leaving = {t for t in self.shares if t not in kept}
        self.sell_leaving(day)
        self.weigh(day, kept, new, signal + WAIT)

    def weigh(self, day: date, kept: list[str], new: list[str], until: date) -> None:
        movable = [t for t in kept if day in self.market.closes[t]]
        if self.rules.weighting is Weighting.DRIFT:
            movable = []
        places = len(movable) + len(new)
        if not places:
            return
        each = (self.cash + sum(map(self.worth, movable))) / places
        wants = {t: each - self.worth(t) for t in (*movable, *new)}
        dust = 1e-9 * self.rules.capital
        more = {t: amount for t, amount in wants.items() if amount > dust}
        for ticker, amount in wants.items():
            if -amount > max(self.rules.min_fee, dust):
                self.trim(ticker, -amount)
        share = min(1.0, self.cash / sum(more.values())) if more else 0.0
        afforded = {t: amount * share for t, amount in more.items() if amount * share > dust}
        for ticker, amount in afforded.items():
            if ticker in new:
                self.orders[ticker] = (amount, until)
            elif self.market.can_buy(ticker, day):
                self.buy(ticker, amount)

    def trim(self, ticker: str, amount: float) -> None:
        share = (self.rules.cost_bps + self.rules.half_spread_bps) / 10_000
        spread = self.rules.half_spread_bps / 10_000
        value = max(amount / (1 - share), (amount + self.rules.min_fee) / (1 - spread))
        shares = value / self.last[ticker]
        if self.rules.whole_shares:
            shares = ceil(shares - 1e-9)
        self.sell(ticker, min(shares, self.shares[ticker]))

    def buy(self, ticker: str, amount: float) -> None:
        share = (self.rules.cost_bps + self.rules.half_spread_bps) / 10_000
        spread = self.rules.half_spread_bps / 10_000
        value = min(amount / (1 + share), (amount - self.rules.min_fee) / (1 + spread))
        shares = max(value, 0.0) / self.last[ticker]
        if self.rules.whole_shares:
            shares = floor(shares + 1e-9)
        if shares > 0:
            spent = shares * self.last[ticker]
            # Rounding alone leaves a hair less than nothing.
            self.cash = max(self.cash - spent - self.cost(spent), 0.0)
            self.shares[ticker] = self.shares.get(ticker, 0.0) + shares

    def buy_ordered(self, day: date) -> None:
        for ticker, (amount, until) in sorted(self.orders.items()):
            if self.market.can_buy(ticker, day) and day <= until:
                self.buy(ticker, amount)
                del self.orders[ticker]

    def replace_late(self, day: date) -> None:
        late = sorted(t for t, (_, until) in self.orders.items() if day > until)
        amounts = [self.orders.pop(t)[0] for t in late]
        self.tried |= set(late)
        free = [
            t for t in self.ranking
            if t not in self.shares and t not in self.orders and t not in self.tried
        ]  # fmt: skip
        self.orders |= {t: (a, day + WAIT) for t, a in zip(free, amounts, strict=False)}
