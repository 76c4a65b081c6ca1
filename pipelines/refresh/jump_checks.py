"""Checks of the jumps of prices: those that nothing explains, and those that the owner trusts."""

import logging
from typing import Final

import polars as pl

from pipelines.lake import Check, Lake
from pipelines.ranking import canonical_tickers, counted_jumps
from pipelines.refresh.findings import check, counted, some
from pipelines.refresh.outliers import SPLITS
from pipelines.universe import Universe

logger = logging.getLogger(__name__)

SUSPECT: Final = "suspect_price"
LIKE_A_SPLIT: Final = 0.1
"""How far a jump may be from a split that it is said to look like: the price also moves."""


def jump_checks(lake: Lake, stocks: pl.DataFrame, universe: Universe) -> list[Check]:
    """Return the checks of jumps that nothing explains, and of trusted ones that match none."""
    checks = [_unexplained(lake, stocks, universe)]
    return [*checks, _trusted(lake, universe)] if universe.trusted_jumps else checks


def _unexplained(lake: Lake, stocks: pl.DataFrame, universe: Universe) -> Check:
    """Return the check of the jumps of the stocks, of suspect ones first, then the newest first.

    It is a warning if a stock is suspect. A run that reverted needs nothing done.
    """
    suspect = lake.rankings().filter(pl.col("excluded_by") == SUSPECT).select("ticker").unique()
    rows = (
        counted_jumps(lake, universe.trusted_jumps)
        .filter(pl.col("reverted_on").is_null(), pl.col("reverts").is_null())
        .join(stocks.lazy().select("ticker"), on="ticker", how="semi")
        .join(suspect.with_columns(suspect=True), on="ticker", how="left")
        .select(
            "ticker", "date_before", "date", pl.col("suspect").fill_null(value=False), "ratio",
            pl.col("close_before").alias("from"), pl.col("close").alias("to"),
            what_to_do=_what_to_do(),
        )
        .sort("suspect", "date", "ticker", descending=[True, True, False])
        .collect(engine="streaming")
    )  # fmt: skip
    names = rows.filter("suspect")["ticker"].unique(maintain_order=True).to_list()
    named = f"; not ranked for one: {some(names)}" if names else "; no stock is suspect now"
    message = f"jumps of prices that nothing explains: {rows.height}{named}"
    return check("jumps", "warning" if names else "ok", message, counted(rows))


def _what_to_do() -> pl.Expr:
    """Return what the owner can do about a jump, in a sentence."""
    entry = pl.format("{} {}", "ticker", pl.col("date").dt.to_string("%Y-%m-%d"))
    ratio = pl.col("ratio")
    near = {
        name: (ratio - exact).abs() <= LIKE_A_SPLIT * exact
        for n in SPLITS
        for name, exact in ((f"{n}:1", 1 / n), (f"1:{n}", float(n)))
    }
    split = pl.coalesce(pl.when(is_near).then(pl.lit(name)) for name, is_near in near.items())
    mend = pl.format('mend the row in daily_prices; or if it is real, trust "{}"', entry)
    add = pl.format("add the split {} to splits if there was one; else {}", split, mend)
    return pl.when(split.is_not_null()).then(add).otherwise(mend)


def _trusted(lake: Lake, universe: Universe) -> Check:
    """Return the check of trusted jumps that match none, and log those."""
    entries = pl.DataFrame(
        [(one.ticker, one.date, str(one)) for one in universe.trusted_jumps],
        schema={"ticker": pl.String, "date": pl.Date, "entry": pl.String},
        orient="row",
    ).with_columns(canonical_tickers("ticker"))
    jumps = lake.jumps().select("ticker", "date").collect(engine="streaming")
    lost = entries.join(jumps, on=("ticker", "date"), how="anti", maintain_order="left")
    names = lost["entry"].to_list()
    if not names:
        message = f"trusted jumps that match a jump: all {entries.height}"
        return check("trusted_jumps", "ok", message, counted(lost))
    message = f"trusted jumps that match no jump: {some(names)}; correct or remove them"
    logger.warning("%s", message)
    return check("trusted_jumps", "warning", message, counted(lost))
