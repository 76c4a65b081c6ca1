"""Which stocks are eligible in a universe on a date, and why the others are not."""

from collections.abc import Sequence
from typing import Final

import polars as pl

from pipelines.ranking.expressions import first_reason
from pipelines.universe import NOT_IN_MARKETS, Universe, market_key

STOCK_TYPES: Final = ("stock", "sdb")
"""Shares, and Swedish depositary receipts, which stand for them."""
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
    "financial",
    "financial services",
    "diversified financials",
    "capital markets",
    "consumer finance",
    "asset management",
    "bank",
    "banks",
    "banking",
    "insurance",
    "finans",
)
"""Sectors, in lower case, whose ratios and statements do not compare with those of others.

They are in the words of Avanza, then of TradingView, GICS, ICB, Yahoo and Finnhub.
"""
SHARE_CLASS: Final = r"^(.+)[ \-_.]([A-D])(?:\.[A-Z]{1,3})?$"
"""A ticker with the letter of a share class, also before the suffix of an exchange, as `HM B.ST`.

The groups are the company and the letter.
"""
ISIN: Final = "^[A-Z]{2}[A-Z0-9]{9}[0-9]$"


def first_universe_reason(
    universe: Universe, as_of: pl.Expr, *, keep_sectors: Sequence[str] = ()
) -> pl.Expr:
    """Return the first rule, in order, that excludes a stock, share classes aside; else null.

    Reads `stock_type, market, close, jump_date, market_cap_msek, sector`, where `close` is null for
    a stock without a close in the ten days up to the date, and `jump_date` for one whose price has
    not jumped; and `lacks_rate` if the universe converts returns. `keep_sectors` are financial
    sectors that stay.
    """
    cap = pl.col("market_cap_msek")
    without_rate = {"no_rate": pl.col("lacks_rate")} if universe.returns_in != "local" else {}
    return first_reason(
        {
            "not_a_stock": ~is_stock(),
            "other_market": ~is_on_market(universe),
            "inactive": pl.col("close").is_null(),
            "suspect_price": pl.col("jump_date").is_not_null(),
            **without_rate,
            "no_market_cap": cap.is_null(),
            "below_market_cap": cap < market_cap_floor(universe, as_of),
            "financial": is_financial(keep_sectors),
        }
    )


def is_stock() -> pl.Expr:
    """Return true where `stock_type` is one of `STOCK_TYPES`, in any case."""
    return _is_in("stock_type", STOCK_TYPES)


def is_on_market(universe: Universe) -> pl.Expr:
    """Return true where `market` is one of the universe's, however it is spelled."""
    keys = [market_key(market) for market in universe.markets]
    return market_keys("market").is_in(keys).fill_null(value=False)


def market_keys(column: str) -> pl.Expr:
    """Return the names of markets for comparing, as `market_key` does."""
    letters = pl.col(column).str.normalize("NFKD").str.replace_all(r"\p{M}", "")
    return letters.str.replace_all(NOT_IN_MARKETS, "").str.to_lowercase()


def is_financial(keep_sectors: Sequence[str] = ()) -> pl.Expr:
    """Return true where `sector` is one of `FINANCIAL`, but none of those that are kept."""
    return _is_in("sector", [s for s in FINANCIAL if s not in keep_sectors])


def market_cap_floor(universe: Universe, as_of: pl.Expr) -> pl.Expr:
    """Return the least market cap on a date, in million; 0 before the first floor."""
    newest_first = reversed(universe.floors)
    steps = [pl.when(as_of >= day).then(pl.lit(cap)) for day, cap in newest_first]
    return pl.coalesce(*steps, pl.lit(0.0))


def _is_in(column: str, lower_case: Sequence[str]) -> pl.Expr:
    composed = pl.col(column).str.normalize("NFC").str.strip_chars()
    return composed.str.to_lowercase().is_in(list(lower_case)).fill_null(value=False)


def company() -> pl.Expr:
    """Return the ticker without the letter of its share class, A to D after a separator."""
    return pl.coalesce(pl.col("ticker").str.extract(SHARE_CLASS, 1), "ticker")


def share() -> pl.Expr:
    """Return the ISIN, which all tickers of a share have in common; the ticker without one."""
    isin = pl.col("isin").str.strip_chars().str.to_uppercase()
    return pl.when(isin.str.contains(ISIN)).then(isin).otherwise("ticker")


def is_class_b() -> pl.Expr:
    """Return 1 for a B share, 0 for any other."""
    return pl.col("ticker").str.extract(SHARE_CLASS, 2).eq_missing(pl.lit("B")).cast(pl.Int8)
