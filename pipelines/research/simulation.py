"""Portfolios over a history of ranks: from rows of ranks to their values and trades as frames."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Final

import numpy as np
import polars as pl

from pipelines.lake import Lake
from pipelines.research.ledger import (
    GAINS,
    HELD,
    LEDGER,
    NAV,
    flow_frame,
    gain_frame,
    held_frame,
    ledger_frame,
    nav_frame,
)
from pipelines.research.market import Market, Wanted, market_of
from pipelines.research.portfolio import Portfolio, Walked, walk
from pipelines.research.ranks import Ranks
from pipelines.research.rules import Fill
from pipelines.research.signals import Signals
from pipelines.universe import TrustedJump

TOGETHER: Final = 64
"""Portfolios that are walked side by side; the number bounds the memory."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Prices:
    """Which prices portfolios trade at: until which day, in which currency, at which time of day.

    `currency` None converts nothing.
    """

    until: date
    currency: str | None = None
    fill: Fill = Fill.NEXT_CLOSE
    trusted_jumps: tuple[TrustedJump, ...] = ()


@dataclass(frozen=True)
class Simulation:
    """Portfolios with what became of them."""

    market: Market
    signals: Signals
    ranks: Ranks
    parts: tuple[tuple[tuple[Portfolio, ...], Walked], ...]

    @cached_property
    def nav(self) -> pl.DataFrame:
        """Return the value of each portfolio by day, from the first signal on, as `NAV`."""
        frames = [nav_frame(self.market, walked, few) for few, walked in self.parts]
        return pl.concat([pl.DataFrame(schema=NAV), *frames])

    @cached_property
    def ledger(self) -> pl.DataFrame:
        """Return the trades and the dividends of each portfolio, as `LEDGER`."""
        frames = [
            ledger_frame(self.market, self.signals, walked, few, self.ranks.rows)
            for few, walked in self.parts
        ]
        return pl.concat([pl.DataFrame(schema=LEDGER), *frames])

    @cached_property
    def flows(self) -> pl.DataFrame:
        """Return the turnover and the costs of each portfolio, on the days with trades."""
        return pl.concat([flow_frame(self.market, walked, few) for few, walked in self.parts])

    @cached_property
    def held(self) -> pl.DataFrame:
        """Return the units of each portfolio and stock after each day with trades, as `HELD`."""
        frames = [held_frame(self.market, walked, few) for few, walked in self.parts]
        return pl.concat([pl.DataFrame(schema=HELD), *frames])

    @cached_property
    def gains(self) -> pl.DataFrame:
        """Return what each portfolio won or lost with each stock, as `GAINS`."""
        frames = [gain_frame(self.market, walked, few) for few, walked in self.parts]
        return pl.concat([pl.DataFrame(schema=GAINS), *frames])


def simulate(
    lake: Lake, ranks: Ranks, portfolios: Sequence[Portfolio], prices: Prices
) -> Simulation:
    """Return what becomes of portfolios that follow ranks, from the first day of them on."""
    strategies = list(dict.fromkeys(portfolio.strategy for portfolio in portfolios))
    rows = ranks.rows.filter(pl.col("strategy").is_in(strategies))
    tickers = tuple(rows["ticker"].unique().sort())
    market = market_of(lake, Wanted(
        tickers=tickers, since=ranks.days[0], until=prices.until, currency=prices.currency,
        fill=prices.fill, trusted_jumps=prices.trusted_jumps,
    ))  # fmt: skip
    days = np.array(ranks.days, dtype="datetime64[D]")
    signals = Signals.of(rows, tickers, days)
    groups = [tuple(portfolios[n : n + TOGETHER]) for n in range(0, len(portfolios), TOGETHER)]
    parts = tuple((few, walk(market, signals, few)) for few in groups)
    return Simulation(market, signals, ranks, parts)
