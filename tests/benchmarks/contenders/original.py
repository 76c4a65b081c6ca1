"""The way of the old system, with the rules of this one: rows → objects → dicts → frame → pivot.

Objects of SQLAlchemy for all stocks, all fundamentals, the last 400 days of snapshots, and of
prices as many or as far back as the ratios need, a list of dicts of them, a frame, smaller types
where that changes no answer (float32 for prices, categories for tickers), and a table of days by
tickers. It is spared one thing: it made that table anew for each strategy.
"""

import datetime as dt
import sqlite3  # noqa: F401 - as what is marked so below, before the clock starts
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy.dialects.sqlite.pysqlite
import sqlalchemy.sql.default_comparator  # noqa: F401 - before the clock starts
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from tests.benchmarks.contenders.rules import (
    as_stored,
    closes_on,
    first_day,
    newest_ratios,
    rank,
    save,
)
from tests.benchmarks.contenders.source_rows import OF_FUNDAMENTALS, OF_SNAPSHOTS, filings, tickers
from tests.benchmarks.contenders.task import Task

__all__ = ["run", "save"]

DAYS = dt.timedelta(days=400)


class Base(DeclarativeBase):
    """The tables of the database."""


class Stock(Base):
    __tablename__ = "stocks"
    ticker: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    isin: Mapped[str | None]
    avanza_id: Mapped[str | None]
    market_cap_msek: Mapped[float | None]
    sector: Mapped[str | None]
    market: Mapped[str | None]
    country: Mapped[str | None]
    currency: Mapped[str | None]
    stock_type: Mapped[str | None]


class DailyPrice(Base):
    __tablename__ = "daily_prices"
    ticker: Mapped[str] = mapped_column(primary_key=True)
    date: Mapped[dt.date] = mapped_column(primary_key=True)
    open: Mapped[float | None]
    close: Mapped[float | None]
    high: Mapped[float | None]
    low: Mapped[float | None]
    volume: Mapped[float | None]


class Ratios:
    """The columns that both tables of fundamentals have."""

    id: Mapped[int] = mapped_column(primary_key=True)
    ticker: Mapped[str]
    market_cap: Mapped[float | None]
    pe: Mapped[float | None]
    pb: Mapped[float | None]
    ps: Mapped[float | None]
    p_fcf: Mapped[float | None]
    ev_ebitda: Mapped[float | None]
    roe: Mapped[float | None]
    roa: Mapped[float | None]
    roic: Mapped[float | None]
    fcfroe: Mapped[float | None]
    dividend_yield: Mapped[float | None]
    payout_ratio: Mapped[float | None]


class Fundamentals(Ratios, Base):
    __tablename__ = "fundamentals"
    fiscal_date: Mapped[dt.date | None]
    net_income: Mapped[float | None]
    operating_cf: Mapped[float | None]
    total_assets: Mapped[float | None]
    long_term_debt: Mapped[float | None]
    current_ratio: Mapped[float | None]
    shares_outstanding: Mapped[float | None]
    gross_margin: Mapped[float | None]
    asset_turnover: Mapped[float | None]
    fetched_date: Mapped[dt.date | None]
    perf_1m: Mapped[float | None]
    perf_3m: Mapped[float | None]
    perf_6m: Mapped[float | None]
    perf_12m: Mapped[float | None]
    piotroski_f_score: Mapped[int | None]
    data_source: Mapped[str | None]


class Snapshot(Ratios, Base):
    __tablename__ = "fundamentals_snapshots"
    snapshot_date: Mapped[dt.date]


def run(task: Task) -> pd.DataFrame:
    """All rankings, from the database."""
    return rankings(task, since=task.as_of - DAYS)


def rankings(task: Task, *, since: dt.date) -> pd.DataFrame:
    """All rankings, from the prices and snapshots since a day."""
    with Session(create_engine(f"sqlite:///{task.source}")) as db:
        stocks = db.query(Stock).all()
        statements = db.query(Fundamentals).all()
        snapshots = db.query(Snapshot).filter(Snapshot.snapshot_date >= since).all()
        known = filings(
            _frame(statements, OF_FUNDAMENTALS, dates=("fiscal_date", "fetched_date")),
            _frame(snapshots, OF_SNAPSHOTS, dates=("snapshot_date",)),
        )
        ratios = newest_ratios(known, task)
        since = min(since, first_day(ratios).date())
        prices = db.query(DailyPrice).filter(DailyPrice.date >= since).all()
        quotes = _smaller(_frame(prices, ("ticker", "date", "close"), dates=("date",)))
        columns = ("ticker", "market_cap_msek", "sector", "market", "stock_type")
        listed = _frame(stocks, columns)
        listed["ticker"] = tickers(listed["ticker"])
        ratios["then"] = closes_on(quotes.astype({"ticker": "str"}), ratios)
        return rank(listed, _last_closes(quotes, task), ratios, known, task)


def _frame(rows: list[Any], names: tuple[str, ...], dates: tuple[str, ...] = ()) -> pd.DataFrame:
    dicts = [{name: getattr(row, name) for name in names} for row in rows]
    frame = pd.DataFrame(dicts, columns=names)
    texts = {"ticker", "data_source", "sector", "market", "stock_type", *dates}
    numbers = {n: float for n in names if n not in texts and n != "id"}
    return frame.astype(numbers | dict.fromkeys(dates, "datetime64[s]"))


def _smaller(quotes: pd.DataFrame) -> pd.DataFrame:
    quotes["close"] = quotes["close"].astype("float32")
    quotes["ticker"] = tickers(quotes["ticker"]).astype("category")
    return quotes.sort_values(["ticker", "date"])


def _last_closes(quotes: pd.DataFrame, task: Task) -> pd.DataFrame:
    """The last close of each window, out of a table of days by tickers."""
    pivot = quotes.pivot_table(
        index="date", columns="ticker", values="close", aggfunc="last", observed=True
    ).sort_index()
    pivot = pivot.where(pivot > 0, np.nan)
    found = {}
    for months, (first, last) in task.windows().items():
        rows = pivot.loc[pd.Timestamp(first) : pd.Timestamp(last)]
        found[months] = rows.ffill().iloc[-1] if len(rows) else pd.Series(dtype="float32")
    closes = as_stored(pd.DataFrame(found))
    return closes.set_index(closes.index.astype("str"))
