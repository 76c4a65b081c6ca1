"""Why a stock has no rank: each code with the sentence that explains it."""

from collections.abc import Mapping
from typing import Final

REASONS: Final[Mapping[str, str]] = {
    "not_a_stock": "it is not a stock",
    "other_market": "it is listed on another market, or its market is unknown",
    "inactive": "it has had no close for ten days",
    "suspect_price": "its price jumped within a year, and nothing explains it",
    "no_rate": "no rate of its currency is known on a day of its returns",
    "no_market_cap": "its market cap is unknown",
    "below_market_cap": "its market cap is below the floor",
    "financial": "its sector is financial",
    "same_share": "another ticker of the same share, by its ISIN, is ranked",
    "other_share_class": "another share class of the company is ranked",
    "no_f_score": "fewer than three signals of its F-score are known",
    "low_f_score": "its F-score is below 5 of 9",
    "missing_metrics": "too few of its metrics are known",
    "outside_best_40_percent": "it is outside the best 40%",
    "no_momentum": "a return over 3, 6 or 12 months is unknown",
    "no_score": "its score is unknown",
}
"""In the order in which the rules are tried: a stock is excluded by the first that is true."""
OF_UNIVERSE: Final = tuple(REASONS)[: tuple(REASONS).index("no_f_score")]
"""Those of the universe, before any of a strategy."""
OF_SCREENS: Final = ("no_f_score", "low_f_score")
"""Those of the screens of a strategy; all others are tried by every strategy."""


def reason_outside(percent: int) -> str:
    """Return the reason of the stocks that are not among the best percent by a composite."""
    return f"outside_best_{percent}_percent"


def meaning_outside(percent: int) -> str:
    """Return its sentence."""
    return f"it is outside the best {percent}%"
