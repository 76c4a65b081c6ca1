"""Does the gate of the F-score filter? The check of how many signals are known."""

from typing import Final

import polars as pl
from pydantic import JsonValue

from pipelines.lake import Check, Lake
from pipelines.refresh.findings import cases, check

GATED: Final = "sammansatt_momentum"
"""The strategy that stocks leave by their F-score."""
AFTER_THE_GATE: Final = ("no_f_score", "low_f_score", "no_momentum")
"""The reasons for which eligible stocks leave it."""
FEW_SIGNALS: Final = 6
"""With fewer signals than this, those without a year before decide, and nearly all earn them."""
MOST: Final = 0.2
"""The share of the eligible stocks that may have few signals."""


def f_score_checks(lake: Lake) -> list[Check]:
    """Return the checks of the signals that the eligible stocks have, and what is remembered."""
    eligible = _eligible(lake)
    return [_signals(eligible), _remembered(lake, eligible)]


def _signals(eligible: pl.DataFrame) -> Check:
    """Return the check of eligible stocks whose F-score is of fewer than `FEW_SIGNALS` signals."""
    few = eligible.filter(pl.col("f_available") < FEW_SIGNALS)
    hardly = few.height > MOST * eligible.height
    message = (
        f"{few.height} of {eligible.height} eligible stocks have fewer than {FEW_SIGNALS} of the "
        "nine signals of the F-score"
    ) + ("; nearly every company earns those few, so the gate hardly filters" if hardly else "")
    value: JsonValue = {"count": few.height, "stocks": eligible.height, "cases": cases(few)}
    return check("f_score_signals", "warning" if hardly else "ok", message, value)


def _remembered(lake: Lake, eligible: pl.DataFrame) -> Check:
    """Return since when the lake remembers, and how many eligible stocks have how many signals."""
    counts = eligible.group_by("f_available").len("stocks").sort("f_available")
    signals = {str(number): stocks for number, stocks in counts.iter_rows()}
    since = lake.observed_since
    told = f"what it saw since {since}" if since else "nothing"
    message = (
        f"the lake remembers {told}; the F-score has all nine signals for {signals.get('9', 0)} of "
        f"{sum(signals.values())} eligible stocks"
    )
    value: JsonValue = {"since": since.isoformat() if since else None, "signals": {**signals}}
    return check("remembered", "ok", message, value)


def _eligible(lake: Lake) -> pl.DataFrame:
    """Return `ticker, f_available` of the stocks that the gate lets in or keeps out."""
    stays = pl.col("excluded_by").is_null() | pl.col("excluded_by").is_in(AFTER_THE_GATE)
    rows = lake.rankings().filter(pl.col("strategy") == GATED, stays)
    return rows.select("ticker", "f_available").sort("ticker").collect(engine="streaming")
