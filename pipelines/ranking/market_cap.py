"""The market cap of a stock on a date."""

import polars as pl

from pipelines.ranking.expressions import divided, positive
from pipelines.ranking.jumps import NEXT_JUMP


def close_of_cap() -> dict[str, pl.Expr]:
    """Return the close to which the listed market cap belongs, and its day.

    It is the newest one; where the price jumps before that one, but after the date, and nothing
    explains it, the last one before the jump, for no ratio of closes holds over it.
    """
    close, day = map(pl.col, NEXT_JUMP)
    jumps = day < pl.col("newest_date")
    return {
        "cap_close": pl.when(jumps).then(close).otherwise("newest_close"),
        "cap_date": pl.when(jumps).then(day).otherwise("newest_date"),
    }


def market_cap(day: pl.Expr) -> dict[str, pl.Expr]:
    """Return the market cap in million, as reported or else as listed, and which of them it is.

    The listed one belongs to the `close_of_cap`; for a date before the newest close it is scaled by
    the closes. Both are null without a close.
    """
    has_close = pl.col("close").is_not_null()
    reported = pl.when(has_close).then(divided(positive("market_cap_ccy"), 1e6))
    listed = pl.when(has_close).then(positive("market_cap_msek"))
    past = (day < pl.col("newest_date")).fill_null(value=False)
    newest = pl.col("cap_close").cast(pl.Float64)
    scaled = pl.when(past).then(listed * (pl.col("close") / newest)).otherwise(listed)
    source = (
        pl.when(reported.is_not_null()).then(pl.lit("reported"))
        .when(scaled.is_null()).then(None)
        .when(past).then(pl.lit("price_scaled"))
        .otherwise(pl.lit("current"))
    )  # fmt: skip
    return {"market_cap_msek": pl.coalesce(reported, scaled), "market_cap_source": source}
