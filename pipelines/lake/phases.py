"""The phases of a refresh, which its log, its manifest and the service name alike."""

from collections.abc import Mapping
from typing import Final, Literal

Step = Literal["copy", "changes", "integrity", "checks", "publish"]
"""A phase that makes no dataset; each of the others is named after the dataset that it makes."""

PHASES: Final[Mapping[str, float]] = {
    "copy": 0.08,
    "changes": 0.04,
    "prices": 0.68,
    "splits": 0.01,
    "jumps": 0.0,
    "fundamentals": 0.05,
    "stocks": 0.01,
    "index_prices": 0.02,
    "dividends": 0.005,
    "fx_rates": 0.005,
    "observed_fundamentals": 0.005,
    "observed_stocks": 0.005,
    "ratio_prices": 0.01,
    "rankings": 0.03,
    "integrity": 0.03,
    "checks": 0.01,
    "publish": 0.01,
}
"""The phases in order, each with its usual share of the time of a full refresh."""
