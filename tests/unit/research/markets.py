"""Literal markets, ranks and portfolios for the tests of research."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import polars as pl

from pipelines.lake.contracts import lake_schema
from pipelines.research.portfolio import Portfolio
from pipelines.research.ranks import Ranks
from pipelines.research.rules import Rules
from pipelines.research.signals import COLUMNS
from pipelines.research.simulation import Prices, Simulation, simulate
from tests.factories import FrameLake, Row, frame_lake, stock

START = date(2024, 1, 2)
EVERY_MONTH = tuple(range(1, 13))
FREE = Rules(size=2, buy_rank=2, sell_rank=2, cost_bps=0.0, capital=1000.0)


def day(number: int) -> date:
    """The trading day of a number, from 0 on: all weekdays from 2 January 2024."""
    weeks, rest = divmod(number + 1, 5)
    return START - timedelta(days=1) + timedelta(days=7 * weeks + rest)


def quotes(closes: Mapping[str, Sequence[float | None]], **more: Any) -> list[Row]:
    """Price rows of stocks, by trading day; None where there is no close."""
    return [
        {"ticker": ticker, "date": day(n), "close": close, "open": close, **more}
        for ticker, series in closes.items()
        for n, close in enumerate(series)
        if close is not None
    ]


def a_lake(
    closes: Mapping[str, Sequence[float | None]], *, splits: Sequence[Row] | None = None,
    dividends: Sequence[Row] | None = None, rates: Sequence[Row] | None = None, **of_stocks: str,
) -> FrameLake:  # fmt: skip
    """A lake of closes by trading day; `of_stocks` are the currencies of tickers."""
    stocks = [stock(t, currency=of_stocks.get(t, "SEK")) for t in closes]
    lake = frame_lake(stocks, quotes(closes), splits=splits)
    if dividends is not None:
        rows = [{"id": n, "currency": "SEK"} | row for n, row in enumerate(dividends)]
        lake.datasets |= {"dividends": pl.DataFrame(rows, schema=lake_schema("dividends"))}
    if rates is not None:
        lake.datasets |= {"fx_rates": pl.DataFrame(list(rates), schema=lake_schema("fx_rates"))}
    lake.as_of = max(row["date"] for row in quotes(closes))
    return lake


def ranks(by_day: Mapping[int, str], strategy: str = "s") -> Ranks:
    """Ranks by the number of the trading day: tickers of one letter, best first."""
    rows = [
        {"strategy": strategy, "as_of": day(n), "ticker": ticker, "rank": rank, "score": 1 / rank}
        for n, tickers in by_day.items()
        for rank, ticker in enumerate(tickers, start=1)
    ]
    return Ranks([day(n) for n in by_day], pl.DataFrame(rows, schema=COLUMNS))


def portfolio(rules: Rules = FREE, name: str = "s", strategy: str = "s") -> Portfolio:
    return Portfolio(name=name, strategy=strategy, months=EVERY_MONTH, rules=rules)


def simulated(
    lake: FrameLake, by_day: Mapping[int, str], *rules: Rules, **prices: Any
) -> Simulation:
    """What becomes of a portfolio by each of some rules."""
    portfolios = [portfolio(r, f"s{n}" if n else "s") for n, r in enumerate(rules or (FREE,))]
    return simulate(lake, ranks(by_day), portfolios, Prices(until=date(2030, 1, 1), **prices))


def navs(found: Simulation, name: str = "s") -> list[float]:
    return found.nav.filter(strategy=name)["nav"].to_list()


def trades(found: Simulation, name: str = "s") -> list[tuple[Any, ...]]:
    """Day, ticker, side, shares, price and reason of each row of the ledger."""
    rows = found.ledger.filter(strategy=name)
    return rows.select("date", "ticker", "side", "shares", "price", "reason").rows()
