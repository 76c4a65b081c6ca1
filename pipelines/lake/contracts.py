"""The contract of each dataset of the lake: compact types, nulls and bounds of each column.

Only a refresh imports this module; readers take the types from the manifest and the files.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import dataframely as dy
import polars as pl

FIRST_DAY: Final = date(1900, 1, 1)
LAST_DAY: Final = date(2100, 12, 31)
LARGEST_ID: Final = 2**45 - 1
LARGEST_VOLUME: Final = 2**32 - 1


def _day(description: str, *, nullable: bool = False) -> Any:
    return dy.Date(nullable=nullable, min=FIRST_DAY, max=LAST_DAY, description=description)


def _price(description: str) -> Any:
    return dy.Float32(nullable=True, min_exclusive=0, description=description)


def _close(description: str) -> Any:
    return dy.Float32(nullable=False, min_exclusive=0, description=description)


def _text(description: str = "as in the source") -> Any:
    return dy.String(nullable=True, description=description)


def _number(description: str) -> Any:
    return dy.Float64(nullable=True, description=description)


def _state() -> Any:
    return dy.String(
        nullable=False, regex="^(kept|covered|waiting|struck)$",
        description="kept; covered by what was seen later on the day; waiting in the source to be "
        "kept; struck by the owner",
    )  # fmt: skip


class _Quotes(dy.Schema):
    date = _day("trading day")
    open = _price("listing currency; null with high and low unless all three are usable")
    high = _price("listing currency")
    low = _price("listing currency; at most `high`")
    close = _close("listing currency")

    @dy.rule()
    def low_above_high(cls) -> pl.Expr:  # noqa: N805 - dataframely passes the class
        return pl.col("low") <= pl.col("high")


class Prices(_Quotes):
    """Daily prices of stocks: one row for each ticker and date, sorted by them within a year."""

    ticker = dy.String(nullable=False, min_length=1, description="normalised ticker")
    volume = dy.UInt32(nullable=True, description="shares")


class IndexPrices(_Quotes):
    """Daily levels of indices: one row for each index and date, sorted by them within a year."""

    index_id = dy.String(nullable=False, min_length=1, description="index, such as OMXS30")


class Fundamentals(dy.Schema):
    """Statements and ratios, with the day from which each row is known.

    The rows come from two source tables. There is one for each `source` and `id`, sorted by ticker
    and `known_from` within the year of `known_from`.
    """

    ticker = dy.String(nullable=False, min_length=1, description="normalised ticker")
    known_from = _day("first day on which the row may be used")
    fiscal_date = _day("end of the fiscal year; null for snapshots", nullable=True)
    fetched_date = _day("as in the source", nullable=True)
    source = dy.String(nullable=False, regex="^(fundamentals|snapshots)$", description="table")
    id = dy.Int64(nullable=False, min=0, max=LARGEST_ID, description="id in the source table")
    data_source = _text("vendor of the row; null for snapshots")
    market_cap_ccy = _number("units of the listing currency, not millions")
    pe = _number("price / earnings")
    pb = _number("price / book value")
    ps = _number("price / sales")
    p_fcf = _number("price / free cash flow")
    ev_ebitda = _number("enterprise value / EBITDA")
    roe = _number("return on equity, fraction")
    roa = _number("return on assets, fraction")
    roic = _number("return on invested capital, fraction")
    fcfroe = _number("free cash flow / equity, fraction")
    dividend_yield = _number("fraction")
    payout_ratio = _number("fraction")
    net_income_ccy = _number("units of the listing currency")
    operating_cf_ccy = _number("operating cash flow, units of the listing currency")
    total_assets_ccy = _number("units of the listing currency")
    long_term_debt_ccy = _number("units of the listing currency")
    current_ratio = _number("current assets / current liabilities")
    shares_outstanding = _number("shares")
    gross_margin = _number("fraction")
    asset_turnover = _number("sales / assets")
    perf_1m = _number("vendor's 1 month return, fraction; not used in rankings")
    perf_3m = _number("vendor's 3 month return, fraction; not used in rankings")
    perf_6m = _number("vendor's 6 month return, fraction; not used in rankings")
    perf_12m = _number("vendor's 12 month return, fraction; not used in rankings")
    piotroski_f_score = dy.Int8(nullable=True, min=0, max=9, description="vendor's F-score")


class ObservedFundamentals(Fundamentals):
    """Rows of the table `fundamentals` as refreshes saw them, whatever became of them since.

    They are in one file or more, the later ones in the last. In a file, those that matter beyond it
    come first, then the others by some years of `known_from`; each part is sorted by ticker and
    that. The columns that end in `_until` are null where no other row of the file takes the place.
    """

    observed_on = _day("day of the refresh that saw the row first, UTC")
    why = dy.String(nullable=False, regex="^(first|new|statement|ratios)$", description="see docs")
    state = _state()
    struck_on = _day("day on which the owner struck the row", nullable=True)
    reason = _text("the owner's reason to strike it")
    ratios_until = _day("the day from which its ratios matter no more", nullable=True)
    items_until = _day("the same of its statement items", nullable=True)
    year_until = _day("the same as those of the newest fiscal year", nullable=True)
    before_until = _day("the same as those of the year before it", nullable=True)


class Stocks(dy.Schema):
    """Listed instruments: one row for each ticker, sorted by it."""

    ticker = dy.String(nullable=False, min_length=1, description="normalised ticker")
    name = _text()
    isin = _text()
    avanza_id = _text()
    market_cap_msek = _number("million SEK; million of `currency` outside the Nordics")
    sector = _text()
    market = _text("listing market")
    country = _text()
    currency = _text("listing currency")
    stock_type = _text("stock, sdb, preference, etf_certificate, ...")
    is_active = dy.Bool(nullable=True, description="as in the source; not used")
    last_validated = dy.Date(nullable=True, description="as in the source")
    last_updated = dy.Datetime(nullable=True, time_unit="us", description="as in the source, UTC")


class ObservedStocks(dy.Schema):
    """Rows of `stocks` as refreshes saw them: one whenever a listing changed, its cap once a week.

    They are in one file or more, the later ones in the last. In a file, the first and the last one
    of each stock come first, then the others by year; each part is sorted by ticker and day.
    """

    ticker = dy.String(nullable=False, min_length=1, description="normalised ticker")
    observed_on = _day("day of the refresh that saw it first, UTC")
    listed = dy.Bool(nullable=False, description="false from the day on which the row was gone")
    last_seen = _day("day of the last refresh that saw a row that is gone", nullable=True)
    name = _text()
    isin = _text()
    market_cap_msek = _number("as in `stocks`")
    sector = _text()
    market = _text("listing market")
    currency = _text("listing currency")
    stock_type = _text("stock, sdb, preference, etf_certificate, ...")
    newest_close = _price("the newest close on that day")
    newest_date = _day("the trading day of that close", nullable=True)
    why = dy.String(
        nullable=False, regex="^(first|new|changed|cap|gone|back)$", description="see docs"
    )
    state = _state()
    struck_on = _day("day on which the owner struck the row", nullable=True)
    reason = _text("the owner's reason to strike it")
    stands_from = _day("the day; null for the first one of the stock in its file", nullable=True)
    stands_until = _day("the day of the next one in its file; null for the last", nullable=True)


class Jumps(dy.Schema):
    """Pairs of consecutive closes of a stock of which one is 2.5 times the other, or more.

    The 2.5 is a setting.

    There is one row for each ticker and date, sorted by them. The methodology says which of them
    keep a stock from being ranked.
    """

    ticker = dy.String(nullable=False, min_length=1, description="normalised ticker")
    date = _day("trading day of the later close")
    close = _close("as in prices")
    date_before = _day("trading day of the close before")
    close_before = _close("as in prices")
    ratio = dy.Float64(
        nullable=False,
        min_exclusive=0,
        description="close / close before, times the ratio of an applied split between them",
    )
    split_known = dy.Bool(nullable=False, description="a known split explains it: it is no jump")
    reverted_on = _day("the day of the jump that reverted this one", nullable=True)
    reverts = _day("the day of the jump that this one reverted", nullable=True)


class RatioPrices(dy.Schema):
    """The close on which the multiples of a row of `fundamentals` rest.

    There is one row for each ticker and day, sorted by them, in a file for some years of the day;
    without a close if there was none on that day or in the ten days before. A day in a run of jumps
    that reverted has a row for each of these closes.
    """

    ticker = dy.String(nullable=False, min_length=1, description="normalised ticker")
    priced_on = _day("the day of the price in the multiples")
    close = _price("the last close on that day or before, listing currency")
    close_date = _day("the trading day of the close", nullable=True)


class Splits(dy.Schema):
    """Splits of shares: one row for each ticker and date, sorted by them."""

    ticker = dy.String(nullable=False, min_length=1, description="normalised ticker")
    date = _day("first day of trade at the new price")
    ratio = dy.Float64(nullable=False, min_exclusive=0, description="new shares for one old")


class Dividends(dy.Schema):
    """Dividends: one row for each `id`, sorted by ticker and ex-date within the year of it."""

    ticker = dy.String(nullable=False, min_length=1, description="normalised ticker")
    ex_date = _day("first day of trade without the dividend")
    payment_date = _day("as in the source", nullable=True)
    amount = dy.Float64(
        nullable=False, min_exclusive=0, description="a share of the ex-date, in `currency`"
    )
    currency = _text()
    dividend_type = _text()
    id = dy.Int64(nullable=False, description="id in the source table")


class FxRates(dy.Schema):
    """Daily rates: one row for each currency and date, sorted by them within a year."""

    currency = dy.String(nullable=False, min_length=1, description="as in the source, such as EUR")
    date = _day("day of the rate")
    rate = dy.Float64(nullable=False, min_exclusive=0, description="SEK for one unit")


CONTRACTS: Final[Mapping[str, type[dy.Schema]]] = {
    "prices": Prices,
    "index_prices": IndexPrices,
    "fundamentals": Fundamentals,
    "stocks": Stocks,
    "observed_fundamentals": ObservedFundamentals,
    "observed_stocks": ObservedStocks,
    "jumps": Jumps,
    "ratio_prices": RatioPrices,
    "splits": Splits,
    "dividends": Dividends,
    "fx_rates": FxRates,
}

REASON_OF_RULE: Final[Mapping[str, str]] = {
    **{f"{c}|nullability": "null_key" for c in ("ticker", "index_id", "currency")},
    **{f"{c}|min_length": "null_key" for c in ("ticker", "index_id", "currency")},
    **{f"{c}|nullability": "bad_date" for c in ("date", "known_from", "ex_date")},
    **{
        f"{c}|{bound}": "date_out_of_range"
        for c in ("date", "known_from", "fiscal_date", "fetched_date", "ex_date", "payment_date")
        for bound in ("min", "max")
    },
    "close|nullability": "close_missing",
    "close|inf": "close_not_finite",
    "close|nan": "close_not_finite",
    "close|min_exclusive": "close_not_positive",
    **{f"{c}|nullability": "number_missing" for c in ("ratio", "amount", "rate")},
    **{f"{c}|inf": "number_not_finite" for c in ("ratio", "amount", "rate")},
    **{f"{c}|nan": "number_not_finite" for c in ("ratio", "amount", "rate")},
    **{f"{c}|min_exclusive": "number_not_positive" for c in ("ratio", "amount", "rate")},
    "id|min": "id_out_of_range",
    "id|max": "id_out_of_range",
}
"""The reason code of each rule that source rows can break; see `row_reasons`."""


def lake_schema(dataset: str) -> pl.Schema:
    """Return the columns and types of a dataset's files, the ticker or index first."""
    columns = CONTRACTS[dataset].columns()
    names = sorted(columns, key=lambda c: c not in ("ticker", "index_id"))
    return pl.Schema({name: columns[name].dtype for name in names})
