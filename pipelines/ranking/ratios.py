"""The ratios of a stock: their names, units and directions."""

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class Ratio:
    """A ratio of the dataset `fundamentals`.

    The lake holds fractions as 0.0357; the vendor `tradingview` delivers them in percent. `best`
    says if a high or a low value is good; None for a ratio by which no stock is ranked.
    """

    name: str
    unit: Literal["money", "multiple", "fraction"]
    best: Literal["highest", "lowest"] | None


RATIOS: Final = (
    Ratio(name="market_cap_ccy", unit="money", best=None),
    Ratio(name="pe", unit="multiple", best="lowest"),
    Ratio(name="pb", unit="multiple", best="lowest"),
    Ratio(name="ps", unit="multiple", best="lowest"),
    Ratio(name="p_fcf", unit="multiple", best="lowest"),
    Ratio(name="ev_ebitda", unit="multiple", best="lowest"),
    Ratio(name="roe", unit="fraction", best="highest"),
    Ratio(name="roa", unit="fraction", best="highest"),
    Ratio(name="roic", unit="fraction", best="highest"),
    Ratio(name="fcfroe", unit="fraction", best="highest"),
    Ratio(name="dividend_yield", unit="fraction", best="highest"),
    Ratio(name="payout_ratio", unit="fraction", best=None),
)
RATIO_COLUMNS: Final = tuple(ratio.name for ratio in RATIOS)
FRACTIONS: Final = tuple(ratio.name for ratio in RATIOS if ratio.unit == "fraction")
