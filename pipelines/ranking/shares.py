"""Shares outstanding of two reports on one scale."""

import polars as pl

from pipelines.lake import Lake

Keys = tuple[str, ...]


def with_shares_of_one_scale(
    statements: pl.LazyFrame, lake: Lake, by: Keys = ("ticker",)
) -> pl.LazyFrame:
    """Bring the shares of t to the scale of those of the year before, for a split issues none.

    Some vendors adjust the older report for it. So the splits between the ends of both years count
    where the shares moved nearer, by the logarithm, to their ratio than to 1.
    """
    if "splits" not in lake.datasets:
        return statements
    # Named as shared, for it is used twice, and the optimiser looks into no frame that is cached.
    statements = statements.cache()
    splits = lake.splits().select("ticker", "ratio", split_="date")
    day, now = pl.col("split_"), pl.col("shares_outstanding_0")
    ratios = (
        statements.select(*by, "fiscal_date", "fiscal_date_before")
        .join(splits, on="ticker")
        .filter(day > pl.col("fiscal_date_before"), day <= pl.col("fiscal_date"))
        .group_by(by)
        .agg(log_ratio_=pl.col("ratio").log().sum())
    )
    moved = (now / pl.col("shares_outstanding_1")).log()
    log_ratio = pl.col("log_ratio_")
    counts = (moved - log_ratio).abs() < moved.abs()
    # Rounded, for a logarithm does not bring back all digits.
    scaled = (now / log_ratio.exp()).round_sig_figs(12)
    return (
        statements.join(ratios, on=by, how="left")
        .with_columns(shares_outstanding_0=pl.when(counts).then(scaled).otherwise(now))
        .drop("log_ratio_")
    )
