"""Strategies as data in plain Python and SQLite: from factors to ranks and reasons."""

import math
import re
import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from pipelines.definition import CompositeForm, Definition, Order, Ordered, Weighted
from pipelines.ranking.catalogue import COLUMNS, FACTORS
from pipelines.ranking.reasons import OF_UNIVERSE
from tests.oracle import percentile

Row = dict[str, Any]
NUMBER: Final = re.compile(r"(?<![\w.])(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
AFFINITY: Final = {"number": "REAL", "text": "TEXT", "truth": "INTEGER"}


def ranked(one: Definition, rows: Sequence[Row]) -> dict[str, int | str]:
    """The rank of each stock, or the reason why it has none.

    The rows are those of a ranking: their factors and the reasons of the universe are taken.
    """
    table = _Table(rows)
    eligible = [row for row in rows if row["excluded_by"] not in OF_UNIVERSE]
    out = {row["ticker"]: row["excluded_by"] for row in rows if row not in eligible}
    composites = _composites(one.composite, table, eligible) if one.composite else {}
    scores = {row["ticker"]: _merit(one.score, table, row, composites) for row in eligible}
    places = {t: 1 + sum(o < c for o in composites.values()) for t, c in composites.items()}
    for row in eligible:
        ticker = row["ticker"]
        for reason, condition in one.screens.items():
            if ticker not in out and table.value(condition, row) == 1:
                out[ticker] = reason
        if one.composite and ticker not in out:
            kept = max(1, len(composites) * one.composite.keep_percent // 100)
            if ticker not in composites:
                out[ticker] = "missing_metrics"
            elif places[ticker] > kept:
                out[ticker] = f"outside_best_{one.composite.keep_percent}_percent"
        if ticker not in out and scores[ticker] is None:
            is_momentum = isinstance(one.score, Ordered) and one.score.factor == "momentum"
            out[ticker] = "no_momentum" if is_momentum else "no_score"
    left = [row for row in eligible if row["ticker"] not in out]
    left.sort(key=lambda row: _order(one, table, row, composites))
    return out | {row["ticker"]: n for n, row in enumerate(left, 1)}


class _Table:
    """The rows in SQLite, which says what a condition is for one of them."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._con = sqlite3.connect(":memory:")
        self._con.execute("PRAGMA case_sensitive_like = ON")
        self._columns = [name for name in COLUMNS if name in rows[0]]
        declared = ", ".join(f"{name} {AFFINITY[COLUMNS[name]]}" for name in self._columns)
        marks = ", ".join("?" * len(self._columns))
        self._con.execute(f"CREATE TABLE t ({declared})")
        values = ([row[name] for name in self._columns] for row in rows)
        self._con.executemany(f"INSERT INTO t VALUES ({marks})", values)
        self._found: dict[str, dict[str, Any]] = {}

    def value(self, expression: str, row: Row) -> Any:
        """What an expression is for a row; numbers that are written out are real ones."""
        if expression not in self._found:
            asked = self._con.execute(f"SELECT ticker, {real(expression)} FROM t")
            self._found[expression] = dict(asked)
        return self._found[expression][row["ticker"]]


def real(expression: str) -> str:
    """An expression in which whole numbers are real ones, so that 1 / 2 is a half."""
    parts = expression.split("'")
    parts[::2] = [NUMBER.sub(_as_real, part) for part in parts[::2]]
    return "'".join(parts)


def _as_real(found: re.Match[str]) -> str:
    return f"{found[0]}.0" if found[0].isdecimal() else found[0]


def _merit(form: str | Ordered, table: _Table, row: Row, composites: dict[str, float]) -> Any:
    """The value of a score or tie, the best one highest; None where it is missing."""
    if isinstance(form, str):
        return table.value(form, row)
    if form.expression is not None:
        value = table.value(form.expression, row)
        return None if value is None else value if form.order != "lowest" else -value
    if form.factor == "composite":
        found = composites.get(row["ticker"])
        return None if found is None else -found
    return _of_factor(str(form.factor), form.order, row)


def _of_factor(name: str, order: Order | None, row: Row) -> float | None:
    value, factor = row[name], FACTORS[name]
    if value is None:
        return None
    if (order or factor.best) == "highest":
        return float(value)
    if factor.unit == "multiple":
        return 1 / value if value else None
    return -float(value)


def _order(
    one: Definition, table: _Table, row: Row, composites: dict[str, float]
) -> tuple[Any, ...]:
    ties = [Ordered(factor=tie) if isinstance(tie, str) else tie for tie in one.ties]
    keys = [_merit(form, table, row, composites) for form in (one.score, *ties)]
    return *((key is None, -(key or 0)) for key in keys), row["ticker"]


def _composites(form: CompositeForm, table: _Table, eligible: Sequence[Row]) -> dict[str, float]:
    """The composite of each eligible stock that has enough factors."""
    known: dict[str, list[tuple[float | None, float]]] = {row["ticker"]: [] for row in eligible}
    for factor in form.weighted:
        merits = {row["ticker"]: _of_metric(factor, table, row) for row in eligible}
        there = [merit for merit in merits.values() if merit is not None]
        for ticker, merit in merits.items():
            known[ticker].append((percentile(merit, there), factor.weight))
    found = {}
    for ticker, ps in known.items():
        if sum(p is not None for p, _ in ps) >= form.at_least:
            total = math.fsum((0.5 if p is None else p) * weight for p, weight in ps)
            found[ticker] = round(total / sum(weight for _, weight in ps), 12)
    return found


def _of_metric(factor: Weighted, table: _Table, row: Row) -> float | None:
    if factor.where is not None and table.value(factor.where, row) != 1:
        return None
    return _of_factor(factor.factor, factor.order, row)
