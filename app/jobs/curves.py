"""Backtests that are computed already, in short."""

from typing import Final

import msgspec

from app.jobs.research import Research, standard
from app.web import page_models

YEAR: Final = 365.25


class Month(msgspec.Struct):
    """The returns of a month."""

    period: str
    gain: float | None = msgspec.field(name="return")
    benchmark: float | None = None


class Inputs(msgspec.Struct):
    """What a backtest is compared with."""

    benchmark: str


class Backtest(msgspec.Struct):
    """The parts of a backtest that a curve is made of."""

    inputs: Inputs
    metrics: dict[str, float | None]
    by_month: list[Month]
    caveats: list[str]


def known_curve(research: Research, version: str, strategy: str) -> page_models.Curve | None:
    """Return the curve of a strategy; None where its backtest is not computed, or failed."""
    answer = research.known(standard(version, strategy))
    if answer is None or answer.error is not None:
        return None
    return curve_of(msgspec.json.decode(answer.body, type=Backtest))


def curve_of(found: Backtest) -> page_models.Curve:
    """Return a backtest in short: its months one upon the other."""
    points = _points(found.by_month)
    years = len(found.by_month) / 12
    last = points[-1].index if points else None
    return page_models.Curve(
        cagr=found.metrics.get("cagr"),
        index_cagr=last ** (1 / years) - 1 if last and years else None,
        max_drawdown=found.metrics.get("max_drawdown"),
        benchmark=found.inputs.benchmark,
        caveats=found.caveats,
        points=points,
    )


def _points(months: list[Month]) -> list[page_models.CurvePoint]:
    """Return the values after each month; what follows a month without a return has none."""
    value, index = 1.0, 1.0
    compared = True
    found = []
    for month in months:
        value *= 1 + (month.gain or 0.0)
        compared = compared and month.benchmark is not None
        index *= 1 + (month.benchmark or 0.0)
        found.append(
            page_models.CurvePoint(
                date=month.period,
                value=round(value, 4),
                index=round(index, 4) if compared else None,
            )
        )
    return found
