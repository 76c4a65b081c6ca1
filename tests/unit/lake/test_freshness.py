"""How old prices are, and the verdict on a version as the days go by."""

import subprocess
import sys
from datetime import date, timedelta

import pytest

from pipelines.lake import Report
from pipelines.lake.freshness import Finding, age, freshness, verdict
from pipelines.refresh.report import report
from pipelines.refresh.trading_days import trading_days
from pipelines.universe import SWEDEN
from tests.factories import snapshot, stock
from tests.integrity import FRIDAY, MONDAY, WEEKDAYS, lake, week

MISSING = "0 of 1 stocks that trade have fundamentals younger than 12 months (0.0%)"


@pytest.mark.parametrize(
    ("now", "days", "label"),
    [
        (date(2026, 11, 20), 0, "fresh"),
        (date(2026, 11, 22), 0, "fresh"),  # a Sunday
        (date(2026, 11, 23), 1, "fresh"),
        (date(2026, 11, 24), 2, "stale"),
        (date(2026, 11, 25), 3, "stale"),
        (date(2026, 11, 26), 4, "very_stale"),
    ],
)
def test_age_is_in_trading_days(now: date, days: int, label: str) -> None:
    found = age(FRIDAY, WEEKDAYS, now)
    assert (found.trading_days, found.label, found.exact) == (days, label, True)


def test_a_calendar_reaches_from_its_first_day_to_its_last() -> None:
    assert age(WEEKDAYS[0], WEEKDAYS, WEEKDAYS[0]).exact
    assert age(WEEKDAYS[-1], WEEKDAYS, WEEKDAYS[-1]).exact


def test_christmas_does_not_age_anything() -> None:
    days = trading_days("stockholmsborsen", date(2026, 12, 1), date(2027, 1, 31))
    assert age(date(2026, 12, 30), days, date(2027, 1, 3)).trading_days == 0
    assert age(date(2026, 12, 23), days, date(2026, 12, 27)).label == "fresh"


@pytest.mark.parametrize(
    ("day", "calendar", "now", "days"),
    [
        (date(2018, 2, 7), WEEKDAYS, MONDAY, 16),
        (WEEKDAYS[-2], WEEKDAYS, WEEKDAYS[-1] + timedelta(days=9), 1),
        (FRIDAY, [], FRIDAY, 0),
    ],
)
def test_beyond_the_calendar_everything_is_very_stale(
    day: date, calendar: list[date], now: date, days: int
) -> None:
    found = age(day, calendar, now)
    assert (found.trading_days, found.label, found.exact) == (days, "very_stale", False)


def test_a_stock_without_a_close_has_no_age() -> None:
    assert age(None, WEEKDAYS, MONDAY).label == "no_data"


def healthy() -> Report:
    made = lake([stock("A")], week("A"), [snapshot("A", "2026-11-01", pe=10.0)])
    return report(made, as_of=FRIDAY, universe=SWEDEN, calendar=WEEKDAYS)


@pytest.mark.parametrize(
    ("now", "status", "safe"),
    [
        (FRIDAY, "ok", True),
        (MONDAY, "ok", True),
        (date(2026, 11, 24), "warning", True),
        (date(2026, 12, 1), "critical", False),
    ],
)
def test_a_verdict_ages_with_the_day(now: date, status: str, *, safe: bool) -> None:
    found = verdict(healthy(), now)
    assert (found.worst, found.safe_to_trade) == (status, safe)
    assert len(found.issues) == (status == "critical")
    assert len(found.warnings) == (status == "warning")
    assert found.checked_at == now
    assert found.checks[0].name == "freshness"


def test_freshness_of_a_version() -> None:
    assert freshness(healthy(), MONDAY).label == "fresh"
    assert verdict(healthy(), MONDAY).checks[0].message == (
        "closes are of 2026-11-20, 1 trading day of XSTO ago"
    )


def test_a_check_that_is_critical_forbids_trading_on_fresh_data() -> None:
    found = report(lake([stock("A")], week("A")), as_of=FRIDAY, universe=SWEDEN, calendar=WEEKDAYS)
    told = verdict(found, MONDAY)
    assert (told.worst, told.safe_to_trade) == ("critical", False)
    assert told.recommendation == ("do not trade on these rankings; mend the data, then refresh")
    assert told.issues == (Finding("fundamentals_coverage", MISSING),)
    assert told.warnings == ()


def test_no_day_with_prices_is_no_data() -> None:
    found = report(lake([stock("A")]), as_of=FRIDAY, universe=SWEDEN, calendar=WEEKDAYS)
    assert found.priced_to is None
    assert freshness(found, MONDAY).label == "no_data"
    assert "freshness" in [issue.type for issue in verdict(found, MONDAY).issues]


def test_a_clock_that_went_back_is_told() -> None:
    found = verdict(healthy(), date(2026, 11, 10))
    assert found.worst == "warning"
    assert found.warnings[0].message.endswith("the clock says 2026-11-10, which is earlier")


def test_freshness_needs_no_library() -> None:
    code = (
        "import sys, pipelines.lake.freshness; "
        "sys.exit(any(m in sys.modules for m in ('polars', 'pandas', 'exchange_calendars')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
