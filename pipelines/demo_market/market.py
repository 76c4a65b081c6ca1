"""A synthetic market as a SQLite database in the source schema."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from itertools import repeat
from pathlib import Path
from typing import Final

from pipelines.demo_market.accounts import account_tables, dividend_events
from pipelines.demo_market.companies import Columns, Company, listed_companies, stocks_table
from pipelines.demo_market.plants import Planting, truth_path, write_truth
from pipelines.demo_market.prices import (
    Factors,
    daily_prices,
    factors,
    index_prices,
    trading_days,
)
from pipelines.demo_market.rates import caps_in_sek, fx_rates
from pipelines.fingerprint import DEMO_MARK

SCHEMA: Final = """
-- The SQLite database that the existing application fills and that the export reads.
-- Dates are ISO text (YYYY-MM-DD); SQLite enforces none of the declared types.
CREATE TABLE stocks (
    ticker VARCHAR PRIMARY KEY, name VARCHAR, isin VARCHAR, avanza_id VARCHAR,
    market_cap_msek FLOAT,  -- million SEK (million of `currency` outside the Nordics)
    sector VARCHAR,
    market VARCHAR DEFAULT 'stockholmsborsen',  -- first_north, helsinki, oslo, copenhagen, ...
    country VARCHAR DEFAULT 'sweden',            -- sweden, finland, norway, denmark, ...
    currency VARCHAR DEFAULT 'SEK',
    stock_type VARCHAR DEFAULT 'stock',          -- stock, sdb, preference, etf_certificate
    is_active BOOLEAN DEFAULT 1, last_validated DATE, last_updated DATETIME
);
CREATE TABLE daily_prices (
    ticker VARCHAR NOT NULL, date DATE NOT NULL,
    open FLOAT, close FLOAT, high FLOAT, low FLOAT, volume FLOAT,
    PRIMARY KEY (ticker, date)
);
CREATE TABLE index_prices (                      -- optional: benchmark indices such as OMXS30
    index_id VARCHAR NOT NULL, date DATE NOT NULL,
    close FLOAT, open FLOAT, high FLOAT, low FLOAT,
    PRIMARY KEY (index_id, date)
);
CREATE TABLE fundamentals (
    id INTEGER PRIMARY KEY, ticker VARCHAR, fiscal_date DATE,
    market_cap FLOAT,                            -- in SEK (or the listing currency), not millions
    pe FLOAT, pb FLOAT, ps FLOAT, p_fcf FLOAT, ev_ebitda FLOAT,
    roe FLOAT, roa FLOAT, roic FLOAT, fcfroe FLOAT, dividend_yield FLOAT, payout_ratio FLOAT,
    net_income FLOAT, operating_cf FLOAT, total_assets FLOAT, long_term_debt FLOAT,
    current_ratio FLOAT, shares_outstanding FLOAT, gross_margin FLOAT, asset_turnover FLOAT,
    fetched_date DATE,  -- when the row became known; often the only date there is
    perf_1m FLOAT, perf_3m FLOAT, perf_6m FLOAT, perf_12m FLOAT,
    piotroski_f_score INTEGER,                   -- the data vendor's score, where it has one
    data_source VARCHAR DEFAULT 'avanza'  -- avanza, statements (fractions), tradingview (percent)
);
CREATE TABLE fundamentals_snapshots (  -- optional: weekly copies, the only history of the ratios
    id INTEGER PRIMARY KEY, snapshot_date DATE, ticker VARCHAR, market_cap FLOAT,
    pe FLOAT, pb FLOAT, ps FLOAT, p_fcf FLOAT, ev_ebitda FLOAT,
    roe FLOAT, roa FLOAT, roic FLOAT, fcfroe FLOAT, dividend_yield FLOAT, payout_ratio FLOAT
);
CREATE TABLE strategy_signals (                  -- the old ranking cache: ten rows a strategy
    id INTEGER PRIMARY KEY, strategy_name VARCHAR, ticker VARCHAR, rank INTEGER, score FLOAT,
    calculated_date DATE
);
"""
EVENT_TABLES: Final = {
    "splits": """
CREATE TABLE splits (
    ticker VARCHAR NOT NULL, date DATE NOT NULL,  -- first day of trade at the new price
    ratio FLOAT NOT NULL,  -- new shares for one old: 2 for 2:1, 0.1 for a reverse 1:10
    PRIMARY KEY (ticker, date)
);
""",
    "dividend_events": """
CREATE TABLE dividend_events (
    id INTEGER PRIMARY KEY, ticker VARCHAR, ex_date DATE, payment_date DATE,
    amount FLOAT,  -- a share, as of the ex-date, not adjusted for later splits
    currency VARCHAR DEFAULT 'SEK', dividend_type VARCHAR DEFAULT 'regular'
);
""",
    "fx_rates": """
CREATE TABLE fx_rates (
    currency VARCHAR NOT NULL, date DATE NOT NULL,
    rate FLOAT NOT NULL,  -- SEK for one unit of the currency
    PRIMARY KEY (currency, date)
);
""",
}
"""More tables that may be there; this market has them if something is planted."""

# Fast, but a crash destroys the database, which is not in its place yet.
SCRATCH: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA cache_size = -65536;
"""
MARK: Final = f"PRAGMA application_id = {DEMO_MARK};"
"""Tells everybody who reads the database that its companies are invented."""
SIDECARS: Final = ("-wal", "-shm", "-journal")
NEWEST: Final = date(2026, 11, 20)

CompanyProgress = Callable[[int, int], None]


def _append(database: sqlite3.Connection, table: str, columns: Columns) -> int:
    """Insert columns as rows and return their number; a single value is repeated."""
    values = (column if isinstance(column, list) else repeat(column) for column in columns.values())
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    insert = f"INSERT INTO {table} ({names}) VALUES ({marks})"
    return database.executemany(insert, zip(*values, strict=False)).rowcount


def _company_tables(
    company: Company, common: Factors, planting: Planting | None
) -> Iterator[tuple[str, Columns]]:
    """Return the rows of a company, share by share, in the tables that have some for each."""
    past, prices = (planting.prices if planting else daily_prices)(company, common)
    statements = account_tables(company, common, past)
    if planting:
        statements = {name: caps_in_sek(company, rows) for name, rows in statements.items()}
        statements["dividend_events"] = dividend_events(company, common, past)
    for ticker, columns in zip(company.tickers, prices, strict=True):
        for table, values in {"daily_prices": columns, **statements}.items():
            yield table, {"ticker": ticker, **values}


def _fill(
    database: sqlite3.Connection,
    common: Factors,
    listed: list[Company],
    planting: Planting | None,
    progress: CompanyProgress,
) -> Counter[str]:
    """Create and fill every table, a company at a time; return the number of rows by table."""
    more = EVENT_TABLES.values() if planting else ()
    database.executescript("".join((SCRATCH, MARK, SCHEMA, *more)))
    rows = Counter(strategy_signals=0)
    with database:
        rows["stocks"] = _append(
            database, "stocks", stocks_table(listed, common.days, seed=common.seed)
        )
        rows["index_prices"] = _append(database, "index_prices", index_prices(common))
        for done, company in enumerate(listed, start=1):
            for table, columns in _company_tables(company, common, planting):
                rows[table] += _append(database, table, columns)
            progress(done, len(listed))
        if planting:
            rows["splits"] = _append(database, "splits", planting.splits())
            rows["fx_rates"] = sum(_append(database, "fx_rates", r) for r in fx_rates(common))
    return rows


def _publish(partial: Path, path: Path) -> None:
    """Put a finished database in its place, without the sidecar files and truth of an older one."""
    for old in (truth_path(path), *(path.with_name(path.name + suffix) for suffix in SIDECARS)):
        old.unlink(missing_ok=True)
    partial.replace(path)


def make_market(  # noqa: PLR0913 - one parameter an option
    path: Path,
    *,
    stocks: int = 730,
    years: int = 44,
    seed: int = 2,
    end: date = NEWEST,
    plants: bool = False,
    progress: CompanyProgress = lambda _done, _total: None,
) -> Counter[str]:
    """Write a market to a SQLite file, and return the number of rows by table.

    An older file is replaced when all is written. The same options give the same tables. Prices
    begin with the year `end.year - years`. With `plants` some prices have errors and some real
    moves are large, the optional tables are there, and `X.truth.json` beside X tells the truth.
    """
    common = factors(trading_days(date(end.year - years, 1, 1), end), seed=seed)
    listed = listed_companies(len(common.days), stocks=stocks, seed=seed)
    planting = Planting(listed, seed) if plants else None
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(partial)) as database:
            rows = _fill(database, common, listed, planting, progress)
        _publish(partial, path)
        if planting:
            write_truth(path, planting.truth)
    finally:
        partial.unlink(missing_ok=True)
    return rows
