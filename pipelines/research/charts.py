"""Charts as SVG, in the colours of the page that they are on."""

import math
from collections.abc import Iterator, Sequence
from datetime import date
from html import escape
from typing import Final, NamedTuple

WIDTH: Final = 960
LEFT: Final = 64
BOTTOM: Final = 22


class Line(NamedTuple):
    """A series of a chart: its name, its class of style, and a value a day, or None."""

    name: str
    style: str
    values: Sequence[float | None]


def lines(days: Sequence[date], series: Sequence[Line], height: int = 260, *, log: bool) -> str:
    """Return a chart of lines over days; with `log` equal heights are equal growth."""
    known = [v for line in series for v in line.values if v is not None and (v > 0 or not log)]
    if not known or len(days) < 2:
        return "<p>There are too few values for a chart.</p>"
    scale = _Scale(min(known), max(known), height, log=log)
    parts = [*_frame(scale, days, height)]
    step = max(1, len(days) // 1500)
    for line in series:
        points = [
            f"{_x(n, len(days)):.1f},{scale.y(v):.1f}"
            for n, v in enumerate(line.values)
            if v is not None and (v > 0 or not log) and (n % step == 0 or n == len(days) - 1)
        ]
        parts.append(f'<polyline class="{line.style}" points="{" ".join(points)}"/>')
    return _svg(parts, height, ", ".join(line.name for line in series))


def bars(
    names: Sequence[str], series: Sequence[Line], height: int = 220, *, in_percent: bool = True
) -> str:
    """Return a chart of bars: for each name one of each series, up or down from 0."""
    known = [v for line in series for v in line.values if v is not None]
    if not known:
        return "<p>There are too few values for a chart.</p>"
    scale = _Scale(min(0.0, *known), max(0.0, *known), height, log=False)
    room = (WIDTH - LEFT) / len(names)
    wide = room * 0.8 / len(series)
    parts = list(_levels(scale, in_percent=in_percent))
    for k, line in enumerate(series):
        for n, value in enumerate(line.values):
            top, zero = scale.y(max(value or 0.0, 0.0)), scale.y(0.0)
            tall = abs(scale.y(value or 0.0) - zero)
            x = LEFT + n * room + room * 0.1 + k * wide
            label = f"{line.name} {names[n]}: {_told(value, in_percent=in_percent)}"
            parts.append(
                f'<rect class="{line.style}" x="{x:.1f}" y="{top:.1f}" width="{wide:.1f}" '
                f'height="{tall:.1f}"><title>{escape(label)}</title></rect>'
            )
    every = math.ceil(len(names) * 34 / (WIDTH - LEFT))
    parts += [
        f'<text class="mid" x="{LEFT + (n + 0.5) * room:.1f}" y="{height - 6}">'
        f"{escape(name)}</text>"
        for n, name in enumerate(names)
        if n % every == 0
    ]
    return _svg(parts, height, ", ".join(line.name for line in series))


class _Scale:
    """Where a value is on the chart, and the levels that are drawn."""

    def __init__(self, low: float, high: float, height: int, *, log: bool) -> None:
        self.log = log
        self._low, self._high = self._of(low), self._of(high)
        if self._high - self._low < 1e-12:
            self._low, self._high = self._low - 0.5, self._high + 0.5
        ends = self._low, self._high
        self._ends = (math.exp(ends[0]), math.exp(ends[1])) if log else ends
        self._room = height - BOTTOM - 10

    def _of(self, value: float) -> float:
        return math.log(value) if self.log else value

    def y(self, value: float) -> float:
        """Return the height of a value, from above."""
        part = (self._of(value) - self._low) / (self._high - self._low)
        return 10 + self._room * (1 - part)

    def levels(self) -> Sequence[float]:
        """Return some round values in between."""
        powers = [*self._powers()] if self.log else []
        return powers if len(powers) > 2 else self._steps()

    def _steps(self) -> Sequence[float]:
        low, high = self._ends
        least = 10 ** math.floor(math.log10((high - low) / 2))
        step = next(times * least for times in (1, 2, 5, 10) if high - low <= 6 * times * least)
        first = math.ceil(low / step - 1e-9)
        return [n * step for n in range(first, math.floor(high / step + 1e-9) + 1)]

    def _powers(self) -> Iterator[float]:
        few = (1, 2, 5) if self._high - self._low < 7 else (1,)
        for power in range(math.floor(self._low / math.log(10)) - 1, 20):
            for first in few:
                value = first * 10.0**power
                if self._low - 1e-9 <= math.log(value) <= self._high + 1e-9:
                    yield value


def _frame(scale: _Scale, days: Sequence[date], height: int) -> Iterator[str]:
    yield from _levels(scale, in_percent=not scale.log)
    years = [n for n, day in enumerate(days) if n and day.year != days[n - 1].year]
    every = max(1, math.ceil(len(years) / 14))
    for n in years[::every]:
        x = _x(n, len(days))
        yield f'<line class="grid" x1="{x:.1f}" y1="10" x2="{x:.1f}" y2="{height - BOTTOM}"/>'
        yield f'<text class="mid" x="{x:.1f}" y="{height - 6}">{days[n].year}</text>'


def _levels(scale: _Scale, *, in_percent: bool) -> Iterator[str]:
    for value in scale.levels():
        y = scale.y(value)
        shown = f"{100 * value:.3g}%" if in_percent else f"{value:.6g}"
        yield f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH}" y2="{y:.1f}"/>'
        yield f'<text class="end" x="{LEFT - 8}" y="{y + 4:.1f}">{shown}</text>'


def _x(n: int, count: int) -> float:
    return LEFT + (WIDTH - LEFT - 2) * n / max(1, count - 1)


def _told(value: float | None, *, in_percent: bool) -> str:
    if value is None:
        return ""
    return f"{value:.1%}" if in_percent else f"{value:.4f}"


def _svg(parts: Sequence[str], height: int, told: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(told)}">'
        f"{''.join(parts)}</svg>"
    )
