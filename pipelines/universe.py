"""Who is eligible on a date, and the first reason why not."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Self

import polars as pl


@dataclass(frozen=True, kw_only=True, slots=True)
class Universe:
    """Listing markets with a currency label and a market-cap floor by date.

    `floors` holds (first day, floor in million of the currency), oldest first; the floor of a
    date is the last one whose first day is not after it.
    """

    name: str
    markets: tuple[str, ...]
    currency: str
    floors: tuple[tuple[date, float], ...] = ()

    def __repr__(self) -> str:
        floors = (f"{cap:,} million from {first}" for first, cap in self.floors)
        caps = ", ".join(floors).replace(f" from {date.min}", "") or "nothing"
        markets = ", ".join(self.markets)
        return f"Universe {self.name}: {markets}; {self.currency}, market cap at least {caps}"

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The universe of a definition that `as_dict` made."""
        floors = tuple((date.fromisoformat(day), cap) for day, cap in values["floors"])
        markets = tuple(values["markets"])
        return cls(name=values["name"], markets=markets, currency=values["currency"], floors=floors)

    def floor(self, as_of: pl.Expr) -> pl.Expr:
        """The least market cap on a date, in million of the currency; 0 before the first floor."""
        newest_first = reversed(self.floors)
        steps = [pl.when(as_of >= day).then(pl.lit(cap)) for day, cap in newest_first]
        return pl.coalesce(*steps, pl.lit(0.0))

    def as_dict(self) -> dict[str, object]:
        """The definition as JSON holds it."""
        floors = [[day.isoformat(), cap] for day, cap in self.floors]
        return {"name": self.name, "markets": list(self.markets), "currency": self.currency,
                "floors": floors}  # fmt: skip


SWEDEN: Final = Universe(
    name="sweden",
    markets=("stockholmsborsen", "first_north"),
    currency="SEK",
    floors=((date.min, 500.0), (date(2023, 6, 1), 2000.0)),
)

STOCK_TYPES: Final = ("stock", "sdb")
INVESTMENT_COMPANY: Final = "investmentbolag"
FINANCIAL: Final = (
    "traditionell bankverksamhet",
    "försäkring",
    "sparande & investering",
    "kapitalförvaltning",
    "konsumentkredit",
    "finance",
    "financials",
    INVESTMENT_COMPANY,
)
SHARE_CLASS: Final = r"^(.+)[ \-_.]([A-D])$"


def universe_reason(
    universe: Universe, as_of: pl.Expr, *, keep_sectors: tuple[str, ...] = ()
) -> pl.Expr:
    """The first rule that excludes a stock, share classes aside; null for those that stay.

    Reads `stock_type, market, close, market_cap_msek, sector`, where `close` is null for a stock
    without a close in the ten days up to the date. `keep_sectors` are financial sectors that stay.
    """
    sectors = [s for s in FINANCIAL if s not in keep_sectors]
    cap = pl.col("market_cap_msek")
    rules = {
        "not_a_stock": _is_not_in("stock_type", STOCK_TYPES),
        "other_market": _is_not_in("market", universe.markets, fold=False),
        "inactive": pl.col("close").is_null(),
        "no_market_cap": cap.is_null(),
        "below_market_cap": cap < universe.floor(as_of),
        "financial": ~_is_not_in("sector", sectors),
    }
    return first_reason(rules)


def first_reason(rules: dict[str, pl.Expr]) -> pl.Expr:
    """The name of the first rule that is true; null if none is."""
    return pl.coalesce(pl.when(rule).then(pl.lit(code)) for code, rule in rules.items())


def _is_not_in(column: str, values: list[str] | tuple[str, ...], *, fold: bool = True) -> pl.Expr:
    text = pl.col(column).str.to_lowercase() if fold else pl.col(column)
    return ~text.is_in(list(values)).fill_null(value=False)


def company() -> pl.Expr:
    """The ticker without a trailing class letter A to D after a separator."""
    return pl.coalesce(pl.col("ticker").str.extract(SHARE_CLASS, 1), "ticker")


def is_class_b() -> pl.Expr:
    """1 for a B share, 0 for any other."""
    return pl.col("ticker").str.extract(SHARE_CLASS, 2).eq_missing(pl.lit("B")).cast(pl.Int8)
