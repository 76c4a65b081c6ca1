"""Stocks by what people call them: ticker, name or ISIN, in any case and without accents."""

import difflib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Final

import polars as pl

from pipelines.lake import COUNTING, Lake
from pipelines.ranking.tickers import canonical_ticker

LETTERS: Final = str.maketrans({"ø": "o", "æ": "a", "đ": "d", "ł": "l", "ß": "ss", "þ": "th"})
"""Letters that no accent is taken from; `å`, `ä` and `ö` are `a`, `a` and `o` by Unicode."""
NEAR: Final = 0.6
"""How alike two names must be to be near, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class StockName:
    """A stock by its names. One that is gone from the source has the day it was `last_seen`."""

    ticker: str
    name: str | None = None
    isin: str | None = None
    market: str | None = None
    currency: str | None = None
    last_seen: date | None = None


def names_of_stocks(lake: Lake) -> pl.LazyFrame:
    """Return the fields of `StockName` of all stocks, and of those that are gone."""
    columns = ("ticker", "name", "isin", "market", "currency")
    listed = lake.stocks().select(*columns, last_seen=pl.lit(None, dtype=pl.Date))
    if "observed_stocks" not in lake.datasets:
        return listed
    rows = lake.observed("stocks").filter(pl.col("state").is_in(COUNTING))
    key = pl.when("listed").then(pl.col("observed_on").to_physical()).otherwise(-1)
    days = (
        rows.with_columns(key_=key, seen_=pl.coalesce("last_seen", "observed_on"))
        .group_by("ticker")
        .agg(pl.col(columns[1:]).max_by("key_"), last_seen=pl.col("seen_").max())
    )
    gone = days.join(listed, on="ticker", how="anti").select(*columns, "last_seen")
    return pl.concat([listed, gone]).sort("ticker")


def letters(text: str) -> str:
    """Return a text in lower case without accents, and with one space for all that is no letter."""
    plain = unicodedata.normalize("NFKD", text.lower().translate(LETTERS))
    kept = "".join(c for c in plain if not unicodedata.combining(c))
    return re.sub(r"[\W_]+", " ", kept).strip()


class StockNames:
    """Finds stocks by their names."""

    def __init__(self, stocks: Iterable[StockName]) -> None:
        self.stocks: Final = tuple(stocks)

    @classmethod
    def of(cls, rows: pl.DataFrame) -> "StockNames":
        """Return the names in rows of `names_of_stocks`."""
        return cls(StockName(**row) for row in rows.iter_rows(named=True))

    @cached_property
    def _known(self) -> dict[str, dict[str, list[StockName]]]:
        """The stocks of each ISIN, ticker and name; those that are listed come first."""
        found: dict[str, dict[str, list[StockName]]] = {"isin": {}, "ticker": {}, "name": {}}
        for stock in sorted(self.stocks, key=_listed_first):
            for kind, text in (
                ("isin", stock.isin),
                ("ticker", stock.ticker),
                ("name", stock.name),
            ):
                found[kind].setdefault(letters(text or ""), []).append(stock)
        return found

    def called(self, kind: str, text: str) -> Sequence[StockName]:
        """Return the stocks that have a text as their `isin`, `ticker` or `name`."""
        key = letters(canonical_ticker(text) if kind == "ticker" else text)
        return self._known[kind].get(key, ()) if key else ()

    def search(self, text: str, limit: int) -> list[StockName]:
        """Return the stocks that a text finds, best first; where it finds none, those like it.

        The same ticker, ISIN or name comes first, then what begins so, then a word that does, then
        what holds the text anywhere.
        """
        wanted = letters(text)
        if not wanted:
            return []
        places = ((_place(stock, wanted), stock) for stock in self.stocks)
        found = [(place, *_listed_first(stock), stock) for place, stock in places if place]
        best = [stock for *_, stock in sorted(found, key=lambda one: one[:-1])]
        return (best or list(self._like(wanted)))[:limit]

    def _like(self, wanted: str) -> Iterator[StockName]:
        """Yield the stocks whose ticker or name is written alike, the nearest first."""
        by_text: dict[str, StockName] = {}
        for kind in ("name", "ticker"):
            by_text |= {key: stocks[0] for key, stocks in self._known[kind].items() if key}
        near = difflib.get_close_matches(wanted, by_text, n=10, cutoff=NEAR)
        yield from dict.fromkeys(by_text[key] for key in near)


def _listed_first(stock: StockName) -> tuple[bool, int, str]:
    return stock.last_seen is not None, len(stock.name or ""), stock.ticker


def _place(stock: StockName, wanted: str) -> int:
    """Return how well a text finds a stock, 1 is best; 0 where it does not."""
    ticker, name, isin = (letters(t or "") for t in (stock.ticker, stock.name, stock.isin))
    steps = (
        ticker == wanted,
        isin == wanted,
        name == wanted,
        ticker.startswith(wanted),
        name.startswith(wanted),
        f" {wanted}" in f" {name}",
        wanted in name,
        wanted in ticker or wanted in isin,
    )
    return next((place for place, holds in enumerate(steps, 1) if holds), 0)
