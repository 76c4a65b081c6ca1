"""Orders as values of JSON, and as rows of a table."""

from collections.abc import Iterable, Iterator

import polars as pl

from pipelines.research.money import as_money
from pipelines.research.order_values import Named, Order, Orders

ROWS = pl.Schema(
    {
        "order": pl.String,
        "ticker": pl.String,
        "name": pl.String,
        "shares": pl.Int64,
        "price": pl.Float64,
        "currency": pl.String,
        "value": pl.Float64,
        "fee": pl.Float64,
        "rank": pl.Int64,
        "reason": pl.String,
    }
)
"""The columns of a table of orders; `price` is in `currency`, the rest in the account's."""


def orders_json(found: Orders) -> dict[str, object]:
    """Return orders as values of JSON: what to keep, sell and buy, and the money of it."""
    return {
        "target": as_money(found.target),
        "keep": _lines(found.keep),
        "sell": _lines(found.sell),
        "buy": _lines(found.buy),
        "kept_unpriced": _names(found.kept_unpriced),
        "not_bought": _names(found.not_bought),
        "costs": {"total": as_money(found.costs)},
        "cash_left": as_money(found.cash_left),
    }


def orders_frame(found: Orders) -> pl.DataFrame:
    """Return orders as rows: sales, purchases, what is kept, what is kept without a price."""
    lines = [
        {"order": name, **line}
        for name, orders in (("sell", found.sell), ("buy", found.buy), ("keep", found.keep))
        for line in _lines(orders)
    ]
    named = [{"order": "keep", **line} for line in _names(found.kept_unpriced)]
    return pl.DataFrame([*lines, *named], schema=ROWS)


def _lines(orders: Iterable[Order]) -> list[dict[str, object]]:
    return [dict(_line(order)) for order in orders]


def _line(order: Order) -> Iterator[tuple[str, object]]:
    yield from (("ticker", order.quote.ticker), ("name", order.quote.name))
    yield from (("shares", order.shares), ("price", float(order.quote.close or 0)))
    yield from (("value", as_money(order.value)), ("currency", order.quote.currency))
    yield from (("rank", order.quote.rank), ("reason", order.reason), ("fee", as_money(order.fee)))


def _names(named: Iterable[Named]) -> list[dict[str, object]]:
    return [{"ticker": n.ticker, "shares": n.shares, "reason": n.reason} for n in named]
