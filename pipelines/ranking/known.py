"""The cross-section of a date: what is known of every stock on it.

Nothing here collects. Frames of more than one date have `as_of` among their keys `by`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Final

import polars as pl

from pipelines.lake import Lake
from pipelines.ranking import factors
from pipelines.ranking.adjusted import adjusted, applied_splits
from pipelines.ranking.eligible import company, share
from pipelines.ranking.expressions import has_any
from pipelines.ranking.factors import SIGNALS, STATEMENT_ITEMS
from pipelines.ranking.jumps import JUMP_FACTS, counted_jumps, is_good, newest_jumps, with_bad
from pipelines.ranking.listed import listed_on
from pipelines.ranking.market_cap import close_of_cap, market_cap
from pipelines.ranking.price_windows import PriceWindows
from pipelines.ranking.ratios import RATIO_COLUMNS
from pipelines.ranking.shares import with_shares_of_one_scale
from pipelines.ranking.timely import REPORTED, brought_to_date, priced_on, with_prices
from pipelines.ranking.windows import (
    ANCHORS,
    MONTHS,
    PRICE_WINDOW,
    RATIO_MONTHS,
    RATIO_WINDOW,
    STATEMENT_HISTORY,
    STATEMENT_MONTHS,
    YEAR_BEFORE,
    days_before,
    in_window,
    months_before,
)
from pipelines.universe import TrustedJump

Keys = tuple[str, ...]

VENDOR_F_SCORE: Final = "piotroski_f_score"
ID_BITS: Final = 45
"""The bits of an id in the packed sort keys; the contract of `fundamentals` admits no larger id."""

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
    known = lake.filings(known_by=as_of)
    recent = lake.fundamentals(known_by=as_of, known_since=days_before(as_of, RATIO_WINDOW))
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
            newest_ratios(recent, day, dated=fiscal_dates(known)), lake.ratio_prices(), jumps, day
        ),
        with_shares_of_one_scale(statements(recent_statements(known, as_of), day), lake),
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
        adjusted(stocks, splits, ADJUSTED, by)
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
    known = adjusted(anchors, splits, base, ("ticker",))
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

    Beside them the day from which they are known, and the day whose price is in them. `dated` has
    the `fiscal_dates` of rows of any age, for old ones supersede, too; by default they are those of
    `fundamentals`, which then has all rows.
    """
    rows = fundamentals.filter(
        has_any(RATIO_COLUMNS), pl.col("known_from") >= months_before(day, RATIO_MONTHS)
    ).with_columns(key_=newest_ratios_key())
    if dated is None:
        dated = fiscal_dates(fundamentals)
    best = _best_key(rows, dated.group_by(by).agg(newest_=pl.col("fiscal_date").max()), by)
    best_rows = rows.join(best, on=[*by, "key_", "fiscal_date"], nulls_equal=True)
    return best_rows.select(
        *by, *RATIO_COLUMNS, ratios_known_from="known_from", priced_on=priced_on()
    )


def newest_ratios_key() -> pl.Expr:
    """Return a number that orders rows by `known_from`, then statements last, then the id."""
    of_fundamentals = (pl.col("source") == "fundamentals").cast(pl.Int64)
    low = of_fundamentals * 2**ID_BITS + pl.col("id")
    return _packed(pl.col("known_from"), low, bits=ID_BITS + 1)


def fiscal_dates(fundamentals: pl.LazyFrame) -> pl.LazyFrame:
    """Return the rows with ratios and a fiscal date."""
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


# -------------------------------------------------------------------------------- statements


def statements(fundamentals: pl.LazyFrame, day: pl.Expr, by: Keys = ("ticker",)) -> pl.LazyFrame:
    """Return the statement items of t, t-1 and t-2 as `<item>_0`, `_1`, `_2`.

    Beside them the ends of t and t-1, `fiscal_date` and `fiscal_date_before`, the `vendor_f_score`
    of t, and `mixes_periods`, true where t is of `tradingview`.

    t is the newest known fiscal year; if it ended more than 18 months ago, all items are null. The
    year before one is the known year that ended 10 to 14 months earlier: the nearest to 12 months,
    and of two equally near the later.
    """
    rows = _marked(_since_newest_year(fundamentals, day, by), by)
    for year in (1, 2):
        rows = _with_year_before(rows, year, by)
    return rows.group_by(by).agg(
        pl.col("year_0").first().alias("fiscal_date"),
        pl.col("year_1").first().alias("fiscal_date_before"),
        pl.when("is_scored").then(VENDOR_F_SCORE).max().alias("vendor_f_score"),
        (pl.col("is_newest") & (pl.col("fiscal_date") == pl.col("year_0")) & _mixes_periods())
        .any()
        .alias("mixes_periods"),
        *(_of_year(item, 0) for item in STATEMENT_ITEMS),
        *(_of_year(item, 1) for item in STATEMENT_ITEMS),
        _of_year("total_assets_ccy", 2),
    )


def recent_statements(fundamentals: pl.LazyFrame, first: date) -> pl.LazyFrame:
    """Return the rows whose items or score count on a date or later."""
    return fundamentals.filter(
        pl.col("fiscal_date") >= months_before(pl.lit(first), STATEMENT_HISTORY)
    )


def _since_newest_year(fundamentals: pl.LazyFrame, day: pl.Expr, by: Keys) -> pl.LazyFrame:
    """Return the rows with items or a score, of tickers whose newest year counts, as `year_0`.

    Rows of days that can be the end of neither `year_0` nor one of the two years before it are left
    out: where each fetch has a fiscal date of its own, that is most of them.
    """
    fiscal = pl.col("fiscal_date")
    rows = fundamentals.filter(has_any((*STATEMENT_ITEMS, VENDOR_F_SCORE)))
    newest = (
        rows.group_by(by)
        .agg(year_0=fiscal.max())
        .filter(pl.col("year_0") >= months_before(day, STATEMENT_MONTHS))
        .with_columns(_ends_before())
    )
    is_before = (fiscal.is_between(f"first_{year}_", f"last_{year}_") for year in (1, 2))
    return (
        rows.join(newest, on=by)
        .filter(pl.any_horizontal(fiscal == pl.col("year_0"), *is_before))
        .with_columns(key_=_packed(pl.col("known_from"), pl.col("id")))
    )


def _ends_before() -> Iterator[pl.Expr]:
    """Yield the first and the last day on which the year one, and two, before `year_0` may end."""
    least, most = YEAR_BEFORE
    for year in (1, 2):
        # Two steps may end up to three days before one of twice the months, which differ in length.
        first = months_before(pl.col("year_0"), year * most).dt.offset_by("-3d")
        yield first.alias(f"first_{year}_")
        yield months_before(pl.col("year_0"), year * least).alias(f"last_{year}_")


def _marked(rows: pl.LazyFrame, by: Keys) -> pl.LazyFrame:
    """Mark the newest row of each fiscal year, and of t the newest row with a vendor's score."""
    of_t = pl.col("fiscal_date") == pl.col("year_0")
    scored = of_t & pl.col(VENDOR_F_SCORE).is_not_null()
    return rows.with_columns(scored_=pl.when(scored).then("key_")).with_columns(
        is_scored=pl.col("scored_") == _most("scored_", by),
        is_newest=pl.col("key_") == pl.col("key_").max().over(*by, "fiscal_date"),
    )


def _mixes_periods() -> pl.Expr:
    """Return true for a row whose items are of periods of different lengths.

    `tradingview` has a quarter's net income beside twelve months' cash flow.
    """
    return (pl.col("data_source").str.to_lowercase() == "tradingview").fill_null(value=False)


def _with_year_before(rows: pl.LazyFrame, year: int, by: Keys) -> pl.LazyFrame:
    """Add the fiscal year before `year_<n-1>` as `year_<n>`."""
    fiscal, later = pl.col("fiscal_date"), pl.col(f"year_{year - 1}")
    least, most = YEAR_BEFORE
    distance = (fiscal - months_before(later, 12)).dt.total_days().abs()
    candidate = fiscal.is_between(months_before(later, most), months_before(later, least))
    return (
        rows.with_columns(distance_=pl.when(candidate).then(-distance))
        .with_columns(year_=pl.when(pl.col("distance_") == _most("distance_", by)).then(fiscal))
        .with_columns(_most("year_", by).alias(f"year_{year}"))
    )


def _most(column: str, by: Keys) -> pl.Expr:
    return pl.col(column).max().over(by)


def _of_year(item: str, year: int) -> pl.Expr:
    row = pl.col("is_newest") & (pl.col("fiscal_date") == pl.col(f"year_{year}"))
    return pl.when(row).then(item).max().alias(f"{item}_{year}")


def _packed(day: pl.Expr, low: pl.Expr, bits: int = ID_BITS) -> pl.Expr:
    """Return a date and a number below 2**bits as one Int64 that orders by the date first."""
    room: int = 2**bits
    return day.cast(pl.Int32).cast(pl.Int64) * room + low
