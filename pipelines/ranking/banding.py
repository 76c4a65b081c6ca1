"""The trades of a portfolio that follows a ranking in a band: bought near the top, sold far below.

The gap between both ranks keeps a stock that falls a little from being traded back and forth.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import polars as pl

BUY_RANK: Final = 10
"""A stock is bought up to this rank, unless a strategy has another."""
SELL_RANK: Final = 20
"""A stock that is held is sold beyond this rank, unless a strategy has another."""


@dataclass(frozen=True)
class Place:
    """A stock with its rank; `excluded_by` holds the reason where it has none."""

    ticker: str
    rank: int | None
    excluded_by: str | None = None


@dataclass(frozen=True)
class Sale:
    """A held stock to sell, with the reason."""

    ticker: str
    rank: int | None
    reason: str


@dataclass(frozen=True)
class Banding:
    """The trades; the stocks to keep and to buy are in the order of the ranks."""

    keep: tuple[Place, ...]
    sell: tuple[Sale, ...]
    buy: tuple[Place, ...]

    @property
    def portfolio(self) -> list[str]:
        """Return the tickers that are held after the trades, best first."""
        return [place.ticker for place in sorted((*self.keep, *self.buy), key=_by_rank)]


def places(rankings: pl.DataFrame) -> list[Place]:
    """Return the places of a strategy's rows, ranked or not."""
    return [Place(*row) for row in rankings.select("ticker", "rank", "excluded_by").iter_rows()]


def trades(
    ranking: Iterable[Place],
    holdings: Iterable[str],
    size: int,
    *,
    buy_rank: int = BUY_RANK,
    sell_rank: int = SELL_RANK,
) -> Banding:
    """Return the trades of a portfolio of `size` stocks, by all places of a strategy.

    The best of the held stocks up to `sell_rank` are kept; all others are sold. Stocks up to
    `buy_rank` fill the rest, best first. A ticker without a place is sold as `unknown_ticker`.
    """
    by_ticker = {place.ticker: place for place in ranking}
    held = {ticker: by_ticker.get(ticker) for ticker in holdings}
    keep = sorted((p for p in held.values() if p and _is_within(p, sell_rank)), key=_by_rank)[:size]
    buy = sorted(
        (p for t, p in by_ticker.items() if t not in held and _is_within(p, buy_rank)), key=_by_rank
    )
    sell = (_sale(t, place, size, sell_rank) for t, place in held.items() if place not in keep)
    return Banding(tuple(keep), tuple(sell), tuple(buy[: size - len(keep)]))


def _by_rank(place: Place) -> tuple[int, str]:
    return place.rank or 0, place.ticker


def _is_within(place: Place, worst: int) -> bool:
    return place.rank is not None and place.rank <= worst


def _sale(ticker: str, place: Place | None, size: int, sell_rank: int) -> Sale:
    if place is None:
        return Sale(ticker, None, "unknown_ticker")
    is_surplus = _is_within(place, sell_rank)
    by_rank = f"beyond_{size}_names" if is_surplus else f"outside_rank_{sell_rank}"
    return Sale(ticker, place.rank, place.excluded_by or by_rank)
