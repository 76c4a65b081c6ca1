"""The cross-section of a date: what is known of every stock on it.

Nothing here collects. Frames of more than one date have `as_of` among their keys `by`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final

import polars as pl

from pipelines.lake import Lake
from pipelines.ranking import factors
from pipelines.ranking.adjusted import adjusted, applied_splits
from pipelines.ranking.eligible import company, share
from pipelines.ranking.expressions import has_any
from pipelines.ranking.factors import SIGNALS
from pipelines.ranking.jumps import JUMP_FACTS, counted_jumps, is_good, newest_jumps, with_bad
from pipelines.ranking.listed import listed_on
from pipelines.ranking.market_cap import close_of_cap, market_cap
from pipelines.ranking.price_windows import PriceWindows
from pipelines.ranking.ratios import RATIO_COLUMNS
from pipelines.ranking.shares import with_shares_of_one_scale
from pipelines.ranking.standing import ratios_stand
from pipelines.ranking.statements import ID_BITS, packed, recent_statements, statements
from pipelines.ranking.timely import REPORTED, brought_to_date, priced_on, with_prices
from pipelines.ranking.windows import (
    ANCHORS,
    MONTHS,
    PRICE_WINDOW,
    RATIO_MONTHS,
    RATIO_WINDOW,
    days_before,
    in_window,
    months_before,
)
from pipelines.universe import TrustedJump

Keys = tuple[str, ...]


FACTS: Final = (
    *("as_of", "ticker", "name"),
    *(*(f"return_{n}m" for n in MONTHS), "momentum", "f_score", "f_available", "f_source"),
    *("market_cap_msek", "market_cap_source", "market", "sector", "stock_type", "currency"),
    *("close", "close_date", *(f"base_{w}_{n}m" for n in MONTHS for w in ("close", "date"))),
    *JUMP_FACTS,
    *("fiscal_date", "ratios_known_from", "multiples_as_of", *RATIO_COLUMNS[1:], *REPORTED),
    *SIGNALS,
)
"""The columns of a cross-section that a ranking shows."""
OF_RATIOS: Final = (
    "ticker",
    "known_from",
    "fiscal_date",
    "fetched_date",
    "source",
    "id",
    "data_source",
)
"""The columns that are read of a row beside its ratios."""
ADJUSTED: Final = {f"base_close_{n}m": f"base_date_{n}m" for n in MONTHS} | {
    "cap_close": "cap_date",
    "priced_close": "priced_date",
}
"""The closes that splits bring to the scale of the date, each with the column of its day.

`cap_close` is for the market cap of today, which exists only as of today.
"""


def cross_section(
    lake: Lake,
    *,
    as_of: date,
    trusted: Sequence[TrustedJump] = (),
    read: PriceWindows | None = None,
) -> pl.LazyFrame:
    """Return what is known of every stock on a date: `FACTS` and statements, one row a stock.

    Jumps that are `trusted` count as any move. Beside them are the price windows that are `read`.
    """
    day = pl.lit(as_of, dtype=pl.Date)
    recent = recent_ratios(lake, as_of, as_of)
    windows = {n: in_window(day, n) for n in ANCHORS}
    since, jumps = days_before(as_of, PRICE_WINDOW), counted_jumps(lake, trusted)
    prices = lake.prices(since=since, until=as_of)
    if not read:
        prices = prices.filter(pl.any_horizontal(windows.values()))
    good = with_bad(prices, jumps, since=since).filter(is_good(day))
    if read:
        good = read.ordered(good, lake, [as_of], day, ("ticker",))
    return joined(
        listed_on(lake, as_of).with_columns(as_of=day),
        closes(good, windows, also=read.aggregations(day) if read else ()),
        newest_jumps(jumps, day),
        with_prices(
            newest_ratios(recent, day, dated=dated_filings(lake, as_of, as_of)),
            closes_of_ratios(lake, as_of, as_of),
            jumps,
            day,
        ),
        with_shares_of_one_scale(statements(recent_statements(lake, as_of, as_of), day), lake),
        splits=applied_splits(lake),
    )


def joined(
    stocks: pl.LazyFrame,
    *parts: pl.LazyFrame,
    splits: pl.LazyFrame | None,
    by: Keys = ("ticker",),
) -> pl.LazyFrame:
    """Join stocks with `as_of` and the parts, and add the columns that follow from them."""
    for part in parts:
        stocks = stocks.join(part, on=by, how="left")
    stocks = stocks.with_columns(**close_of_cap())
    return (
        adjusted(stocks, splits, ADJUSTED)
        .with_columns(brought_to_date())
        .with_columns(**market_cap(pl.col("as_of")))
        .with_columns(factors.total_return(n) for n in MONTHS)
        .with_columns(factors.momentum(), *factors.f_signals(), company=company(), share=share())
        .with_columns(factors.f_score())
    )


# ------------------------------------------------------------------------------------ prices


def closes(
    prices: pl.LazyFrame,
    windows: Mapping[int, pl.Expr],
    by: Keys = ("ticker",),
    also: Iterable[pl.Expr] = (),
) -> pl.LazyFrame:
    """Return the last close of each window and its day, a row a ticker.

    `windows` has a mask of the rows for each number of months before the date; `also` are further
    aggregations.
    """
    anchors = (e for n, mask in windows.items() for e in factors.anchor(mask, n))
    return prices.group_by(by).agg(*anchors, *also)


def price_return(
    prices: pl.LazyFrame, splits: pl.LazyFrame | None, *, as_of: date, months: int
) -> pl.LazyFrame:
    """Return `ticker, return_<n>m` up to a date, of the tickers with prices.

    With them the days of both closes, `close_date` and `base_date_<n>m`.
    """
    day = pl.lit(as_of, dtype=pl.Date)
    anchors = closes(prices, {n: in_window(day, n) for n in (0, months)}).with_columns(as_of=day)
    base = {f"base_close_{months}m": f"base_date_{months}m"}
    known = adjusted(anchors, splits, base)
    days = ("close_date", f"base_date_{months}m")
    return known.select("ticker", factors.total_return(months), *days)


# ------------------------------------------------------------------------------------ ratios


def newest_ratios(
    fundamentals: pl.LazyFrame,
    day: pl.Expr,
    by: Keys = ("ticker",),
    *,
    dated: pl.LazyFrame | None = None,
) -> pl.LazyFrame:
    """Return the newest ratios of each ticker, all from one row, at most twelve months old.

    Beside them the day from which they are known, and the day whose price is in them. `dated` are
    the `dated_filings` of rows of any age, for old ones supersede, too; by default those of
    `fundamentals`, which then has all rows.
    """
    rows = fundamentals.filter(
        has_any(RATIO_COLUMNS), pl.col("known_from") >= months_before(day, RATIO_MONTHS)
    ).with_columns(key_=newest_ratios_key())
    if dated is None:
        dated = _dated(fundamentals)
    best = _best_key(rows, dated.group_by(by).agg(newest_=pl.col("fiscal_date").max()), by)
    best_rows = rows.join(best, on=[*by, "key_", "fiscal_date"], nulls_equal=True)
    return best_rows.select(
        *by, *RATIO_COLUMNS, ratios_known_from="known_from", priced_on=priced_on()
    )


def recent_ratios(lake: Lake, first: date, last: date) -> pl.LazyFrame:
    """Return the rows with ratios that may count on one of some dates, known on the last."""
    rows = lake.fundamentals(
        known_by=last, known_since=days_before(first, RATIO_WINDOW), rules=ratios_stand(lake, first)
    )
    # Named as shared, for it is used twice, and would be read as often.
    return rows.filter(has_any(RATIO_COLUMNS)).select(*OF_RATIOS, *RATIO_COLUMNS).cache()


def closes_of_ratios(lake: Lake, first: date, last: date) -> pl.LazyFrame:
    """Return the closes on the days of the price in `recent_ratios`, and others."""
    since = days_before(first, RATIO_WINDOW)
    return lake.ratio_prices_for(known_since=since, known_by=last)


def newest_ratios_key() -> pl.Expr:
    """Return a number that orders rows by `known_from`, then statements last, then the id."""
    of_fundamentals = (pl.col("source") == "fundamentals").cast(pl.Int64)
    low = of_fundamentals * 2**ID_BITS + pl.col("id")
    return packed(pl.col("known_from"), low, bits=ID_BITS + 1)


def dated_filings(lake: Lake, first: date, last: date) -> pl.LazyFrame:
    """Return `ticker, known_from, fiscal_date` of the rows of any age that may be the newest.

    They have ratios and a fiscal date, and are known on the last of the dates.
    """
    if rules := ratios_stand(lake, first):
        # Rows without ratios never stand, so that the ratios need not be read.
        rows = lake.filings(known_by=last, rules=rules).filter(pl.col("fiscal_date").is_not_null())
    else:
        rows = _dated(lake.filings(known_by=last))
    return rows.select("ticker", "known_from", "fiscal_date")


def _dated(fundamentals: pl.LazyFrame) -> pl.LazyFrame:
    return fundamentals.filter(pl.col("fiscal_date").is_not_null(), has_any(RATIO_COLUMNS))


def _best_key(rows: pl.LazyFrame, newest: pl.LazyFrame, by: Keys) -> pl.LazyFrame:
    """Return the key and fiscal date of each ticker's newest row.

    It has few columns; the ratios are joined to it afterwards, so that no wide rows are held.
    """
    fiscal = pl.col("fiscal_date")
    return (
        rows.select(*by, "key_", "fiscal_date")
        .join(newest, on=by, how="left")
        .filter(fiscal.is_null() | (fiscal == pl.col("newest_")))
        .group_by(by)
        .agg(pl.col("key_").max(), fiscal_date=fiscal.max_by("key_"))
    )
