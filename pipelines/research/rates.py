"""Rates of currencies by day: what a price in one is in another."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import polars as pl

from pipelines.errors import StockRankError
from pipelines.lake import Lake
from pipelines.ranking import MAX_PRICE_AGE, all_listed
from pipelines.research.arrays import Days, Floats

HOME: Final = "SEK"
"""The currency in which the rates are."""


@dataclass(frozen=True)
class Rates:
    """What one unit of a currency is on each day in that of the portfolio.

    `currencies` are those of the stocks, by their columns; `target` None converts nothing.
    """

    currencies: tuple[str | None, ...]
    target: str | None
    by_currency: dict[str, Floats]
    """The rates in `HOME`, NaN where none of the last ten days is known."""

    @classmethod
    def of(cls, lake: Lake, days: Days, tickers: tuple[str, ...], target: str | None) -> Self:
        """Return the rates of a lake; without its dataset `fx_rates` only those of `HOME`.

        `StockRankError` for a target of which no rate is known, and in which no stock is listed.
        """
        stocks = pl.DataFrame({"ticker": tickers}, schema={"ticker": pl.String})
        listed = all_listed(lake).collect()
        currencies = stocks.join(listed, on="ticker", how="left", maintain_order="left")["currency"]
        known = _by_currency(lake, days)
        if target is not None and target not in (*known, *currencies):
            raise StockRankError(
                f"no rate of {target} is known; give one of {', '.join(sorted(known))}, or add "
                "rates to the table fx_rates"
            )
        return cls(tuple(currencies), target, known)

    @property
    def missing(self) -> tuple[str, ...]:
        """Return the currencies of stocks that cannot be converted, for no rate is known."""
        if self.target is None:
            return ()
        known = self.by_currency if self.target in self.by_currency else ()
        others = (c for c in self.currencies if c != self.target and c not in known)
        return tuple(sorted({c or "no currency" for c in others}))

    def rate(self, currency: str | None, target: str | None) -> Floats | None:
        """Return what one unit of a currency is in another by day; None if they are the same."""
        if target is None or currency == target:
            return None
        unknown = np.full_like(self.by_currency[HOME], np.nan)
        mine = self.by_currency.get(currency or "", unknown)
        return mine / self.by_currency.get(target, unknown)

    def traded(self, prices: Floats) -> Floats:
        """Return prices in the currency of the portfolio, NaN without a rate; in place."""
        return self._converted(prices, last_known=False)

    def valued(self, prices: Floats) -> Floats:
        """Return prices at the last known rate, however old; in place."""
        return self._converted(prices, last_known=True)

    def _converted(self, prices: Floats, *, last_known: bool) -> Floats:
        if self.target is None:
            return prices
        for currency in dict.fromkeys(self.currencies):
            rate = self.rate(currency, self.target)
            if rate is not None:
                of_it = [n for n, c in enumerate(self.currencies) if c == currency]
                prices[:, of_it] *= (_last(rate) if last_known else rate)[:, None]
        return prices


def _last(rate: Floats) -> Floats:
    """Return the last rate known on each day."""
    known = np.maximum.accumulate(np.where(np.isnan(rate), 0, np.arange(len(rate))))
    return rate[known]


def _by_currency(lake: Lake, days: Days) -> dict[str, Floats]:
    found = {HOME: np.ones(len(days))}
    if "fx_rates" not in lake.datasets:
        return found
    rows = lake.fx_rates(until=days[-1].item()).sort("date").collect()
    for (currency,), known in rows.group_by("currency"):
        dates = known["date"].to_numpy().astype("datetime64[D]")
        at = np.searchsorted(dates, days, side="right") - 1
        is_near = (at >= 0) & (days - dates[at] <= np.timedelta64(MAX_PRICE_AGE, "D"))
        found[str(currency)] = np.where(is_near, known["rate"].to_numpy()[at], np.nan)
    return found
