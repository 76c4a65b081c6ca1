"""Valid source rows made into the rows of the lake, as plain loops over dicts."""

import math
import re
import struct
from collections import defaultdict
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any, Final

from tests.oracle import RATIOS, STATEMENT_ITEMS, Row, has_any

PERCENT: Final = (
    *("roe", "roa", "roic", "fcfroe"),
    *("dividend_yield", "payout_ratio", "gross_margin"),
)
STOCK_COLUMNS: Final = ("name", "isin", "sector", "market", "currency", "stock_type")


def normalise(source_tables: dict[str, list[Row]]) -> tuple[list[Row], list[Row], list[Row]]:
    """Stocks, prices and fundamentals as `oracle.rank` takes them; an absent table is empty."""
    tables = defaultdict(list, source_tables)
    reports = [report(row) for row in tables["fundamentals"] if is_report(row)]
    units = [row for row in reports if has_any(row, RATIOS)]
    percent = {row["ticker"]: row["percent"] for row in sorted(units, key=unit_order)}
    dated = [row for row in tables["fundamentals_snapshots"] if row["snapshot_date"] is not None]
    copies = [snapshot(row, percent) for row in dated]
    return (
        [stock(row) for row in last_of_each(tables["stocks"], stock_key, stock_age)],
        last_of_each(valid_prices(tables["daily_prices"]), price_key, price_age, drop="rowid"),
        [{k: v for k, v in row.items() if k != "percent"} for row in (*reports, *copies)],
    )


def clean_ticker(ticker: str) -> str:
    """The ticker with every run of dashes, underscores and white space as one space."""
    return re.sub(r"[-_\s]+", " ", ticker).strip()


def finite(value: Any) -> Any:
    """The value, None if it is NaN or infinite."""
    return value if value is None or math.isfinite(value) else None


def day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def last_of_each(
    rows: list[Row], key: Callable[[Row], Any], age: Callable[[Row], Any], *, drop: str = ""
) -> list[Row]:
    """For each key the row that comes last by age."""
    last = {key(row): row for row in sorted(rows, key=age)}
    return [{k: v for k, v in row.items() if k != drop} for row in last.values()]


# --- stocks and prices --------------------------------------------------------------------------


def stock_key(row: Row) -> str:
    return clean_ticker(row["ticker"])


def stock_age(row: Row) -> tuple[datetime, int]:
    text = row["last_updated"]
    return datetime.min if text is None else datetime.fromisoformat(text), row["rowid"]


def stock(row: Row) -> Row:
    kept = {column: row[column] for column in STOCK_COLUMNS}
    cap = finite(row["market_cap_msek"])
    return {"ticker": clean_ticker(row["ticker"]), **kept, "market_cap_msek": cap}


def valid_prices(rows: list[Row]) -> list[Row]:
    """The price rows whose close is a positive number, also after rounding."""
    priced = [
        {
            "ticker": clean_ticker(row["ticker"]),
            "date": day(row["date"]),
            "close": float32(row["close"]),
            "rowid": row["rowid"],
        }
        for row in rows
    ]
    return [row for row in priced if row["close"] is not None and row["close"] > 0]


def float32(value: float | None) -> float | None:
    """The nearest number of single precision; None if there is no finite one."""
    if value is None:
        return None
    rounded: float | None = finite(struct.unpack("f", struct.pack("f", value))[0])
    return rounded


def price_key(row: Row) -> tuple[str, date]:
    return row["ticker"], row["date"]


def price_age(row: Row) -> int:
    rowid: int = row["rowid"]
    return rowid


# --- fundamentals -------------------------------------------------------------------------------


def known_from(row: Row) -> date | None:
    """When a `fundamentals` row became known; None if it has no date at all."""
    fetched, fiscal = day(row["fetched_date"]), day(row["fiscal_date"])
    return fetched or (fiscal + timedelta(days=90) if fiscal is not None else None)


def is_report(row: Row) -> bool:
    """A row with a date, whose fiscal year was over when it was fetched."""
    fetched, fiscal = day(row["fetched_date"]), day(row["fiscal_date"])
    return known_from(row) is not None and not (fetched and fiscal and fiscal > fetched)


def report(row: Row) -> Row:
    """A `fundamentals` row in the units of the lake, with its unit in the source."""
    percent = row["data_source"] == "tradingview"
    return {
        "id": row["id"],
        "source": "fundamentals",
        "ticker": clean_ticker(row["ticker"]),
        "fiscal_date": day(row["fiscal_date"]) or day(row["fetched_date"]),
        "known_from": known_from(row),
        "percent": percent,
        **numbers(row, (*RATIOS, *STATEMENT_ITEMS), percent=percent),
    }


def snapshot(row: Row, percent: dict[str, bool]) -> Row:
    ticker = clean_ticker(row["ticker"])
    return {
        "id": row["id"],
        "source": "snapshots",
        "ticker": ticker,
        "fiscal_date": None,
        "known_from": day(row["snapshot_date"]),
        **numbers(row, RATIOS, percent=percent.get(ticker, False)),
    }


def unit_order(row: Row) -> tuple[date, date, int]:
    """Sorted by this, a ticker's last row with ratios has the unit that its snapshots take."""
    return row["known_from"], row["fiscal_date"], row["id"]


def numbers(row: Row, columns: tuple[str, ...], *, percent: bool) -> Row:
    """The named columns, finite and in fractions; the source does not say `_ccy`."""
    return {
        column: fraction(finite(row[column.removesuffix("_ccy")]), column, percent=percent)
        for column in columns
    }


def fraction(value: Any, column: str, *, percent: bool) -> Any:
    return value / 100 if percent and column in PERCENT and value is not None else value
