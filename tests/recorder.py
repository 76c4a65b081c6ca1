"""What an owner would have written down of a source, day by day, as plain loops over dicts.

It follows METHODOLOGY §12 without a line of the code that is tested: what was kept, what only
waits, and what holds on a date.
"""

import sqlite3
from contextlib import closing
from copy import copy
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, Self

from tests import oracle_export
from tests.oracle import RATIOS, STATEMENT_ITEMS, Row

PERF: Final = ("perf_1m", "perf_3m", "perf_6m", "perf_12m")
ATTRIBUTES: Final = ("name", "isin", "sector", "market", "currency", "stock_type")


class Recorder:
    """The states of `fundamentals` and `stocks` that it was shown, and what is kept of them."""

    def __init__(self) -> None:
        self.kept: list[Row] = []
        self.waiting: list[Row] = []
        self.last: list[Row] | None = None
        self.listed: list[Row] = []
        self.last_stocks: dict[str, Row] | None = None
        self.waiting_caps: dict[str, Row] = {}
        self.last_day = date.min

    def copy(self) -> Self:
        """One that goes on by itself; no row is ever changed, so that both may hold it."""
        other = type(self)()
        vars(other).update({name: copy(value) for name, value in vars(self).items()})
        return other

    # ------------------------------------------------------------------------ what is seen

    def see(self, database: Path, day: date) -> None:
        """Look at a database on a day."""
        with closing(sqlite3.connect(database)) as con:
            con.row_factory = sqlite3.Row
            filed = [dict(row) for row in con.execute("SELECT * FROM fundamentals")]
            stocks = [dict(row) for row in con.execute("SELECT * FROM stocks")]
        self._see_fundamentals([_report(row) for row in filed], day)
        self._see_stocks({row["ticker"]: row for row in map(_stock, stocks)}, day)
        self.last_day = day

    def _see_fundamentals(self, now: list[Row], day: date) -> None:
        if self.last is None:
            self.kept = [row | {"why": "first", "observed_on": day} for row in now]
        else:
            was = {_content(row) for row in self.last}
            states = {_state(row) for row in self.last}
            here = {_content(row) for row in now}
            fetched = {
                (place, row["fetched_date"])
                for row in self.last if _content(row) not in here
                for place in (_slot(row), _row(row))
            }  # fmt: skip
            waiting = [row for row in self.waiting if _content(row) in here]
            for row in now:
                if _content(row) in was:
                    continue
                new = dict(row)
                places = {(place, new["fetched_date"]) for place in (_slot(new), _row(new))}
                if new["fetched_date"] is None or places & fetched:
                    new["known_from"] = max(new["known_from"], day)
                if _state(new) in states:
                    waiting.append(new)
                else:
                    self.kept.append(new | {"why": "state", "observed_on": day})
            monday = day - timedelta(days=day.weekday())
            taken = {
                _slot(r) for r in self.kept if r["why"] == "ratios" and r["observed_on"] >= monday
            }
            due = [row for row in waiting if _slot(row) not in taken]
            self.kept += [row | {"why": "ratios", "observed_on": day} for row in due]
            self.waiting = [row for row in waiting if _slot(row) in taken]
        self.last = now

    def _see_stocks(self, now: dict[str, Row], day: date) -> None:
        was = self.last_stocks
        if was is None:
            self.listed = [row | {"listed": True, "observed_on": day} for row in now.values()]
            self.last_stocks = now
            return
        monday = day - timedelta(days=day.weekday())
        of_week = {r["ticker"] for r in self.listed if r["observed_on"] >= monday and r["listed"]}
        for ticker, row in now.items():
            old = was.get(ticker)
            seen = row | {"listed": True, "observed_on": day}
            if old is None or any(old[c] != row[c] for c in ATTRIBUTES):
                self.listed.append(seen)
                self.waiting_caps.pop(ticker, None)
            elif old["market_cap_msek"] != row["market_cap_msek"] or ticker in self.waiting_caps:
                if old["market_cap_msek"] != row["market_cap_msek"]:
                    self.waiting_caps[ticker] = seen
                if ticker not in of_week:
                    self.listed.append(self.waiting_caps.pop(ticker) | {"observed_on": day})
        for ticker in was.keys() - now.keys():
            self.listed.append(was[ticker] | {"listed": False, "observed_on": day})
            self.waiting_caps.pop(ticker, None)
        self.last_stocks = now

    # ------------------------------------------------------------------------- what holds

    def fundamentals_on(self, day: date, *, with_waiting: bool) -> list[Row]:
        """The rows that are known on a day; of two states of one day the last."""
        rows = [*self.kept, *(self.waiting if with_waiting else [])]
        known: dict[Any, Row] = {}
        for row in rows:
            known.pop((_slot(row), row["known_from"]), None)  # it comes after the others
            known[_slot(row), row["known_from"]] = row
        last = {(_row(row), row["known_from"]): row for row in known.values()}
        return [row for row in last.values() if row["known_from"] <= day]

    def stocks_on(self, day: date) -> list[Row]:
        """The stocks that are listed on a day, with the caps that wait."""
        first: dict[str, Row] = {}
        last: dict[str, Row] = {}
        for row in [*self.listed, *self.waiting_caps.values()]:
            first.setdefault(row["ticker"], row)
            if row["observed_on"] <= day:
                last[row["ticker"]] = row
        return [row for row in (first | last).values() if row["listed"]]

    def first_seen(self) -> dict[str, date]:
        """The day on which each stock was seen first."""
        found: dict[str, date] = {}
        for row in self.listed:
            found.setdefault(row["ticker"], row["observed_on"])
        return found


def _report(row: Row) -> Row:
    own = {
        "data_source": row["data_source"],
        "fetched_date": oracle_export.day(row["fetched_date"]),
        "own_fiscal": oracle_export.day(row["fiscal_date"]),
        **{name: row[name] for name in PERF},
    }
    if own["own_fiscal"] == own["fetched_date"]:
        own["own_fiscal"] = None
    return oracle_export.report(row) | own


def _stock(row: Row) -> Row:
    return oracle_export.stock(row)


def _slot(row: Row) -> tuple[Any, ...]:
    return row["ticker"], row["data_source"], row["own_fiscal"]


def _row(row: Row) -> tuple[Any, ...]:
    """Return which row of the table it is."""
    return row["ticker"], row["id"], row["own_fiscal"]


def _state(row: Row) -> tuple[Any, ...]:
    return (*_slot(row), *(row[name] for name in STATEMENT_ITEMS))


def _content(row: Row) -> tuple[Any, ...]:
    return (*_state(row), row["fetched_date"], *(row[name] for name in (*RATIOS, *PERF)))
