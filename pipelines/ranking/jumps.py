"""Jumps of prices on a date: the stocks that they make suspect, and the closes known to be bad.

A jump is real where the owner says so; it then counts as any move, also for a run of which it would
be the begin or the end. Frames of more than one date have `as_of` among their columns.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final

import polars as pl

from pipelines.lake import Lake
from pipelines.ranking.tickers import canonical_ticker
from pipelines.ranking.windows import MONTHS, earliest, months_before
from pipelines.universe import TrustedJump, Universe

NEWEST_JUMP: Final = "newest_jump_"
"""The day of the newest jump of a stock that nothing explains, however long ago; else null."""
JUMP_FACTS: Final[tuple[str, str, str]] = ("jump_date", "jump_close_before", "jump_close")
"""The newest jump for which a stock is suspect: its day and both closes; else null."""
NEXT_JUMP: Final = {"next_jump_close_": "close_before", "next_jump_date_": "date_before"}
"""The last close before the next jump that nothing explains as of today, and its day; else null."""
BAD_FROM: Final = "bad_from_"
"""The day from which a close is known to be bad; null for a good one."""


def counted_jumps(lake: Lake, trusted: Sequence[TrustedJump]) -> pl.LazyFrame:
    """Return the jumps of a version that neither a split nor the owner explains."""
    jumps = lake.jumps().filter(~pl.col("split_known"))
    if not trusted:
        return jumps
    return jumps.filter(~_is_trusted("date", trusted)).with_columns(
        pl.when(~_is_trusted(other, trusted)).then(other) for other in ("reverted_on", "reverts")
    )


def _is_trusted(day: str, trusted: Sequence[TrustedJump]) -> pl.Expr:
    """Return true where the jump of a ticker on a day is one that the owner trusts."""
    return pl.any_horizontal(
        (pl.col("ticker") == canonical_ticker(one.ticker)) & pl.col(day).eq_missing(one.date)
        for one in trusted
    )


def newest_jumps(
    jumps: pl.LazyFrame, day: pl.Expr, by: tuple[str, ...] = ("ticker",)
) -> pl.LazyFrame:
    """Return the tickers with jumps: `NEWEST_JUMP`, `JUMP_FACTS` of suspects, and `NEXT_JUMP`.

    A stock is suspect if its newest jump lies in the months of the longest return, or the days
    before that its base may be older. The first jump of a run counts until the run reverts, and the
    last one never does. The next jump is the first one after the day.
    """
    jump = pl.col("date")
    is_back = (pl.col("reverted_on") <= day).fill_null(value=False)
    past = pl.when(jump <= day, ~is_back).then(jump)
    ahead = pl.when(jump > day, pl.col("reverted_on").is_null()).then(jump)
    closes = (pl.col(c).max_by(past).cast(pl.Float64).alias(f"jump_{c}")
              for c in ("close_before", "close"))  # fmt: skip
    newest = (
        jumps.filter(pl.col("reverts").is_null())
        .group_by(by)
        .agg(
            past.max().alias("jump_date"),
            *closes,
            *(pl.col(c).min_by(ahead).alias(name) for name, c in NEXT_JUMP.items()),
        )
    )
    is_suspect = pl.col("jump_date") > earliest(months_before(day, max(MONTHS)))
    return newest.with_columns(
        pl.col("jump_date").alias(NEWEST_JUMP),
        *(pl.when(is_suspect).then(fact).alias(fact) for fact in JUMP_FACTS),
    )


def with_bad(prices: pl.LazyFrame, jumps: pl.LazyFrame, *, since: date) -> pl.LazyFrame:
    """Add the day from which each close is known to be bad, as `BAD_FROM`; prices are `since`.

    The closes of a run are bad from its first jump to the day before it reverted, for whoever knows
    that it did.
    """
    runs = jumps.filter(pl.col("reverted_on") > since)
    days = pl.date_ranges("date", "reverted_on", closed="left")
    bad = (
        runs.select("ticker", pl.col("reverted_on").alias(BAD_FROM), date=days)
        .explode("date")
        .group_by("ticker", "date")
        .agg(pl.col(BAD_FROM).min())
    )
    return prices.join(bad, on=("ticker", "date"), how="left")


def is_good(day: pl.Expr) -> pl.Expr:
    """Return true for a close that is not known to be bad on a day."""
    return ~(pl.col(BAD_FROM) <= day).fill_null(value=False)


def good_prices(
    lake: Lake, *, since: date, until: date, as_of: date, universe: Universe
) -> pl.LazyFrame:
    """Return daily prices without those that are known on `as_of` to be bad."""
    rows = lake.prices(since=since, until=until)
    jumps = counted_jumps(lake, universe.trusted_jumps)
    return with_bad(rows, jumps, since=since).filter(is_good(pl.lit(as_of))).drop(BAD_FROM)
