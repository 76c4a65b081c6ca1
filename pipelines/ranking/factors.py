"""Factors: functions that build expressions over prices, statements or a cross-section of stocks.

Everywhere `as_of` is an expression of type Date, one value for all rows of a cross-section.
"""

from typing import Final

import polars as pl

MONTHS: Final = (3, 6, 12)
MAX_PRICE_AGE: Final = "-10d"

RATIOS: Final = (
    "market_cap_ccy", "pe", "pb", "ps", "p_fcf", "ev_ebitda",
    "roe", "roa", "roic", "fcfroe", "dividend_yield", "payout_ratio",
)  # fmt: skip
STATEMENT_ITEMS: Final = (
    "net_income_ccy", "operating_cf_ccy", "total_assets_ccy", "long_term_debt_ccy",
    "current_ratio", "shares_outstanding", "gross_margin", "asset_turnover",
)  # fmt: skip
SIGNALS: Final = (
    "net_income_positive", "operating_cf_positive", "roa_rose", "cash_exceeds_income",
    "leverage_fell", "current_ratio_rose", "shares_did_not_rise", "gross_margin_rose",
    "asset_turnover_rose",
)  # fmt: skip


# ------------------------------------------------------------------------------------ values


def inverse(column: str) -> pl.Expr:
    """1 / x, so that the cheapest multiple is greatest and a negative one last; null for zero."""
    x = pl.col(column)
    return pl.when(x != 0).then(pl.lit(1.0) / x)


def positive(column: str) -> pl.Expr:
    """The value where it is greater than zero, else null."""
    return pl.when(pl.col(column) > 0).then(column)


def divided(value: pl.Expr, by: pl.Expr | float) -> pl.Expr:
    """The quotient, correctly rounded; for finite values.

    Polars multiplies by the reciprocal of a divisor that is one value for all rows, a literal or
    a column that it knows to be constant: 57 / 100 is then not 0.57, which can flip a gate.
    """
    return value / (value * 0.0 + by)


def has_any(columns: tuple[str, ...]) -> pl.Expr:
    """True for a row with a value in any of the columns."""
    return pl.any_horizontal(pl.col(*columns).is_not_null())


# ------------------------------------------------------------------------------------ prices


def in_window(as_of: pl.Expr, months: int) -> pl.Expr:
    """True for a date at most ten days before the day `months` calendar months before a date."""
    day = months_before(as_of, months)
    return pl.col("date").is_between(day.dt.offset_by(MAX_PRICE_AGE), day)


def months_before(day: pl.Expr, months: int) -> pl.Expr:
    """The same day of the month, or the month's last: 31 May - 3 months = 28 or 29 February."""
    return day.dt.offset_by(f"-{months}mo") if months else day


def anchor(window: pl.Expr, months: int) -> tuple[pl.Expr, pl.Expr]:
    """Aggregations: the last close in a window and its date; both null when there is none."""
    dates = pl.when(window).then("date")
    suffix = f"_{months}m" if months else ""
    prefix = "base_" if months else ""
    close = pl.col("close").max_by(dates).cast(pl.Float64).alias(f"{prefix}close{suffix}")
    return close, dates.max().alias(f"{prefix}{'' if months else 'close_'}date{suffix}")


def total_return(months: int) -> pl.Expr:
    """Plain price return over calendar months, as a fraction; null without either close."""
    return (pl.col("close") / pl.col(f"base_close_{months}m") - 1).alias(f"return_{months}m")


def momentum() -> pl.Expr:
    """The mean of the 3, 6 and 12 month returns; null unless all three are known."""
    r3, r6, r12 = (pl.col(f"return_{n}m") for n in MONTHS)
    return divided(r3 + r6 + r12, 3.0).alias("momentum")


# ---------------------------------------------------------------------------- cross-sections


def percentile(value: pl.Expr, among: pl.Expr) -> pl.Expr:
    """(average rank - 0.5) / n among the given stocks that have a value, the highest near 0.

    Null for the others. O'Shaughnessy, What Works on Wall Street: composite ranks.
    """
    masked = pl.when(among).then(value)
    rank = masked.rank("average", descending=True).over("as_of")
    return (rank - 0.5) / masked.count().over("as_of")


def composite(percentiles: tuple[str, ...], among: pl.Expr, at_least: int) -> pl.Expr:
    """The mean percentile, 0.5 where missing, to 12 decimals; null with too few metrics."""
    known = pl.sum_horizontal(pl.col(*percentiles).is_not_null())
    total = pl.sum_horizontal(pl.col(*percentiles).fill_null(0.5))
    mean = divided(total, float(len(percentiles)))
    return pl.when(among & (known >= at_least)).then(mean.round(12))


def primary_rank(composite: str) -> pl.Expr:
    """Competition rank of a composite, lowest first; null without one."""
    return pl.col(composite).rank("min").over("as_of").cast(pl.UInt32)


def outside_best(rank: str, percent: int) -> pl.Expr:
    """True beyond max(1, floor(percent of those ranked)); equal ranks fall on the same side."""
    kept = pl.col(rank).count().over("as_of").cast(pl.Int64) * percent // 100
    return pl.col(rank) > pl.max_horizontal(kept, pl.lit(1))


# ----------------------------------------------------------------------------------- F-score


def f_signals() -> tuple[pl.Expr, ...]:
    """The nine signals, in the order of `SIGNALS`; null when an input is missing.

    J. Piotroski, Value Investing, Journal of Accounting Research 38 (2000). Reads the statement
    items of the years t, t-1 and t-2 as `net_income_ccy_0`, `_1`, ... Ratios to beginning or
    average assets use the assets of t-2; without them both years use period-end assets.
    """
    income, cash = pl.col("net_income_ccy_0"), pl.col("operating_cf_ccy_0")
    signals = (
        income > 0,
        cash > 0,
        _return_on_assets(0) > _return_on_assets(1),
        cash > income,
        _leverage(0) < _leverage(1),
        _rose("current_ratio"),
        pl.col("shares_outstanding_0") <= pl.col("shares_outstanding_1"),
        _rose("gross_margin"),
        _rose("asset_turnover"),
    )
    return tuple(s.alias(name) for s, name in zip(signals, SIGNALS, strict=True))


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
    """`f_score`, `f_available` and `f_source` from the signals and the vendor's score.

    The vendor's score stands in where fewer than nine signals are known.
    """
    true, known = (
        pl.sum_horizontal(pl.col(*SIGNALS).fill_null(value=False)),
        pl.sum_horizontal(pl.col(*SIGNALS).is_not_null()),
    )
    vendor = pl.col("vendor_f_score")
    use_vendor = (known < 9) & vendor.is_not_null()

    def pick(theirs: pl.Expr, ours: pl.Expr) -> pl.Expr:
        return pl.when(use_vendor).then(theirs).otherwise(ours)

    return (
        pick(vendor, true).cast(pl.Int8).alias("f_score"),
        pick(pl.lit(9), known).cast(pl.Int8).alias("f_available"),
        pick(pl.lit("vendor"), pl.lit("computed")).alias("f_source"),
    )
