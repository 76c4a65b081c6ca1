"""The price windows of the catalogue in plain Python, from the rows of one stock."""

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from tests.implementation import months_back

Closes = Mapping[date, float]
Values = dict[str, float | None]


def windows(closes: Closes, volumes: Mapping[date, float], index: Closes, day: date) -> Values:
    """Every window on a day; the closes are good ones, on the scale of the day."""
    days = sorted(d for d in closes if day - timedelta(377) <= d <= day)
    listed = bool(days) and days[-1] >= day - timedelta(10)
    year = [d for d in days if d >= months_back(day, 12)]
    quarter = [d for d in days if d >= months_back(day, 3)]
    turnover = [closes[d] * volumes[d] for d in quarter if d in volumes]
    found = {
        "return_1m": _return(closes, day, 1),
        "volatility_12m": _volatility([closes[d] for d in year], 180),
        "volatility_3m": _volatility([closes[d] for d in quarter], 45),
        "max_drawdown_12m": _drawdown([closes[d] for d in year]),
        "high_52w": closes[days[-1]] / max(closes[d] for d in year) if len(year) >= 180 else None,
        "above_200d": _above([closes[d] for d in days]),
        "turnover_3m": statistics.median(turnover) if len(turnover) >= 40 else None,
        "beta_12m": _beta(closes, index, year),
    }
    return found if listed else dict.fromkeys(found)


def _last(closes: Closes, day: date) -> float | None:
    near = [d for d in closes if day - timedelta(10) <= d <= day]
    return closes[max(near)] if near else None


def _return(closes: Closes, day: date, months: int) -> float | None:
    now, then = _last(closes, day), _last(closes, months_back(day, months))
    return now / then - 1 if now and then else None


def _volatility(closes: Sequence[float], needed: int) -> float | None:
    if len(closes) < needed:
        return None
    returns = [math.log(b / a) for a, b in itertools.pairwise(closes)]
    return statistics.stdev(returns) * math.sqrt(252)


def _drawdown(closes: Sequence[float]) -> float | None:
    if len(closes) < 180:
        return None
    return min(close / max(closes[: n + 1]) - 1 for n, close in enumerate(closes))


def _above(closes: Sequence[float]) -> float | None:
    last = closes[-200:]
    return closes[-1] / statistics.fmean(last) if len(last) == 200 else None


def _beta(closes: Closes, index: Closes, days: Sequence[date]) -> float | None:
    pairs = [
        (math.log(closes[b] / closes[a]), math.log(index[b] / index[a]))
        for a, b in itertools.pairwise(days)
        if a in index and b in index
    ]
    if len(pairs) < 180 or len({market for _, market in pairs}) == 1:
        return None
    return statistics.linear_regression([m for _, m in pairs], [own for own, _ in pairs]).slope
