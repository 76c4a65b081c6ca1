"""A universe: the listing markets and the market caps of the stocks that may be ranked.

Who is eligible in it on a date is decided by `pipelines.ranking`.
"""

import re
import unicodedata
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Literal, Self

from pipelines.definition import Definition

ReturnsIn = Literal["local", "SEK"]
"""The currency of returns: that of each listing, or Swedish kronor."""


TRUSTED: Final = re.compile(r"(?P<ticker>\S.*)\s(?P<day>\d{4}-\d{2}-\d{2})", re.ASCII)
"""A trusted jump as people write it: the ticker and the day."""

NOT_IN_MARKETS: Final = r"[\s_-]"
"""What does not count in the name of a market, beside case and accents."""


def market_key(name: str) -> str:
    """Return a market's name for comparing: `Stockholmsbörsen` and `stockholmsborsen` are one."""
    letters = [c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c)]
    return re.sub(NOT_IN_MARKETS, "", "".join(letters)).lower()


@dataclass(frozen=True, slots=True)
class TrustedJump:
    """A jump of a price that is real: the ticker, and the day of the close after it."""

    ticker: str
    date: date

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the jump in a text such as `ROCK B 2020-03-09`; `ValueError` for any other."""
        found = TRUSTED.fullmatch(text)
        if found is None:
            raise ValueError("write a ticker and a day, such as ROCK B 2020-03-09")
        return cls(found["ticker"], date.fromisoformat(found["day"]))

    def __str__(self) -> str:
        return f"{self.ticker} {self.date}"


JUMP_THRESHOLD: Final = 2.5
"""How many times another the one of two closes is at a jump, unless a setting says otherwise."""

OMXS30: Final = "OMXS30"
"""The index of the thirty most traded shares in Stockholm."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Universe:
    """Listing markets with a currency label and the least market cap by date.

    `floors` holds (first day, floor in million of the currency), oldest first; a floor holds from
    its first day until that of the next. `returns_in` converts returns, and nothing else. A stock
    with a jump is not ranked, unless the owner says that it is real, in `trusted_jumps`. Stocks are
    ranked by `strategies` beside those of the house. `index` is the one that betas are of.
    A version has the jumps of the `jump_threshold` of the universe that it was made for.
    """

    name: str
    markets: tuple[str, ...]
    currency: str
    floors: tuple[tuple[date, float], ...] = ()
    returns_in: ReturnsIn = "local"
    trusted_jumps: tuple[TrustedJump, ...] = ()
    strategies: tuple[Definition, ...] = ()
    index: str = OMXS30
    jump_threshold: float = JUMP_THRESHOLD

    def __repr__(self) -> str:
        floors = (f"{cap:,} million from {first}" for first, cap in self.floors)
        caps = ", ".join(floors).replace(f" from {date.min}", "") or "nothing"
        markets = ", ".join(self.markets)
        text = f"Universe {self.name}: {markets}; {self.currency}, market cap at least {caps}"
        if self.returns_in != "local":
            text += f"; returns in {self.returns_in}"
        own = ", ".join(one.name for one in self.strategies)
        return text + (f"; also ranked by {own}" if own else "")


SWEDEN: Final = Universe(
    name="sweden",
    markets=("stockholmsborsen", "first_north"),
    currency="SEK",
    floors=((date.min, 500.0), (date(2023, 6, 1), 2000.0)),
)
NORDIC: Final = replace(
    SWEDEN, name="nordic", markets=(*SWEDEN.markets, "helsinki", "copenhagen", "oslo")
)
BUILT_IN: Final = (SWEDEN, NORDIC)
"""The universes that need no declaration."""
