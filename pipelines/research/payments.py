"""Dividends by day and stock, as cash for one unit."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl

from pipelines.lake import Lake
from pipelines.research.arrays import Days, Floats, Numbers
from pipelines.research.rates import Rates
from pipelines.research.scales import Scales


@dataclass(frozen=True)
class Dividends:
    """Payments in the order of their days; `cash` is that of one unit. `None` known is no table."""

    days: Numbers
    stocks: Numbers
    cash: Floats
    are_known: bool
    without_rate: int = 0
    """How many are left out, for no rate of their currency is known."""

    @classmethod
    def none(cls, *, are_known: bool) -> Self:
        """Return no payments."""
        nothing = np.empty(0, dtype=np.int64)
        return cls(nothing, nothing, np.empty(0), are_known)

    def between(self, after: int, until: int) -> slice:
        """Return those after one day, up to another."""
        first, end = self.days.searchsorted((after, until), side="right")
        return slice(int(first), int(end))


def dividends_of(
    lake: Lake, days: Days, tickers: tuple[str, ...], scales: Scales, rates: Rates
) -> Dividends:
    """Return the dividends of a lake, each on its ex-date or the first trading day after it.

    An amount is for a share of the ex-date. Where closes were adjusted for a split by the vendor,
    their shares are those after it, and so the amounts before it are divided too. That reads what
    is later than the dividend and yet tells nothing of the future: the vendor wrote the split into
    the closes before it, and the division takes it out of their sum again. The values up to a day
    are those of a lake that ends on it, with the closes of then.
    """
    if "dividends" not in lake.datasets:
        return Dividends.none(are_known=False)
    place = pl.LazyFrame({"ticker": tickers}, schema={"ticker": pl.String}).with_row_index("stock")
    rows = (
        _of_todays_shares(lake)
        .filter(pl.col("ex_date").is_between(days[0].item(), days[-1].item()))
        .join(place, on="ticker")
        .sort("ex_date", "stock", "id")
        .collect()
    )
    if rows.is_empty():
        return Dividends.none(are_known=True)
    day = np.searchsorted(days, rows["ex_date"].to_numpy().astype("datetime64[D]"))
    stock = rows["stock"].to_numpy().astype(np.int64)
    factors = _factors(rates, rows["currency"].to_list(), day, stock)
    cash = rows["amount"].to_numpy() * scales.at(day, stock) * factors
    known = ~np.isnan(cash)
    return Dividends(day[known], stock[known], cash[known], are_known=True,
                     without_rate=int((~known).sum()))  # fmt: skip


def _of_todays_shares(lake: Lake) -> pl.LazyFrame:
    rows = lake.dividends()
    if "splits" not in lake.datasets:
        return rows
    adjusted = lake.splits().filter(decision="in_prices").select("ticker", "ratio", split_="date")
    later = rows.select("id", "ticker", "ex_date").join(adjusted, on="ticker")
    ratios = (
        later.filter(pl.col("split_") > pl.col("ex_date"))
        .group_by("id")
        .agg(pl.col("ratio").product())
    )
    amount = pl.col("amount") / pl.col("ratio").fill_null(1.0)
    return rows.join(ratios, on="id", how="left").with_columns(amount=amount)


def _factors(rates: Rates, currencies: list[str | None], days: Numbers, stocks: Numbers) -> Floats:
    """Return what each amount is multiplied by to be in the currency of the portfolio."""
    found = np.ones(len(days))
    for n, (currency, day, stock) in enumerate(zip(currencies, days, stocks, strict=True)):
        listed = rates.currencies[stock]
        rate = rates.rate(currency or listed, rates.target or listed)
        found[n] = 1.0 if rate is None else rate[day]
    return found
