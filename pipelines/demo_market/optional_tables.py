"""The tables that a source may have or not: splits, dividends and rates of currencies."""

from itertools import accumulate
from typing import Final

import numpy as np

from pipelines.demo_market.companies import RATES, SEK_PER, Columns, Floats, as_text, generator
from pipelines.demo_market.prices import Factors

OPTIONAL_SCHEMA: Final = """
-- Optional tables; where one is absent nothing of it is assumed.
CREATE TABLE splits (
    ticker VARCHAR NOT NULL, date DATE NOT NULL,  -- first day of trade at the new price
    ratio FLOAT NOT NULL,                         -- new shares for one old: 2 for 2:1, 0.1 for 1:10
    PRIMARY KEY (ticker, date)
);
CREATE TABLE dividend_events (
    id INTEGER PRIMARY KEY, ticker VARCHAR, ex_date DATE, payment_date DATE,
    amount FLOAT,                    -- a share, as of the ex-date, not adjusted for later splits
    currency VARCHAR DEFAULT 'SEK', dividend_type VARCHAR DEFAULT 'regular'
);
CREATE TABLE fx_rates (
    currency VARCHAR NOT NULL, date DATE NOT NULL,
    rate FLOAT NOT NULL,                          -- SEK for one unit of the currency
    PRIMARY KEY (currency, date)
);
"""
PEGS: Final = {"DKK": "EUR"}
"""Currencies that move with another."""


def fx_rates(common: Factors) -> list[Columns]:
    """Return the rates of each currency but SEK, on every trading day, in SEK."""
    return [
        {
            "currency": currency,
            "date": as_text(common.days),
            "rate": np.round(
                rate * np.exp(_path(common, PEGS.get(currency, currency))), 4
            ).tolist(),
        }
        for currency, rate in SEK_PER.items()
        if currency != "SEK"
    ]


def _path(common: Factors, currency: str) -> Floats:
    """Return the log value of a currency, 0 on the last day; it tends to come back to a mean."""
    rng = generator(common.seed, RATES, list(SEK_PER).index(currency))
    shocks = rng.normal(0, 0.0045, len(common.days))
    path = np.array(list(accumulate(shocks, lambda old, shock: 0.998 * old + shock)))
    return np.asarray(path - path[-1])
