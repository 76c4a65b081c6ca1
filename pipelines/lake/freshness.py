"""How old a version's prices are, and whether to trade on it: from its integrity report alone.

The report (`pipelines.integrity`) is made at export and kept in the manifest. Age is counted
here, when it is asked for, on the trading days that the report carries, so that a service needs
neither a calendar library nor Polars.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal

Status = Literal["ok", "warning", "critical"]
Label = Literal["fresh", "stale", "very_stale", "no_data"]
Report = Mapping[str, Any]

FRESH_DAYS: Final = 1
"""On a trading day the last close is the day before's until the market has closed."""
STALE_DAYS: Final = 3
"""One or two refreshes failed; momentum over months hardly moves. Later something is broken."""

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
    """The age of a day's prices in trading days; None, or a least number, where it is not known."""

    label: Label
    trading_days: int | None
    exact: bool


def age(day: date | None, calendar: Sequence[date], now: date) -> Freshness:
    """Trading days after `day`, up to `now` and with it.

    A calendar that does not reach from the day to now gives the least number of days that it can
    be, and counts as very stale.
    """
    if day is None:
        return Freshness("no_data", None, exact=False)
    days = max(0, bisect_right(calendar, now) - bisect_right(calendar, day))
    exact = bool(calendar) and calendar[0] <= day and now <= calendar[-1]
    return Freshness(label(days) if exact else "very_stale", days, exact=exact)


def label(days: int) -> Label:
    """How fresh prices are that are so many trading days old."""
    if days <= FRESH_DAYS:
        return "fresh"
    return "stale" if days <= STALE_DAYS else "very_stale"


def freshness(report: Report, now: date) -> Freshness:
    """The age of the newest day on which most stocks have a close."""
    return age(_day(report["priced_to"]), calendar_of(report), now)


def calendar_of(report: Report) -> list[date]:
    """The trading days that the report carries: some past, and those of the coming year."""
    return [date.fromisoformat(day) for day in report["calendar"]]


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


# ----------------------------------------------------------------------------------- verdict


def verdict(report: Report, now: date) -> dict[str, Any]:
    """Whether to trade on a version today, as `/data/integrity` answers.

    `safe_to_trade` is false where any check is critical; `status` is the worst of all checks.
    """
    checks = [_freshness_check(report, now), *report["checks"]]
    issues, warnings = (_found(checks, status) for status in ("critical", "warning"))
    worst: Status = "critical" if issues else "warning" if warnings else "ok"
    return {
        "status": worst.upper(),
        "recommendation": RECOMMENDATIONS[worst],
        "checked_at": now.isoformat(),
        "checks": checks,
        "issues": issues,
        "warnings": warnings,
        "safe_to_trade": not issues,
    }


def quick(report: Report, now: date) -> dict[str, Any]:
    """The verdict in short, as `/data/integrity/quick` answers."""
    full = verdict(report, now)
    return {
        "safe_to_trade": full["safe_to_trade"],
        "status": full["status"],
        "recommendation": full["recommendation"],
        "critical_issues": full["issues"],
        "warning_count": len(full["warnings"]),
    }


def _found(checks: Sequence[Mapping[str, Any]], status: str) -> list[dict[str, str]]:
    return [{"type": c["name"], "message": c["message"]} for c in checks if c["status"] == status]


def _freshness_check(report: Report, now: date) -> dict[str, Any]:
    is_, priced_to = freshness(report, now), report["priced_to"]
    backwards = priced_to is not None and now < date.fromisoformat(priced_to)
    return {
        "name": "freshness",
        "status": "warning" if backwards else SEVERITY[is_.label],
        "message": _told(is_, priced_to, report["exchange"])
        + (f"; the clock says {now}, which is before" if backwards else ""),
        "value": {"label": is_.label, "trading_days": is_.trading_days, "exact": is_.exact,
                  "priced_to": priced_to},
    }  # fmt: skip


def _told(is_: Freshness, priced_to: str | None, exchange: str) -> str:
    if priced_to is None:
        return "there is no day on which most stocks have a close"
    least = "" if is_.exact else "at least "
    days = "1 trading day" if is_.trading_days == 1 else f"{is_.trading_days} trading days"
    return f"closes are of {priced_to}, {least}{days} of {exchange} ago"
