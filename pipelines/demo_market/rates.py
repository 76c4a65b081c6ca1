"""The rates of the demo market's currencies, in Swedish kronor."""

from itertools import accumulate
from typing import Final

import numpy as np

from pipelines.demo_market.companies import (
    RATES,
    SEK_PER,
    Columns,
    Company,
    Floats,
    as_text,
    generator,
)
from pipelines.demo_market.prices import Factors

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


def caps_in_sek(company: Company, accounts: Columns) -> Columns:
    """Return accounts with market caps in kronor, at the newest rate, as in `stocks`."""
    caps = np.array(accounts["market_cap"]) * SEK_PER[company.place.currency]
    return {**accounts, "market_cap": np.round(caps).tolist()}


def _path(common: Factors, currency: str) -> Floats:
    """Return the log value of a currency, 0 on the last day; it tends to come back to a mean."""
    rng = generator(common.seed, RATES, list(SEK_PER).index(currency))
    shocks = rng.normal(0, 0.0045, len(common.days))
    path = np.array(list(accumulate(shocks, lambda old, shock: 0.998 * old + shock)))
    return np.asarray(path - path[-1])
