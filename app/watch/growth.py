"""The growth of a size over time, which neither noise nor a single step changes."""

from collections.abc import Iterable, Sequence
from itertools import combinations, groupby
from statistics import median
from typing import Final

STEP_SECONDS: Final = 15
LEAST_SECONDS: Final = 10 * 60
"""A slope over fewer minutes tells of the last requests, not of a leak."""

Point = tuple[float, float]
"""Seconds, and a size."""


def growth_per_hour(points: Iterable[Point]) -> float | None:
    """The steady growth of the points in an hour; None where they span under ten minutes."""
    steps = _medians(points)
    if not steps or steps[-1][0] - steps[0][0] < LEAST_SECONDS:
        return None
    return 3600 * _steady_slope(steps)


def _medians(points: Iterable[Point]) -> list[Point]:
    """One point for each step of time: its first time, and its median size."""
    steps = groupby(points, key=lambda point: point[0] // STEP_SECONDS)
    found = (list(step) for _, step in steps)
    return [(step[0][0], median(size for _, size in step)) for step in found]


def _steady_slope(points: Sequence[Point]) -> float:
    """The smallest slope among the whole and both halves; 0 where one rises and another falls.

    A single step, such as a cache that was filled, is in one half only, and is no growth.
    """
    middle = len(points) // 2
    slopes = [_slope(part) for part in (points, points[:middle], points[middle:])]
    smallest = min(slopes, key=abs)
    return smallest if min(slopes) * max(slopes) > 0 else 0.0


def _slope(points: Sequence[Point]) -> float:
    """The median slope of all pairs of points (Theil and Sen), of two points at least."""
    return median((y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in combinations(points, 2))
