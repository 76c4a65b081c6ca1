"""A backtest as values of JSON: the form of the command and of the service."""

import platform
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date

import msgspec
import polars as pl

from pipelines import __version__
from pipelines.lake import libraries
from pipelines.ranking import Strategy
from pipelines.research.backtest import Backtest
from pipelines.universe import Universe

Json = dict[str, object]


def as_json(found: Backtest, *, with_days: bool = False) -> Json:
    """Return a backtest with its inputs and its version, from which it can be run again.

    `with_days` adds the values by day and the trades.
    """
    days = {"nav": rows(found.nav.drop("strategy")), "ledger": rows(found.ledger.drop("strategy"))}
    return _told(found) | (days if with_days else {})


def _told(found: Backtest) -> Json:
    sheet = found.sheet
    return {
        "strategy": found.strategy.name,
        "universe": found.inputs.universe.name,
        "from": found.since.isoformat(),
        "to": found.until.isoformat(),
        "inputs": inputs_of(found),
        "metrics": {metric.name: metric.value for metric in sheet.metrics},
        "reasons": {metric.name: metric.reason for metric in sheet.metrics if metric.reason},
        "periods": rows(sheet.periods),
        "drawdowns": rows(sheet.drawdowns),
        "by_year": rows(sheet.years),
        "by_month": rows(sheet.months),
        "turnover_by_year": rows(sheet.flows),
        "holdings": rows(sheet.gains),
        "bounds": [bound._asdict() for bound in sheet.bounds],
        "trades": found.ledger.height,
        "survivorship": rows(found.survivorship),
        "suspects": rows(found.suspects),
        "caveats": list(found.caveats),
        "version": found.version,
    }


def inputs_of(found: Backtest) -> Json:
    """Return all that a result follows from, besides the version of the lake."""
    inputs = found.inputs
    return {
        "since": inputs.since.isoformat(),
        "until": inputs.until.isoformat(),
        "rebalance": inputs.calendar.value,
        "months": list(found.months),
        "fill": inputs.fill.value,
        "currency": inputs.converted_to,
        "benchmark": inputs.benchmark,
        "risk_free": inputs.risk_free,
        **asdict(found.rules),
        **made_by(found.strategy, inputs.universe),
    }


def made_by(strategy: Strategy, universe: Universe) -> Json:
    """Return what ranks follow from besides the version of the lake: the rules and the code."""
    definition = strategy.definition
    return {
        "definition": None if definition is None else msgspec.to_builtins(definition),
        "universe": {
            "name": universe.name,
            "markets": list(universe.markets),
            "currency": universe.currency,
            "floors": [[day.isoformat(), million] for day, million in universe.floors],
            "returns_in": universe.returns_in,
            "index": universe.index,
            "jump_threshold": universe.jump_threshold,
        },
        "trusted_jumps": [str(jump) for jump in universe.trusted_jumps],
        "release": __version__,
        "python": platform.python_version(),
        "libraries": dict(_libraries()),
    }


def _libraries() -> Iterator[tuple[str, str]]:
    import numpy as np  # noqa: PLC0415 - only for its version

    yield "numpy", np.__version__
    yield "polars", libraries()["polars"]


def rows(frame: pl.DataFrame) -> list[Json]:
    """Return the rows of a frame; dates are texts."""
    return [
        {k: v.isoformat() if isinstance(v, date) else v for k, v in row.items()}
        for row in frame.iter_rows(named=True)
    ]
