"""The rules that rankings are made by, as one short hash that tells them from other rules."""

from typing import Final

from pipelines import universe
from pipelines.digest import digest
from pipelines.ranking import factors
from pipelines.ranking.strategies import STRATEGIES

RULES_VERSION: Final = 1
"""Raise it whenever an answer of a ranking changes."""


def rules_hash() -> str:
    """Return the hash of the strategies, the constants of the rules and their version."""
    return digest([RULES_VERSION, list(STRATEGIES.values()), _constants()])


def _constants() -> dict[str, object]:
    return {
        "months": factors.MONTHS,
        "max_price_age": factors.MAX_PRICE_AGE,
        "ratios": factors.RATIOS,
        "statement_items": factors.STATEMENT_ITEMS,
        "signals": factors.SIGNALS,
        "stock_types": universe.STOCK_TYPES,
        "financial": universe.FINANCIAL,
        "share_class": universe.SHARE_CLASS,
    }
