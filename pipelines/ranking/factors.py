"""Factors: expressions over the closes, statements and ratios that are known of stocks on a date.

Where a factor compares stocks, it does so within a date: among the rows with one `as_of`.
"""

from collections.abc import Mapping
from typing import Final

import polars as pl

from pipelines.ranking.expressions import divided, positive
from pipelines.ranking.windows import MONTHS

STATEMENT_ITEMS: Final = (
    "net_income_ccy", "operating_cf_ccy", "total_assets_ccy", "long_term_debt_ccy",
    "current_ratio", "shares_outstanding", "gross_margin", "asset_turnover",
)  # fmt: skip
VENDOR_F_SCORE: Final = "piotroski_f_score"
SIGNALS: Final = (
    "net_income_positive", "operating_cf_positive", "roa_rose", "cash_exceeds_income",
    "leverage_fell", "current_ratio_rose", "shares_did_not_rise", "gross_margin_rose",
    "asset_turnover_rose",
)  # fmt: skip


# ------------------------------------------------------------------------------------ prices


def anchor(window: pl.Expr, months: int) -> tuple[pl.Expr, pl.Expr]:
    """Return two aggregations of a window: its last close and that day, null if it is empty."""
    dates = pl.when(window).then("date")
    suffix = f"_{months}m" if months else ""
    prefix = "base_" if months else ""
    close = pl.col("close").max_by(dates).cast(pl.Float64).alias(f"{prefix}close{suffix}")
    return close, dates.max().alias(f"{prefix}{'' if months else 'close_'}date{suffix}")


def total_return(months: int) -> pl.Expr:
    """Return the price return over calendar months, a fraction; null without either close."""
    return (pl.col("close") / pl.col(f"base_close_{months}m") - 1).alias(f"return_{months}m")


def momentum() -> pl.Expr:
    """Return the mean of the 3, 6 and 12 month returns; null unless all three are known."""
    r3, r6, r12 = (pl.col(f"return_{n}m") for n in MONTHS)
    return divided(r3 + r6 + r12, 3.0).alias("momentum")


# ---------------------------------------------------------------------------- cross-sections


def percentile(value: pl.Expr, eligible: pl.Expr) -> pl.Expr:
    """Return (average rank - 0.5) / n among the eligible stocks with a value, the highest near 0.

    Null for the others. The composite ranks of J. O'Shaughnessy, What Works on Wall Street.
    """
    masked = pl.when(eligible).then(value)
    rank = masked.rank("average", descending=True).over("as_of")
    return (rank - 0.5) / masked.count().over("as_of")


def composite(weights: Mapping[str, float], eligible: pl.Expr, at_least: int) -> pl.Expr:
    """Return the weighted mean of percentiles, 0.5 for a missing one; null with too few of them.

    `weights` is of each percentile, and `at_least` of them must be known. The mean is rounded to 12
    decimals, so that the order of summation decides no tie.
    """
    count = pl.sum_horizontal(pl.col(*weights).is_not_null())
    known = (pl.col(p).fill_null(0.5) * weight for p, weight in weights.items())
    mean = divided(pl.sum_horizontal(known), float(sum(weights.values())))
    return pl.when(eligible & (count >= at_least)).then(mean.round(12))


def primary_rank(composite: str) -> pl.Expr:
    """Return the competition rank of a composite, the lowest first; null without one."""
    return pl.col(composite).rank("min").over("as_of").cast(pl.UInt32)


def outside_best(rank: str, percent: int) -> pl.Expr:
    """Return true for ranks beyond max(1, floor(percent of the number ranked))."""
    kept = pl.col(rank).count().over("as_of").cast(pl.Int64) * percent // 100
    return pl.col(rank) > pl.max_horizontal(kept, pl.lit(1))


# ----------------------------------------------------------------------------------- F-score


def f_signals() -> tuple[pl.Expr, ...]:
    """Return the nine signals, in the order of `SIGNALS`; null where an input is missing.

    J. Piotroski, Value Investing, Journal of Accounting Research 38 (2000). Reads the statement
    items of the years t, t-1 and t-2 as `net_income_ccy_0`, `_1`, ... Where the assets of t-2 are
    unknown, both years use their closing assets in place of opening or average ones. Where
    `mixes_periods` is true, income and cash flow are not of the same months: no signal compares
    them.
    """
    income, cash = pl.col("net_income_ccy_0"), pl.col("operating_cf_ccy_0")
    signals = (
        income > 0,
        cash > 0,
        _return_on_assets(0) > _return_on_assets(1),
        pl.when(~_mixes_periods()).then(cash > income),
        _leverage(0) < _leverage(1),
        _rose("current_ratio"),
        pl.col("shares_outstanding_0") <= pl.col("shares_outstanding_1"),
        _rose("gross_margin"),
        _rose("asset_turnover"),
    )
    return tuple(s.alias(name) for s, name in zip(signals, SIGNALS, strict=True))


def _mixes_periods() -> pl.Expr:
    return pl.col("mixes_periods").fill_null(value=False)


def _rose(item: str) -> pl.Expr:
    return pl.col(f"{item}_0") > pl.col(f"{item}_1")


def _assets(year: int) -> pl.Expr:
    return positive(f"total_assets_ccy_{year}")


def _return_on_assets(year: int) -> pl.Expr:
    beginning = pl.when(_assets(2).is_not_null()).then(_assets(year + 1)).otherwise(_assets(year))
    return pl.col(f"net_income_ccy_{year}") / beginning


def _leverage(year: int) -> pl.Expr:
    two = pl.lit(2.0)
    average = (_assets(year) + _assets(year + 1)) / two
    assets = pl.when(_assets(2).is_not_null()).then(average).otherwise(_assets(year))
    return pl.col(f"long_term_debt_ccy_{year}") / assets


def f_score() -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """Return `f_score`, `f_available` and `f_source` from the signals and the vendor's score.

    The vendor's score is used where fewer than nine signals are known, and where `mixes_periods` is
    true.
    """
    true = pl.sum_horizontal(pl.col(*SIGNALS).fill_null(value=False))
    available = pl.sum_horizontal(pl.col(*SIGNALS).is_not_null())
    vendor = pl.col("vendor_f_score")
    use_vendor = ((available < len(SIGNALS)) | _mixes_periods()) & vendor.is_not_null()

    def pick(theirs: pl.Expr, ours: pl.Expr) -> pl.Expr:
        return pl.when(use_vendor).then(theirs).otherwise(ours)

    return (
        pick(vendor, true).cast(pl.Int8).alias("f_score"),
        pick(pl.lit(len(SIGNALS)), available).cast(pl.Int8).alias("f_available"),
        pick(pl.lit("vendor"), pl.lit("computed")).alias("f_source"),
    )
