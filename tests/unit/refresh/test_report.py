"""Coverage, the newest day, orphans and identities in the integrity report."""

import subprocess
import sys
from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from pipelines.refresh.report import report
from pipelines.universe import SWEDEN
from tests.factories import Row, snapshot, statement, stock
from tests.integrity import FRIDAY, MONDAY, WEEKDAYS, checks, lake, value, week

# ---------------------------------------------------------------------------------- coverage


@pytest.mark.parametrize(
    ("silent", "status"), [(0, "ok"), (1, "ok"), (2, "warning"), (3, "critical")]
)
def test_price_coverage_is_the_share_with_a_close_in_the_week(silent: int, status: str) -> None:
    names = [f"S{n}" for n in range(10)]
    old = week(*names[:silent], day=FRIDAY - timedelta(days=7))
    fresh = week(*names[silent:], day=FRIDAY - timedelta(days=6)) + week(names[-1])
    check = checks(lake([stock(n) for n in names], old + fresh))["price_coverage"]
    assert check.status == status
    assert value(check)["share"] == 1 - silent / 10
    missing = [{"ticker": n, "newest_date": "2026-11-13"} for n in names[:silent]]
    assert value(check)["missing"] == missing


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
    assert check.message.startswith("2 of 4 stocks have a close in the week to 2026-11-20")
    assert [m["ticker"] for m in value(check)["missing"]] == ["NEVER", "LEFT"]


def test_no_stocks_at_all_is_critical_not_a_fault() -> None:
    found = checks(lake([stock("OSLO", market="oslo")]))
    assert found["price_coverage"].status == "critical"
    assert found["fundamentals_coverage"].status == "critical"
    assert {found[c].status for c in ("outliers", "splits", "ratios", "isins")} == {"ok"}


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
    assert check.message.startswith(f"{covered} of 1 stocks that trade")


def test_fundamentals_that_became_known_after_the_newest_close_are_told_of() -> None:
    late, old = ("2025-12-31", "2026-11-21"), ("2024-12-31", "2025-11-19")
    rows = [statement("LATE", *late), statement("OLD", *old), statement("BOTH", *late)]
    rows.append(statement("BOTH", "2025-12-31", "2026-03-01"))
    made = lake([stock(t) for t in ("LATE", "OLD", "BOTH")], week("LATE", "OLD", "BOTH"), rows)
    assert checks(made)["fundamentals_coverage"].message == (
        "1 of 3 stocks that trade have fundamentals younger than 12 months (33.3%); those of 1 "
        "became known after 2026-11-20, the day of the newest close, and do not count on it"
    )


@pytest.mark.parametrize(("having", "status"), [(8, "ok"), (7, "warning"), (4, "critical")])
def test_fundamentals_coverage(having: int, status: str) -> None:
    names = [f"S{n}" for n in range(10)]
    rows = [snapshot(n, "2026-11-01", pe=10.0) for n in names[:having]]
    check = checks(lake([stock(n) for n in names], week(*names), rows))["fundamentals_coverage"]
    assert check.status == status
    assert [m["ticker"] for m in value(check)["missing"]] == names[having:]


def test_a_stray_close_does_not_make_the_data_look_fresh() -> None:
    names = [f"S{n}" for n in range(3)]
    made = lake([stock(n) for n in names], week(*names) + week("S0", day=MONDAY))
    found = report(made, as_of=MONDAY, universe=SWEDEN, calendar=WEEKDAYS)
    newest = next(c for c in found.checks if c.name == "newest_day")
    assert found.as_of == MONDAY
    assert found.priced_to == FRIDAY
    assert newest.status == "warning"
    assert newest.message == (
        "1 of 3 stocks that trade have a close on 2026-11-23; most have one on 2026-11-20"
    )


def test_half_of_the_stocks_make_a_day() -> None:
    names = [f"S{n}" for n in range(4)]
    made = lake([stock(n) for n in names], week(*names) + week("S0", "S1", day=MONDAY))
    assert checks(made, as_of=MONDAY)["newest_day"].value == {"date": "2026-11-23"}


def over(names: list[str], days: Sequence[date]) -> list[Row]:
    return [row for day in days for row in week(*names, day=day)]


def test_a_hole_of_five_trading_days_is_a_warning_that_names_them() -> None:
    names = [f"S{n}" for n in range(20)]
    days = [day for day in WEEKDAYS if day <= FRIDAY]  # from 2026-11-02 on
    hole = days[3:8]
    prices = over(names, [day for day in days if day not in hole]) + over(names[:1], hole[:1])
    check = checks(lake([stock(n) for n in names], prices))["missing_days"]
    assert (check.status, value(check)["count"]) == ("warning", 5)
    assert check.message == (
        "5 trading days of late, after which there are others, have hardly any close: 2026-11-05, "
        "2026-11-06, 2026-11-09, 2026-11-10, 2026-11-11; check the feed of the database, or "
        "whether the exchange was closed"
    )


@pytest.mark.parametrize(
    ("days", "missing"),
    [
        ([0, 1, 2, 4], ["2026-11-05"]),
        ([4, 5, 6], []),  # nothing is known of before the first close
        ([0, 5, 10], []),  # one of five is no daily source
        ([0, 1, 4], ["2026-11-04", "2026-11-05"]),
        ([0, 1, 2], []),  # what is not there yet is a matter of the age
        ([], []),
    ],
)
def test_days_are_missing_between_others(days: list[int], missing: list[str]) -> None:
    made = lake([stock("A")], over(["A"], [WEEKDAYS[n] for n in days]))
    check = checks(made, as_of=WEEKDAYS[max(days, default=0)])["missing_days"]
    assert value(check) == {"count": len(missing), "days": missing}
    assert check.status == ("warning" if missing else "ok")


def test_some_closes_on_a_day_when_only_another_exchange_was_open_are_enough() -> None:
    names = [f"S{n}" for n in range(20)]
    days = WEEKDAYS[:3]
    prices = over(names, [days[0], days[2]]) + over(names[:2], days[1:2])
    made = lake([stock(n) for n in names], prices)
    assert checks(made, as_of=days[2])["missing_days"].status == "ok"


# ------------------------------------------------------------------------------- identities


def test_orphans_have_prices_but_no_stock() -> None:
    prices = week("A", "LOST") + week("OLD", day=FRIDAY - timedelta(days=30))
    check = checks(lake([stock("A")], prices))["orphans"]
    assert check.status == "warning"
    assert (
        check.message == "tickers with prices that are not in stocks: 2, of which LOST still trade"
    )
    assert value(check)["cases"] == [
        {"ticker": "LOST", "newest_date": "2026-11-20"},
        {"ticker": "OLD", "newest_date": "2026-10-21"},
    ]


def test_an_orphan_that_no_longer_trades_is_no_warning() -> None:
    prices = week("A") + week("OLD", day=FRIDAY - timedelta(days=30))
    check = checks(lake([stock("A"), stock("O", market="oslo")], prices))["orphans"]
    assert (check.status, value(check)["count"]) == ("ok", 1)


def test_an_isin_of_two_tickers_is_a_warning_where_one_is_ranked() -> None:
    one, other = "SE0000115446", "SE0000108656"
    isins = {"OLD": one, "NEW": one, "A": other, "B": None, "C": None, "D": "", "E": ""}
    made = lake([stock(t, isin=isin) for t, isin in isins.items()])
    check = checks(made)["isins"]
    assert check.status == "ok"
    assert check.value == {"count": 1, "cases": [{"isin": one, "tickers": ["NEW", "OLD"]}]}
    made = lake([stock(t, isin=isin) for t, isin in isins.items()], NEW=1, A=2)
    check = checks(made)["isins"]
    assert check.status == "warning"
    assert check.message == (
        "ISINs of more than one ticker: 1; of each one ticker is ranked at most: NEW"
    )


@pytest.mark.parametrize(
    ("markets", "status", "message"),
    [
        (["Stockholmsbörsen", "First North"], "ok", "none"),
        (["oslo", "oslo", "helsinki", None], "ok", "oslo (2), none (1), helsinki (1)"),
        (["stockholmsborsn"], "warning",
         "stockholmsborsn (1); stockholmsborsn may be one of it in another spelling"),
    ],
)  # fmt: skip
def test_markets_outside_the_universe_are_named(
    markets: list[str | None], status: str, message: str
) -> None:
    listed = [stock(f"T{n}", market=market) for n, market in enumerate(markets)]
    fund = stock("FUND", market="nasdaq", stock_type="etf_certificate")
    check = checks(lake([*listed, fund]))["markets"]
    assert check.status == status
    assert check.message == f"markets that are not in the universe sweden: {message}"


def test_sectors_that_sound_financial_and_do_not_count_are_named() -> None:
    sectors = {"A": "Finans & Fastighet", "B": "Banks", "C": "Investment Banking", "D": "Industri",
               "E": None, "F": "Investmentbolag"}  # fmt: skip
    listed = [stock(t, sector=sector) for t, sector in sectors.items()]
    check = checks(lake(listed, B=1, D=2))["sectors"]
    assert check.status == "ok"
    assert [c["sector"] for c in value(check)["cases"]] == [
        "Finans & Fastighet", "Investment Banking",
    ]  # fmt: skip
    check = checks(lake(listed, A=1))["sectors"]
    assert (check.status, check.message) == (
        "warning",
        "sectors that sound financial and do not count as such: 2, of ranked stocks Finans & "
        "Fastighet",
    )


def test_a_report_with_a_kept_calendar_needs_no_calendar_library() -> None:
    code = (
        "import sys, pipelines.refresh.report; "
        "sys.exit(any(m in sys.modules for m in ('pandas', 'exchange_calendars')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
