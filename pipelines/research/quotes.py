"""The price, the currency and the rank of each stock, as orders need them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

import polars as pl

WANT_OF_DATA: Final = (
    "inactive", "suspect_price", "no_rate", "no_market_cap", "no_f_score", "missing_metrics",
    "no_momentum", "no_score",
)  # fmt: skip
"""Reasons for having no rank that say what is not known: nothing is sold for them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Quote:
    """A stock with its rank, its price, and the price in the currency of the account.

    `excluded_by` is the reason of one without a rank, `unpriced` that of one without a `price`.
    `close` is in the currency of the listing; the rate is that of the account's currency.
    """

    ticker: str
    name: str | None = None
    rank: int | None = None
    excluded_by: str | None = None
    close: Decimal | None = None
    currency: str | None = None
    rate: Fraction | None = None

    @property
    def price(self) -> Fraction | None:
        """Return the price in the account's currency; None where it is not known."""
        if not self.close or self.rate is None or self.excluded_by == "suspect_price":
            return None
        return Fraction(self.close) * self.rate

    @property
    def hundredths(self) -> Fraction:
        """Return the price in hundredths."""
        if self.price is None:
            raise ValueError(f"{self.ticker} has no price")
        return self.price * 100

    @property
    def kept_because(self) -> str | None:
        """Return why a holding is kept whatever the ranking says; None where it may be sold."""
        if self.excluded_by in WANT_OF_DATA:
            return self.excluded_by
        if self.price is not None:
            return None
        if not self.close:
            return "no_price"
        return "no_rate" if self.currency else "no_currency"


def quotes_of(
    ranking: pl.DataFrame, rates: Mapping[str, Fraction], currency: str
) -> dict[str, Quote]:
    """Return the quotes of a strategy's rows, by ticker.

    `rates` are those of currencies in the one of the account, which is worth itself.
    """
    return {quote.ticker: quote for quote in _quotes(ranking, {**rates, currency: Fraction(1)})}


def _quotes(ranking: pl.DataFrame, rates: Mapping[str, Fraction]) -> Iterator[Quote]:
    # Prices are Float32: the shortest decimal that rounds to one is what the source wrote.
    close = pl.col("close").cast(pl.Float32).cast(pl.String)
    columns = ("ticker", "name", "rank", "excluded_by", close, "currency")
    for ticker, name, rank, excluded_by, price, listed_in in ranking.select(columns).iter_rows():
        yield Quote(
            ticker=ticker,
            name=name,
            rank=rank,
            excluded_by=excluded_by,
            close=None if price is None else Decimal(price),
            currency=listed_in,
            rate=rates.get(listed_in),
        )


def rates_in(currency: str, in_sek: Mapping[str, float]) -> dict[str, Fraction]:
    """Return the rates of currencies in another, of their rates in SEK; none where that has none.

    They are of the decimals that the source wrote.
    """
    known = {name: Fraction(str(rate)) for name, rate in in_sek.items()} | {"SEK": Fraction(1)}
    base = known.get(currency)
    return {name: rate / base for name, rate in known.items()} if base else {}
