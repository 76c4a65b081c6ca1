"""The exchange whose trading days count, and which of them a version carries."""

from datetime import date, timedelta

import pytest

from pipelines.lake import Report
from pipelines.refresh.report import report
from pipelines.refresh.trading_days import around, trading_days
from pipelines.universe import SWEDEN, Universe
from tests.factories import stock
from tests.integrity import FRIDAY, MONDAY, lake


@pytest.mark.parametrize(
    ("market", "open_"),
    [
        ("stockholmsborsen", [21, 22, 23, 28, 29, 30]),
        ("first_north", [21, 22, 23, 28, 29, 30]),
        ("helsinki", [21, 22, 23, 28, 29, 30]),
        ("copenhagen", [21, 22, 23, 28, 29, 30]),
        ("oslo", [21, 22, 23, 28, 29, 30]),
        ("sp500", [21, 22, 23, 24, 28, 29, 30, 31]),
        ("somewhere", [21, 22, 23, 28, 29, 30]),
    ],
)
def test_trading_days_of_a_market(market: str, open_: list[int]) -> None:
    found = trading_days(market, date(2026, 12, 21), date(2026, 12, 31))
    assert found == [date(2026, 12, day) for day in open_]


def test_a_range_without_trading_days() -> None:
    assert trading_days("oslo", date(2026, 11, 21), date(2026, 11, 22)) == []


@pytest.mark.parametrize(
    ("markets", "status", "text"),
    [
        (("stockholmsborsen", "first_north"), "ok", "XSTO"),
        (("sp500",), "ok", "XNYS"),
        (("moon",), "warning", "XSTO; no exchange is known for moon, XSTO is assumed"),
        (("oslo", "helsinki"), "ok", "XOSL; the universe is also on XHEL"),
    ],
)
def test_whose_trading_days_count(markets: tuple[str, ...], status: str, text: str) -> None:
    universe = Universe(name="u", markets=markets, currency="SEK")
    days = around(markets, MONDAY)
    found = report(lake([stock("A")]), as_of=FRIDAY, universe=universe, calendar=days)
    check = found.checks[0]
    assert (check.name, check.status) == ("calendar", status)
    assert check.message == f"age is counted in trading days of {text}"
    assert list(found.calendar) == days
    assert found.exchange == text[:4]
    assert len(days) == 290
    assert days == sorted(days)
    assert days[29] == MONDAY


def test_the_calendar_is_kept_while_it_reaches_a_year_ahead() -> None:
    def kept(days: list[date]) -> Report:
        return report(lake([stock("A")]), as_of=FRIDAY, universe=SWEDEN, calendar=days)

    first = around(SWEDEN.markets, MONDAY)
    same, later = (
        around(SWEDEN.markets, MONDAY + timedelta(days=days), kept(first)) for days in (7, 14)
    )
    assert same == first
    assert later != first
    assert len(later) == 290
    assert around(["oslo"], MONDAY, kept(first)) == around(["oslo"], MONDAY) != first
