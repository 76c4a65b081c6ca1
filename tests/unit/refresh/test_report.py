import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from pipelines.lake.freshness import age, calendar_of, freshness, quick, verdict
from pipelines.refresh import report as integrity
from pipelines.refresh.report import calendar, report, trading_days
from pipelines.universe import SWEDEN, Universe
from tests.factories import FrameLake, Row, closes, frame_lake, snapshot, statement, stock

FRIDAY = date(2026, 11, 20)
MONDAY = date(2026, 11, 23)
WEEKDAYS = [day for n in range(500) if (day := date(2026, 11, 2) + timedelta(days=n)).weekday() < 5]
MISSING = "0 of 1 stocks that trade have fundamentals younger than 12 months (0.0%)"


def lake(
    stocks: Sequence[Row],
    prices: Sequence[Row] = (),
    fundamentals: Sequence[Row] = (),
    **ranks: int,
) -> FrameLake:
    """A lake whose rankings are the ranks of the named tickers; the others have none."""
    made = frame_lake(stocks, prices, fundamentals)
    rows = {
        "ticker": [s["ticker"] for s in stocks],
        "rank": [ranks.get(s["ticker"]) for s in stocks],
    }
    made.datasets["rankings"] = pl.DataFrame(rows, schema={"ticker": pl.String, "rank": pl.UInt32})
    return made


def checks(
    made: FrameLake, *, as_of: date = FRIDAY, universe: Universe = SWEDEN
) -> dict[str, dict[str, Any]]:
    found = report(made, as_of=as_of, universe=universe, calendar=WEEKDAYS)
    return {check["name"]: check for check in found["checks"]}


def week(*tickers: str, day: date = FRIDAY, close: float = 10.0) -> list[Row]:
    return [row for t in tickers for row in closes(t, {day.isoformat(): close})]


# ---------------------------------------------------------------------------------- coverage


@pytest.mark.parametrize(
    ("silent", "status"), [(0, "ok"), (1, "ok"), (2, "warning"), (3, "critical")]
)
def test_price_coverage_is_the_share_with_a_close_in_the_week(silent: int, status: str) -> None:
    names = [f"S{n}" for n in range(10)]
    old = week(*names[:silent], day=FRIDAY - timedelta(days=7))
    fresh = week(*names[silent:], day=FRIDAY - timedelta(days=6)) + week(names[-1])
    check = checks(lake([stock(n) for n in names], old + fresh))["price_coverage"]
    assert check["status"] == status
    assert check["value"]["share"] == 1 - silent / 10
    missing = [{"ticker": n, "newest_date": "2026-11-13"} for n in names[:silent]]
    assert check["value"]["missing"] == missing


def test_who_counts_for_price_coverage() -> None:
    stocks = [
        stock("HERE"),
        stock("RECEIPT", stock_type="SDB", market="first_north"),
        stock("NEVER"),
        stock("GONE"),
        stock("LEFT"),
        stock("FUND", stock_type="etf_certificate"),
        stock("ABROAD", market="oslo"),
        stock("NOWHERE", market=None),
    ]
    prices = week("HERE", "RECEIPT") + week("GONE", day=FRIDAY - timedelta(days=401))
    prices += week("LEFT", day=FRIDAY - timedelta(days=400))
    check = checks(lake(stocks, prices))["price_coverage"]
    assert check["message"].startswith("2 of 4 stocks have a close in the week to 2026-11-20")
    assert [m["ticker"] for m in check["value"]["missing"]] == ["NEVER", "LEFT"]


def test_no_stocks_at_all_is_critical_not_a_fault() -> None:
    found = checks(lake([stock("OSLO", market="oslo")]))
    assert found["price_coverage"]["status"] == "critical"
    assert found["fundamentals_coverage"]["status"] == "critical"
    assert {found[c]["status"] for c in ("outliers", "splits", "ratios", "isins")} == {"ok"}


@pytest.mark.parametrize(
    ("known", "covered"),
    [("2025-11-20", 1), ("2025-11-19", 0), ("2026-11-20", 1), ("2026-11-21", 0)],
)
def test_fundamentals_count_for_twelve_months_from_when_they_are_known(
    known: str, covered: int
) -> None:
    rows = [statement("A", "2025-06-30", known), statement("SILENT", "2025-06-30", "2026-03-01")]
    made = lake([stock("A"), stock("SILENT")], week("A"), rows)
    check = checks(made)["fundamentals_coverage"]
    assert check["message"].startswith(f"{covered} of 1 stocks that trade")


@pytest.mark.parametrize(("having", "status"), [(8, "ok"), (7, "warning"), (4, "critical")])
def test_fundamentals_coverage(having: int, status: str) -> None:
    names = [f"S{n}" for n in range(10)]
    rows = [snapshot(n, "2026-11-01", pe=10.0) for n in names[:having]]
    check = checks(lake([stock(n) for n in names], week(*names), rows))["fundamentals_coverage"]
    assert check["status"] == status
    assert [m["ticker"] for m in check["value"]["missing"]] == names[having:]


def test_a_stray_close_does_not_make_the_data_look_fresh() -> None:
    names = [f"S{n}" for n in range(3)]
    made = lake([stock(n) for n in names], week(*names) + week("S0", day=MONDAY))
    found = report(made, as_of=MONDAY, universe=SWEDEN, calendar=WEEKDAYS)
    newest = next(c for c in found["checks"] if c["name"] == "newest_day")
    assert found["as_of"] == "2026-11-23"
    assert found["priced_to"] == "2026-11-20"
    assert newest["status"] == "warning"
    assert newest["message"] == (
        "1 of 3 stocks that trade have a close on 2026-11-23; most have one on 2026-11-20"
    )


def test_half_of_the_stocks_make_a_day() -> None:
    names = [f"S{n}" for n in range(4)]
    made = lake([stock(n) for n in names], week(*names) + week("S0", "S1", day=MONDAY))
    assert checks(made, as_of=MONDAY)["newest_day"]["value"] == {"date": "2026-11-23"}


# ---------------------------------------------------------------------------------- outliers


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (100.0, 160.0, None),
        (100.0, 161.0, "outliers"),
        (100.0, 40.0, None),
        (100.0, 39.0, "outliers"),
        (100.0, 200.0, "splits"),
        (100.0, 205.9, "splits"),
        (100.0, 206.2, "outliers"),
        (100.0, 50.0, "splits"),
        (100.0, 51.4, "splits"),
        (100.0, 51.6, None),
        (100.0, 25.5, "splits"),
        (10.0, 200.0, "splits"),
        (200.0, 10.0, "splits"),
        (10.0, 60.0, "outliers"),
        (100.0, 10000.0, "outliers"),
    ],
)
def test_what_is_an_outlier_and_what_a_split(before: float, after: float, kind: str | None) -> None:
    prices = closes("A", {"2026-11-18": before, "2026-11-19": after, "2026-11-20": after})
    found = checks(lake([stock("A")], prices, A=3))
    assert [n for n in ("outliers", "splits") if found[n]["value"]["count"]] == [kind] * bool(kind)
    if kind:
        assert found[kind]["status"] == "warning"
        assert found[kind]["value"]["cases"] == [
            {"ticker": "A", "from_date": "2026-11-18", "date": "2026-11-19",
             "from": pytest.approx(before), "to": pytest.approx(after), "rank": 3}
        ]  # fmt: skip


def test_moves_are_between_consecutive_closes_of_one_ticker() -> None:
    prices = closes("A", {"2026-11-18": 10.0, "2026-11-20": 10.0})
    prices += closes("B", {"2026-11-19": 1000.0, "2026-11-20": 1700.0})
    made = lake([stock("A"), stock("B")], prices[::-1])
    cases = checks(made)["outliers"]["value"]["cases"]
    assert [(c["ticker"], c["from"], c["to"]) for c in cases] == [("B", 1000.0, 1700.0)]


def test_only_moves_of_the_window_and_the_markets_count() -> None:
    day = FRIDAY - timedelta(days=401)
    prices = week("A", day=day, close=1.0) + week("A", day=day + timedelta(days=1))
    prices += week("A") + closes("O", {"2026-11-19": 1.0, "2026-11-20": 9.0})
    found = checks(lake([stock("A"), stock("O", market="oslo")], prices))
    assert found["outliers"]["value"]["count"] == 0


def test_an_outlier_warns_only_if_someone_may_buy_on_it() -> None:
    prices = closes("A", {"2026-11-19": 1.0, "2026-11-20": 9.0})
    check = checks(lake([stock("A")], prices))["outliers"]
    assert check["status"] == "ok"
    assert check["message"] == (
        "closes that moved more than 60% in a day: 1 in 400 days, none of a ranked stock"
    )


def test_outliers_of_the_best_ranks_come_first_and_fifty_are_listed() -> None:
    names = [f"S{n:02}" for n in range(60)]
    days = [FRIDAY - timedelta(days=5 * n) for n in range(61)]
    prices = [
        row for n, name in enumerate(names)
        for row in week(name, day=days[n + 1]) + week(name, day=days[n], close=90.0)
    ]  # fmt: skip
    check = checks(lake([stock(n) for n in names], prices, S59=2, S58=1))["outliers"]
    assert check["status"] == "warning"
    assert check["message"].endswith("of ranked stocks those of S58, S59")
    assert check["value"]["count"] == 60
    listed = [case["ticker"] for case in check["value"]["cases"]]
    assert len(listed) == 50
    assert listed[:4] == ["S58", "S59", "S00", "S01"]


@pytest.mark.parametrize(("together", "status"), [(4, "ok"), (5, "critical")])
def test_many_moves_on_one_day_are_a_fault_of_the_feed(together: int, status: str) -> None:
    names = [f"S{n}" for n in range(together)]
    prices = week(*names, day=FRIDAY - timedelta(days=1)) + week(*names, close=1000.0)
    check = checks(lake([stock(n) for n in names], prices))["outliers"]
    assert check["status"] == status
    assert check["value"]["count"] == together


def test_stocks_are_searched_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"S{n}" for n in range(5)]
    prices = week(*names, day=FRIDAY - timedelta(days=1)) + week("S1", "S2", "S4", close=90.0)
    made = lake([stock(n) for n in names], prices, S4=1)
    whole = checks(made)
    monkeypatch.setattr(integrity, "AT_A_TIME", 2)
    assert checks(made) == whole
    assert [c["ticker"] for c in whole["outliers"]["value"]["cases"]] == ["S4", "S1", "S2"]


# ------------------------------------------------------------------------------------ ratios


@pytest.mark.parametrize(
    ("before", "after", "count"),
    [
        (10.0, 9999.0, 0),
        (10.0, 10000.0, 1),
        (10.0, -10000.0, 1),
        (10000.0, 10.0, 1),
        (0.0, 10000.0, 0),
        (10000.0, 0.0, 0),
    ],
)
def test_a_ratio_jumps_three_orders_of_magnitude(before: float, after: float, count: int) -> None:
    rows = [
        snapshot("A", "2026-10-01", ev_ebitda=before),
        snapshot("A", "2026-11-01", ev_ebitda=after),
    ]
    check = checks(lake([stock("A")], week("A"), rows, A=7))["ratios"]
    assert check["value"]["count"] == count
    case = {"ticker": "A", "known_from": "2026-11-01", "ratio": "ev_ebitda", "from": before,
            "to": after, "rank": 7}  # fmt: skip
    assert check["value"]["cases"] == [case] * count
    assert check["status"] == ("warning" if count else "ok")


def test_the_row_before_is_the_last_that_has_the_ratio() -> None:
    rows = [
        snapshot("A", "2026-09-01", number=1, pe=10.0, roe=0.1),
        snapshot("A", "2026-10-01", number=2, pe=None, roe=0.0001),
        snapshot("A", "2026-11-01", number=3, pe=20000.0, roe=0.1),
        snapshot("B", "2026-11-02", number=4, pe=0.001),
    ]
    check = checks(lake([stock("A"), stock("B")], week("A", "B"), rows))["ratios"]
    assert {(c["ticker"], c["ratio"], c["from"], c["to"]) for c in check["value"]["cases"]} == {
        ("A", "pe", 10.0, 20000.0),
        ("A", "roe", 0.1, 0.0001),
        ("A", "roe", 0.0001, 0.1),
    }


@pytest.mark.parametrize(("days", "count"), [(400, 1), (401, 0)])
def test_only_jumps_of_the_window_count(days: int, count: int) -> None:
    jump = (FRIDAY - timedelta(days=days)).isoformat()
    rows = [snapshot("A", "2025-03-01", pe=1.0), snapshot("A", jump, pe=2000.0)]
    check = checks(lake([stock("A")], week("A"), rows))["ratios"]
    assert check["value"]["count"] == count


def test_a_stock_has_the_best_rank_of_all_strategies() -> None:
    made = lake([stock("A")], closes("A", {"2026-11-19": 1.0, "2026-11-20": 9.0}))
    ranks = {"ticker": ["A", "A", "A"], "rank": [30, 4, None]}
    made.datasets["rankings"] = pl.DataFrame(ranks)
    assert checks(made)["outliers"]["value"]["cases"][0]["rank"] == 4


# ------------------------------------------------------------------------------- identities


def test_orphans_have_prices_but_no_stock() -> None:
    prices = week("A", "LOST") + week("OLD", day=FRIDAY - timedelta(days=30))
    check = checks(lake([stock("A")], prices))["orphans"]
    assert check["status"] == "warning"
    assert (
        check["message"]
        == "tickers with prices that are not in stocks: 2, of which LOST still trade"
    )
    assert check["value"]["cases"] == [
        {"ticker": "LOST", "newest_date": "2026-11-20"},
        {"ticker": "OLD", "newest_date": "2026-10-21"},
    ]


def test_an_orphan_that_no_longer_trades_is_no_warning() -> None:
    prices = week("A") + week("OLD", day=FRIDAY - timedelta(days=30))
    check = checks(lake([stock("A"), stock("O", market="oslo")], prices))["orphans"]
    assert (check["status"], check["value"]["count"]) == ("ok", 1)


def test_an_isin_of_two_tickers_is_information() -> None:
    isins = {"OLD": "SE1", "NEW": "SE1", "A": "SE2", "B": None, "C": None, "D": "", "E": ""}
    check = checks(lake([stock(t, isin=isin) for t, isin in isins.items()]))["isins"]
    assert check["status"] == "ok"
    assert check["value"] == {"count": 1, "cases": [{"isin": "SE1", "tickers": ["NEW", "OLD"]}]}


# ---------------------------------------------------------------------------------- calendar


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
    days = calendar(universe, MONDAY)
    found = report(lake([stock("A")]), as_of=FRIDAY, universe=universe, calendar=days)
    check = found["checks"][0]
    assert (check["name"], check["status"]) == ("calendar", status)
    assert check["message"] == f"age is counted in trading days of {text}"
    assert calendar_of(found) == days
    assert found["exchange"] == text[:4]
    assert len(days) == 270
    assert days == sorted(days)
    assert days[9] == MONDAY


def test_the_calendar_is_kept_while_it_reaches_a_year_ahead() -> None:
    def kept(days: list[date]) -> dict[str, Any]:
        return report(lake([stock("A")]), as_of=FRIDAY, universe=SWEDEN, calendar=days)

    first = calendar(SWEDEN, MONDAY)
    same, later = (calendar(SWEDEN, MONDAY + timedelta(days=days), kept(first)) for days in (7, 14))
    assert same == first
    assert later != first
    assert len(later) == 270
    elsewhere = Universe(name="u", markets=("oslo",), currency="NOK")
    assert calendar(elsewhere, MONDAY, kept(first)) == calendar(elsewhere, MONDAY) != first


# --------------------------------------------------------------------------------- freshness


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


def healthy() -> dict[str, Any]:
    made = lake([stock("A")], week("A"), [snapshot("A", "2026-11-01", pe=10.0)])
    return report(made, as_of=FRIDAY, universe=SWEDEN, calendar=WEEKDAYS)


def test_the_report_survives_json() -> None:
    found = healthy()
    assert json.loads(json.dumps(found, allow_nan=False)) == found


@pytest.mark.parametrize(
    ("now", "status", "safe"),
    [
        (FRIDAY, "OK", True),
        (MONDAY, "OK", True),
        (date(2026, 11, 24), "WARNING", True),
        (date(2026, 12, 1), "CRITICAL", False),
    ],
)
def test_a_verdict_ages_with_the_day(now: date, status: str, *, safe: bool) -> None:
    found = verdict(healthy(), now)
    assert (found["status"], found["safe_to_trade"]) == (status, safe)
    assert len(found["issues"]) == (status == "CRITICAL")
    assert len(found["warnings"]) == (status == "WARNING")
    assert {"status", "recommendation", "checked_at", "checks", "issues", "warnings",
            "safe_to_trade"} == found.keys()  # fmt: skip
    assert found["checks"][0]["name"] == "freshness"


def test_freshness_of_a_version() -> None:
    assert freshness(healthy(), MONDAY).label == "fresh"
    assert verdict(healthy(), MONDAY)["checks"][0]["message"] == (
        "closes are of 2026-11-20, 1 trading day of XSTO ago"
    )


def test_a_check_that_is_critical_forbids_trading_on_fresh_data() -> None:
    found = report(lake([stock("A")], week("A")), as_of=FRIDAY, universe=SWEDEN, calendar=WEEKDAYS)
    assert quick(found, MONDAY) == {
        "safe_to_trade": False,
        "status": "CRITICAL",
        "recommendation": "do not trade on these rankings; mend the data, then refresh",
        "critical_issues": [{"type": "fundamentals_coverage", "message": MISSING}],
        "warning_count": 0,
    }


def test_no_day_with_prices_is_no_data() -> None:
    found = report(lake([stock("A")]), as_of=FRIDAY, universe=SWEDEN, calendar=WEEKDAYS)
    assert found["priced_to"] is None
    assert freshness(found, MONDAY).label == "no_data"
    assert "freshness" in [issue["type"] for issue in verdict(found, MONDAY)["issues"]]


def test_a_clock_that_went_back_is_told() -> None:
    found = verdict(healthy(), date(2026, 11, 10))
    assert found["status"] == "WARNING"
    assert found["warnings"][0]["message"].endswith("the clock says 2026-11-10, which is before")


def test_freshness_needs_no_library() -> None:
    code = (
        "import sys, pipelines.lake.freshness; "
        "sys.exit(any(m in sys.modules for m in ('polars', 'pandas', 'exchange_calendars')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_report_with_a_kept_calendar_needs_no_calendar_library() -> None:
    code = (
        "import sys, pipelines.refresh.report; "
        "sys.exit(any(m in sys.modules for m in ('pandas', 'exchange_calendars')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
