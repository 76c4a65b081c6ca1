"""The integrity report of a small lake with ranks, for the tests of its checks."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import polars as pl

from pipelines.lake import Check
from pipelines.refresh.report import report
from pipelines.refresh.unit_checks import BOUNDS
from pipelines.universe import SWEDEN, Universe
from tests.factories import FrameLake, Row, closes, frame_lake

RANKED = {"strategy": pl.String, "ticker": pl.String, "rank": pl.UInt32,
          "excluded_by": pl.String, "f_available": pl.Int8,
          "currency": pl.String, "market_cap_msek": pl.Float64, "market_cap_source": pl.String,
          **dict.fromkeys(BOUNDS, pl.Float64)}  # fmt: skip
FRIDAY = date(2026, 11, 20)
MONDAY = date(2026, 11, 23)
WEEKDAYS = [day for n in range(500) if (day := date(2026, 11, 2) + timedelta(days=n)).weekday() < 5]


def lake(
    stocks: Sequence[Row],
    prices: Sequence[Row] = (),
    fundamentals: Sequence[Row] = (),
    **ranks: int,
) -> FrameLake:
    """A lake whose rankings are the ranks of the named tickers; the others have none."""
    made = frame_lake(stocks, prices, fundamentals)
    rows = [{"strategy": "sammansatt_momentum", "ticker": s["ticker"],
             "rank": ranks.get(s["ticker"]), "f_available": 9, "currency": s.get("currency")}
            for s in stocks]  # fmt: skip
    made.datasets["rankings"] = pl.DataFrame(rows, schema=RANKED)
    return made


def checks(
    made: FrameLake,
    *,
    as_of: date = FRIDAY,
    universe: Universe = SWEDEN,
    others: Sequence[Universe] = (),
) -> dict[str, Check]:
    """The checks of a report by name."""
    found = report(made, as_of=as_of, universe=universe, others=others, calendar=WEEKDAYS)
    return {check.name: check for check in found.checks}


def value(check: Check) -> Any:
    """What a check tells programs."""
    return check.value


def week(*tickers: str, day: date = FRIDAY, close: float = 10.0) -> list[Row]:
    """A close of each ticker on a day."""
    return [row for t in tickers for row in closes(t, {day.isoformat(): close})]
