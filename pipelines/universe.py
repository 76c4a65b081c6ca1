"""A universe: the listing markets and the market caps of the stocks that may be ranked.

Who is eligible in it on a date is decided by `pipelines.ranking`.
"""

from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Literal

ReturnsIn = Literal["local", "SEK"]
"""The currency of returns: that of each listing, or Swedish kronor."""


@dataclass(frozen=True, slots=True)
class TrustedJump:
    """A jump of a price that is real: the ticker, and the day of the close after it."""

    ticker: str
    date: date


@dataclass(frozen=True, kw_only=True, slots=True)
class Universe:
    """Listing markets with a currency label and the least market cap by date.

    `floors` holds (first day, floor in million of the currency), oldest first; a floor holds from
    its first day until that of the next. `returns_in` converts returns, and nothing else. A stock
    with a jump is not ranked, unless the owner says that it is real, in `trusted_jumps`.
    """

    name: str
    markets: tuple[str, ...]
    currency: str
    floors: tuple[tuple[date, float], ...] = ()
    returns_in: ReturnsIn = "local"
    trusted_jumps: tuple[TrustedJump, ...] = ()

    def __repr__(self) -> str:
        floors = (f"{cap:,} million from {first}" for first, cap in self.floors)
        caps = ", ".join(floors).replace(f" from {date.min}", "") or "nothing"
        markets = ", ".join(self.markets)
        text = f"Universe {self.name}: {markets}; {self.currency}, market cap at least {caps}"
        return text + ("" if self.returns_in == "local" else f"; returns in {self.returns_in}")


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
