"""The rules that rankings are made by, as one short hash that changes with them."""

from typing import Final

from pipelines.digest import digest
from pipelines.ranking import eligible, factors, ratios, windows
from pipelines.ranking.strategies import STRATEGIES

RULES_VERSION: Final = 6
"""Raise it whenever an answer of a ranking changes."""


def rules_hash() -> str:
    """Return the hash of the strategies, the constants of the rules and their version."""
    return digest([RULES_VERSION, list(STRATEGIES.values()), _constants()])


def _constants() -> dict[str, object]:
    return {
        "months": windows.MONTHS,
        "max_price_age": windows.MAX_PRICE_AGE,
        "ratio_months": windows.RATIO_MONTHS,
        "statement_months": windows.STATEMENT_MONTHS,
        "year_before": windows.YEAR_BEFORE,
        "ratios": ratios.RATIO_COLUMNS,
        "statement_items": factors.STATEMENT_ITEMS,
        "signals": factors.SIGNALS,
        "stock_types": eligible.STOCK_TYPES,
        "financial": eligible.FINANCIAL,
        "share_class": eligible.SHARE_CLASS,
        "isin": eligible.ISIN,
    }
