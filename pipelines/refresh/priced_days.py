"""The days on which the ratios of fundamentals were priced: `ticker, priced_on`, each once.

A day is prompt where the ratios are known at most some days after it, else late. One that is both
is late.
"""

from datetime import date
from typing import Final

import polars as pl

from pipelines.lake import PROMPT_DAYS, Lake
from pipelines.ranking import RATIO_COLUMNS, filings_with_ratios, has_any, priced_on

KEY: Final = ("ticker", "priced_on")
WAITED: Final = (pl.col("known_from") - pl.col("priced_on")).dt.total_days()
IS_PROMPT: Final = WAITED.is_between(0, PROMPT_DAYS)


def late(lake: Lake) -> pl.DataFrame:
    """Return the days of ratios that were known long after them, or before."""
    return _days(lake, ~IS_PROMPT)


def prompt(lake: Lake, late: pl.DataFrame, after: int | None) -> pl.DataFrame:
    """Return the other days; those after a year, if one is given."""
    rules = [IS_PROMPT]
    if after is not None:
        # What is known soon is so from the same year on, or the next one.
        rules.append(pl.col("known_from", "priced_on") >= date(after + 1, 1, 1))
    return _days(lake, pl.all_horizontal(rules)).join(late, on=KEY, how="anti")


def _days(lake: Lake, rule: pl.Expr) -> pl.DataFrame:
    copied = lake.source_fundamentals().filter(has_any(RATIO_COLUMNS), source="snapshots")
    rows = (copied, filings_with_ratios(lake))
    days = pl.concat(part.select("ticker", "known_from", priced_on=priced_on()) for part in rows)
    return days.filter(rule).select(KEY).unique().collect(engine="streaming")
