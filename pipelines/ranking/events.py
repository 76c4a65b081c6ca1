"""What happened to a stock, and when the lake saw it: splits, dividends, jumps, and changes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any, Final, Literal

import polars as pl

from pipelines.lake import COUNTING, Lake
from pipelines.ranking.factors import STATEMENT_ITEMS

Kind = Literal[
    "split", "dividend", "jump", "first_seen", "listed", "delisted", "changed", "statement"
]
ATTRIBUTES: Final = ("name", "isin", "sector", "market", "currency", "stock_type")
ITEMS: Final = (*STATEMENT_ITEMS, "piotroski_f_score")

Value = str | float | None
Day = date
"""The type of a field that is itself called `date`."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """An event: `date` is its day, `seen_on` that of the refresh that saw a change."""

    date: Day
    seen_on: Day | None = None
    kind: Kind
    field: str | None = None
    before: Value = None
    after: Value = None


def event_plans(lake: Lake, ticker: str) -> dict[str, pl.LazyFrame]:
    """Return the rows that the events of a stock are made of, a plan for each dataset there is."""
    scans = {"splits": lake.splits, "dividends": lake.dividends, "jumps": lake.jumps}
    plans = {name: scan() for name, scan in scans.items() if name in lake.datasets}
    for name in ("stocks", "fundamentals"):
        if f"observed_{name}" in lake.datasets:
            rows = lake.observed("stocks" if name == "stocks" else "fundamentals")
            plans[name] = rows.filter(pl.col("state").is_in(COUNTING))
    return {name: rows.filter(ticker=ticker) for name, rows in plans.items()}


def events_of(rows: Mapping[str, pl.DataFrame]) -> list[Event]:
    """Return the events of a stock from its rows, newest first."""
    found = [event for name, frame in rows.items() for event in MAKERS[name](frame)]
    return sorted(found, key=lambda e: (e.seen_on or e.date, e.date, e.field or ""), reverse=True)


def _splits(rows: pl.DataFrame) -> Iterator[Event]:
    for row in rows.iter_rows(named=True):
        yield Event(date=row["date"], kind="split", field="ratio", after=row["ratio"])


def _dividends(rows: pl.DataFrame) -> Iterator[Event]:
    for row in rows.iter_rows(named=True):
        yield Event(
            date=row["ex_date"], kind="dividend", field=row["currency"], after=row["amount"]
        )


def _jumps(rows: pl.DataFrame) -> Iterator[Event]:
    for row in rows.filter(~pl.col("split_known")).iter_rows(named=True):
        yield Event(
            date=row["date"], kind="jump", field="close",
            before=row["close_before"], after=row["close"],
        )  # fmt: skip


def _listings(rows: pl.DataFrame) -> Iterator[Event]:
    """Yield what changed from one observation of a listing to the next."""
    seen = rows.sort("observed_on", maintain_order=True).to_dicts()
    if seen:
        yield _of_listing(seen[0], "first_seen" if seen[0]["why"] == "first" else "listed")
    for before, after in pairwise(seen):
        if not after["listed"]:
            yield _of_listing(after, "delisted")
        elif not before["listed"]:
            yield _of_listing(after, "listed")
        yield from _differences(before, after, ATTRIBUTES, "changed", after["observed_on"])


def _of_listing(row: dict[str, Any], kind: Kind) -> Event:
    day = row["observed_on"]
    return Event(date=row["last_seen"] or day, seen_on=day, kind=kind)


def _filings(rows: pl.DataFrame) -> Iterator[Event]:
    """Yield the items of statements that differ from those known before of the same vendor."""
    by_vendor: dict[str | None, dict[str, Any]] = {}
    for row in rows.sort("known_from", "observed_on", maintain_order=True).iter_rows(named=True):
        before = by_vendor.get(row["data_source"])
        if before and row["why"] == "statement":
            yield from _differences(before, row, ITEMS, "statement", row["known_from"])
        by_vendor[row["data_source"]] = row


def _differences(
    before: dict[str, Any], after: dict[str, Any], names: tuple[str, ...], kind: Kind, day: date
) -> Iterator[Event]:
    for name in names:
        if before[name] != after[name]:
            yield Event(
                date=day, seen_on=after["observed_on"], kind=kind, field=name,
                before=before[name], after=after[name],
            )  # fmt: skip


MAKERS: Final = {
    "splits": _splits,
    "dividends": _dividends,
    "jumps": _jumps,
    "stocks": _listings,
    "fundamentals": _filings,
}
