"""The age of a version's prices, and the advice to trade on it or not.

Both follow from the integrity report in the manifest. The age is counted when it is asked for, on
the trading days in the report, so that a service needs neither a calendar library nor Polars.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from pipelines.lake.manifest import Check, Report, Status

Label = Literal["fresh", "stale", "very_stale", "no_data"]

FRESH_DAYS: Final = 1
"""Up to this many trading days are fresh: until the market closes, the last close is a day old."""
STALE_DAYS: Final = 3
"""Up to this many are stale: a refresh or two failed. With more, something is broken."""

SEVERITY: Final[Mapping[Label, Status]] = {
    "fresh": "ok",
    "stale": "warning",
    "very_stale": "critical",
    "no_data": "critical",
}
RECOMMENDATIONS: Final[Mapping[Status, str]] = {
    "ok": "the data is fresh and complete; safe to trade on",
    "warning": "read the warnings before trading",
    "critical": "do not trade on these rankings; mend the data, then refresh",
}


@dataclass(frozen=True)
class Freshness:
    """The age of prices in trading days: null without prices, a lower bound if not `exact`."""

    label: Label
    trading_days: int | None
    exact: bool


def age(day: date | None, calendar: Sequence[date], now: date) -> Freshness:
    """Return the age of `day`: the number of trading days after it, up to and including `now`.

    If the calendar does not cover both days, the number is a lower bound, and the label is
    "very_stale".
    """
    if day is None:
        return Freshness("no_data", None, exact=False)
    days = max(0, bisect_right(calendar, now) - bisect_right(calendar, day))
    exact = bool(calendar) and calendar[0] <= day and now <= calendar[-1]
    return Freshness(label(days) if exact else "very_stale", days, exact=exact)


def label(days: int) -> Label:
    """Return the label of an age in trading days."""
    if days <= FRESH_DAYS:
        return "fresh"
    return "stale" if days <= STALE_DAYS else "very_stale"


def freshness(report: Report, now: date) -> Freshness:
    """Return the age of the newest day on which most stocks have a close."""
    return age(report.priced_to, report.calendar, now)


# ----------------------------------------------------------------------------------- verdict


@dataclass(frozen=True)
class Finding:
    """A check that is not ok."""

    type: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The checks of a version on a day, and the advice that follows from them."""

    checked_at: date
    age: Freshness
    checks: tuple[Check, ...]  # the check of the age comes first

    @property
    def issues(self) -> tuple[Finding, ...]:
        """The critical checks."""
        return _found(self.checks, "critical")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The other checks that are not ok."""
        return _found(self.checks, "warning")

    @property
    def worst(self) -> Status:
        """The worst status of all checks."""
        return "critical" if self.issues else "warning" if self.warnings else "ok"

    @property
    def recommendation(self) -> str:
        """What to do, in a sentence."""
        return RECOMMENDATIONS[self.worst]

    @property
    def safe_to_trade(self) -> bool:
        """False where any check is critical."""
        return not self.issues


def verdict(report: Report, now: date, trouble: str | None = None) -> Verdict:
    """Return the verdict on a version on the day `now`; `trouble` is why its files are not whole.

    Such a version fails a check more, `lake`.
    """
    found = freshness(report, now)
    checks = [_freshness_check(report, found, now), *report.checks]
    if trouble:
        checks.append(Check(name="lake", status="critical", message=trouble, value=None))
    return Verdict(checked_at=now, age=found, checks=tuple(checks))


def _found(checks: Iterable[Check], status: Status) -> tuple[Finding, ...]:
    return tuple(Finding(c.name, c.message) for c in checks if c.status == status)


def _freshness_check(report: Report, found: Freshness, now: date) -> Check:
    backwards = report.priced_to is not None and now < report.priced_to
    clock = f"; the clock says {now}, which is earlier" if backwards else ""
    return Check(
        name="freshness",
        status="warning" if backwards else SEVERITY[found.label],
        message=_sentence(report, found) + clock,
        value={
            "label": found.label,
            "trading_days": found.trading_days,
            "exact": found.exact,
            "priced_to": report.priced_to.isoformat() if report.priced_to else None,
        },
    )


def _sentence(report: Report, found: Freshness) -> str:
    if report.priced_to is None:
        return "there is no day on which most stocks have a close"
    least = "" if found.exact else "at least "
    days = "1 trading day" if found.trading_days == 1 else f"{found.trading_days} trading days"
    return f"closes are of {report.priced_to}, {least}{days} of {report.exchange} ago"
