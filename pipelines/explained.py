"""The explanation of a stock as a table of the terminal."""

from collections.abc import Iterable
from datetime import date
from typing import Final

from pipelines.ranking import CutFact, Explanation, MetricFact, ReturnFact, ScreenFact
from pipelines.shown import f_score, integer, number, ordinal, percent
from pipelines.terminal_table import Column, Table

Line = tuple[str, str, str]
"""The name of a figure, its value, and how it came about."""


def explained(why: Explanation) -> Table:
    """Return why a stock is where it is, a line a figure."""
    place = f"rank {why.rank}" if why.rank else f"out: {why.excluded_by}"
    title = f"{why.ticker} ({why.name}), {why.display_name}, as of {why.as_of}: {place}"
    own = _composite_lines(why) if why.metrics else _f_score_lines(why)
    lines = [*_listing_lines(why), *_return_lines(why), *own, *_screen_lines(why)]
    columns = ("what", Column("value", wraps=True), Column("how", wraps=True))
    return Table(title, columns, lines)


def _listing_lines(why: Explanation) -> Iterable[Line]:
    yield "listing", f"{why.market}, {why.stock_type}", f"sector {why.sector or 'unknown'}"
    yield "market cap, M", integer(why.market_cap_msek), why.market_cap_source or "unknown"
    yield "close", number(why.close), _on(why.close_date) or "no close in ten days"
    if why.jump:
        how = f"from {number(why.jump.close_before)} {_on(why.jump.date)}, and nothing explains it"
        yield "jump of the price", f"to {number(why.jump.close)}", how


def _return_lines(why: Explanation) -> Iterable[Line]:
    for part in why.returns:
        base = f"from {number(part.base_close)} {_on(part.base_date)}"
        how = base + _converted(part) if part.base_date else "no base close"
        yield f"return {part.months}m", percent(part.value), how
    if why.score_name == "momentum":
        yield "momentum = score", percent(why.score), "mean of the three returns"
    else:
        value = (percent if why.score_is_fraction else number)(why.score)
        yield "score", value, f"{why.score_name}, {why.score_is_best} first"


def _converted(part: ReturnFact) -> str:
    """Return how a return came about that is not in the currency of the listing."""
    if part.local is None or part.local == part.value:
        return ""
    rate = "without a rate" if part.rate_change is None else f"its rate {part.rate_change:+.1%}"
    return f"; {percent(part.local)} in its own currency, {rate}"


def _composite_lines(why: Explanation) -> Iterable[Line]:
    known = why.ratios_known_from
    yield "ratios", "", f"known from {known}" if known else "none in the twelve months before"
    if known:
        yield "multiples", "", f"at the price {_on(why.multiples_as_of)}"
    for metric in why.metrics:
        notes = [_standing(metric.percentile)] if why.is_compared else []
        notes += _reported(metric)
        yield metric.name, number(metric.value), "; ".join(notes)
    if not why.is_compared:
        yield "composite", "none", "the stock is not eligible, so that its metrics are not ranked"
        return
    yield "composite", number(why.composite), "mean percentile"
    if why.cut is None:
        yield "primary rank", integer(why.primary_rank), ""
    else:
        place = ordinal(why.primary_rank) if why.primary_rank else "none"
        yield "primary rank", f"{place} of {why.cut.compared:,}", _of_cut(why.cut)


def _of_cut(cut: CutFact) -> str:
    """Return how many stay by the composite, and how far from the last of them a stock is."""
    stay = f"the first {cut.kept:,} stay, the best {cut.keep_percent} %"
    if cut.distance is None:
        return stay
    if cut.distance == 0:
        return f"{stay}; it is the last of them"
    places = "1 place" if abs(cut.distance) == 1 else f"{abs(cut.distance):,} places"
    return f"{stay}; {places} {'outside' if cut.distance > 0 else 'inside'}"


def _screen_lines(why: Explanation) -> Iterable[Line]:
    for screen in why.screens:
        verdict = {True: "leaves", False: "stays", None: "unknown, stays"}[screen.excludes]
        yield f"screen {screen.reason}", verdict, screen.condition or ""
        yield from _reading_lines(screen)
    if why.ranked_instead:
        yield "ranked instead", why.ranked_instead, "of the same company or share"


def _reading_lines(screen: ScreenFact) -> Iterable[Line]:
    if screen.distance is not None and screen.cut is not None:
        side = "below" if screen.distance < 0 else "above"
        off = f"{number(abs(screen.distance))} {side} the cut {number(screen.cut)}"
        yield "", number(screen.value), off
        return
    for reading in screen.values:
        shown = number(reading.value) if isinstance(reading.value, float) else str(reading.value)
        yield "", "missing" if reading.value is None else shown, reading.name


def _reported(metric: MetricFact) -> list[str]:
    is_same = metric.reported == metric.value
    return [] if is_same else [f"{number(metric.reported)} as reported"]


def _standing(percentile: float | None) -> str:
    if percentile is None:
        return "missing, counts as 0.5"
    return f"percentile {percentile:.4f} (0 is best)"


_F_SOURCE: Final = {
    "computed": "counted from these signals",
    "vendor": "the vendor's score, used in place of these signals",
}


def _f_score_lines(why: Explanation) -> Iterable[Line]:
    fiscal = why.fiscal_date
    yield "statements", "", f"fiscal year to {fiscal}" if fiscal else "none known in 18 months"
    for signal in why.f_signals:
        yield signal.name, {True: "yes", False: "no", None: "unknown"}[signal.value], ""
    score = f_score(why.f_score, why.f_available)
    yield "F-score", score, f"{_F_SOURCE[why.f_source]}; 5 of 9 or as many in proportion stay"


def _on(day: date | None) -> str:
    return f"on {day}" if day else ""
