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


def f_score_check(lake: Lake) -> Check:
    """Return the check of eligible stocks whose F-score is of fewer than `FEW_SIGNALS` signals."""
    stays = pl.col("excluded_by").is_null() | pl.col("excluded_by").is_in(AFTER_THE_GATE)
    eligible = (
        lake.rankings()
        .filter(pl.col("strategy") == GATED, stays)
        .select("ticker", "f_available")
        .sort("ticker")
        .collect(engine="streaming")
    )
    few = eligible.filter(pl.col("f_available") < FEW_SIGNALS)
    hardly = few.height > MOST * eligible.height
    message = (
        f"{few.height} of {eligible.height} eligible stocks have fewer than {FEW_SIGNALS} of the "
        "nine signals of the F-score"
    ) + ("; nearly every company earns those few, so the gate hardly filters" if hardly else "")
    value: JsonValue = {"count": few.height, "stocks": eligible.height, "cases": cases(few)}
    return check("f_score_signals", "warning" if hardly else "ok", message, value)
