"""Good pandas on the database: the columns and days that are needed, and no pivot."""

import sqlite3
from contextlib import closing

import pandas as pd
import pandas.io.sql

from tests.benchmarks.contenders.rules import (
    closes_on,
    first_day,
    last_closes,
    newest_ratios,
    rank,
    save,
)
from tests.benchmarks.contenders.source_rows import OF_FUNDAMENTALS, OF_SNAPSHOTS, filings, tickers
from tests.benchmarks.contenders.task import Task
from tests.oracle import months_back

__all__ = ["run", "save"]

STOCKS = "SELECT ticker, market_cap_msek, sector, market, stock_type FROM stocks"
FUNDAMENTALS = f"SELECT {', '.join(OF_FUNDAMENTALS)} FROM fundamentals"
SNAPSHOTS = f"""
SELECT {", ".join(OF_SNAPSHOTS)} FROM fundamentals_snapshots WHERE snapshot_date BETWEEN ? AND ?
"""
PRICES = "SELECT ticker, date, close FROM daily_prices WHERE close > 0 AND"


def run(task: Task) -> pd.DataFrame:
    """All rankings, from the database."""
    windows = [day.isoformat() for window in task.windows().values() for day in window]
    prices = f"{PRICES} ({' OR '.join(['date BETWEEN ? AND ?'] * 4)})"
    year = (months_back(task.as_of, 12).isoformat(), task.as_of.isoformat())
    days = ["fiscal_date", "fetched_date"]
    with closing(sqlite3.connect(task.source)) as database:
        stocks = pd.read_sql(STOCKS, database)
        quotes = pd.read_sql(prices, database, params=windows, parse_dates=["date"])
        statements = pd.read_sql(FUNDAMENTALS, database, parse_dates=days)
        snapshots = pd.read_sql(SNAPSHOTS, database, params=year, parse_dates=["snapshot_date"])
        filed = filings(statements, snapshots)
        ratios = newest_ratios(filed, task)
        around = [str(day.date()) for day in (first_day(ratios), ratios["priced_on"].max())]
        priced = pd.read_sql(
            f"{PRICES} date BETWEEN ? AND ?", database, params=around, parse_dates=["date"]
        )
    for frame in (stocks, quotes, priced):
        frame["ticker"] = tickers(frame["ticker"])
    ratios["then"] = closes_on(priced, ratios)
    return rank(stocks, last_closes(quotes, task), ratios, filed, task)
