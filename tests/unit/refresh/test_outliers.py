"""Closes that moved far in a day, and ratios that jumped."""

from datetime import date, timedelta

import polars as pl
import pytest

from pipelines.lake import lake_schema
from pipelines.refresh import outliers
from pipelines.refresh.splits import decide
from tests.factories import closes, snapshot, stock
from tests.integrity import FRIDAY, RANKED, checks, lake, value, week

# ---------------------------------------------------------------------------------- outliers


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (100.0, 160.0, None),
        (100.0, 161.0, "outliers"),
        (100.0, 249.0, "outliers"),
        (100.0, 250.0, None),  # a jump, which has a check of its own
        (100.0, 40.1, None),
        (100.0, 39.0, None),
        (100.0, 200.0, "splits"),
        (100.0, 205.9, "splits"),
        (100.0, 206.2, "outliers"),
        (100.0, 50.0, "splits"),
        (100.0, 51.4, "splits"),
        (100.0, 51.6, None),
        (100.0, 25.5, None),
        (10.0, 200.0, None),
        (100.0, 10000.0, None),
    ],
)
def test_what_is_an_outlier_and_what_a_split(before: float, after: float, kind: str | None) -> None:
    prices = closes("A", {"2026-11-18": before, "2026-11-19": after, "2026-11-20": after})
    found = checks(lake([stock("A")], prices, A=3))
    assert [n for n in ("outliers", "splits") if value(found[n])["count"]] == [kind] * bool(kind)
    if kind:
        assert found[kind].status == "warning"
        assert value(found[kind])["cases"] == [
            {"ticker": "A", "from_date": "2026-11-18", "date": "2026-11-19",
             "from": pytest.approx(before), "to": pytest.approx(after), "rank": 3}
        ]  # fmt: skip


def test_a_move_that_a_known_split_explains_is_none() -> None:
    prices = closes("A", {"2026-11-18": 100.0, "2026-11-20": 50.0})
    made = lake([stock("A")], prices, A=3)
    for day, count in (("2026-11-19", 0), ("2026-11-18", 1)):
        known = pl.DataFrame(
            [{"ticker": "A", "date": date.fromisoformat(day), "ratio": 2.0}],
            schema=lake_schema("splits"),
        )
        made.datasets["splits"] = decide(known, made.prices())
        assert value(checks(made)["splits"])["count"] == count


def test_a_move_is_measured_on_the_scale_behind_an_applied_split() -> None:
    made = lake([stock("A")], closes("A", {"2026-11-18": 90.0, "2026-11-19": 50.0}), A=3)
    known = pl.DataFrame(
        [{"ticker": "A", "date": date(2026, 11, 19), "ratio": 3.0}], schema=lake_schema("splits")
    )
    made.datasets["splits"] = decide(known, made.prices())
    (case,) = value(checks(made)["outliers"])["cases"]
    assert (case["from"], case["to"]) == (30.0, 50.0)


def test_moves_are_between_consecutive_closes_of_one_ticker() -> None:
    prices = closes("A", {"2026-11-18": 10.0, "2026-11-20": 10.0})
    prices += closes("B", {"2026-11-19": 1000.0, "2026-11-20": 1700.0})
    made = lake([stock("A"), stock("B")], prices[::-1])
    cases = value(checks(made)["outliers"])["cases"]
    assert [(c["ticker"], c["from"], c["to"]) for c in cases] == [("B", 1000.0, 1700.0)]


def test_only_moves_of_the_window_and_the_markets_count() -> None:
    day = FRIDAY - timedelta(days=401)
    prices = week("A", day=day, close=6.0) + week("A", day=day + timedelta(days=1))
    prices += week("A") + closes("O", {"2026-11-19": 1.0, "2026-11-20": 1.7})
    found = checks(lake([stock("A"), stock("O", market="oslo")], prices))
    assert value(found["outliers"])["count"] == 0


def test_an_outlier_warns_only_if_someone_may_buy_on_it() -> None:
    prices = closes("A", {"2026-11-19": 1.0, "2026-11-20": 1.7})
    check = checks(lake([stock("A")], prices))["outliers"]
    assert check.status == "ok"
    assert check.message == (
        "closes that moved more than 60% in a day, short of a jump: 1 in 400 days, "
        "none of a ranked stock"
    )


def test_outliers_of_the_best_ranks_come_first_and_fifty_are_listed() -> None:
    names = [f"S{n:02}" for n in range(60)]
    days = [FRIDAY - timedelta(days=5 * n) for n in range(61)]
    prices = [
        row for n, name in enumerate(names)
        for row in week(name, day=days[n + 1]) + week(name, day=days[n], close=17.0)
    ]  # fmt: skip
    check = checks(lake([stock(n) for n in names], prices, S59=2, S58=1))["outliers"]
    assert check.status == "warning"
    assert check.message.endswith("of ranked stocks those of S58, S59")
    assert value(check)["count"] == 60
    listed = [case["ticker"] for case in value(check)["cases"]]
    assert len(listed) == 50
    assert listed[:4] == ["S58", "S59", "S00", "S01"]


@pytest.mark.parametrize(("together", "status"), [(4, "ok"), (5, "critical")])
def test_many_moves_on_one_day_are_a_fault_of_the_feed(together: int, status: str) -> None:
    names = [f"S{n}" for n in range(together)]
    for close, is_jump in ((17.0, False), (1000.0, True)):
        prices = week(*names, day=FRIDAY - timedelta(days=1)) + week(*names, close=close)
        check = checks(lake([stock(n) for n in names], prices))["outliers"]
        assert check.status == status
        assert value(check)["count"] == (0 if is_jump and status == "ok" else together)


def test_stocks_are_searched_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"S{n}" for n in range(5)]
    prices = week(*names, day=FRIDAY - timedelta(days=1)) + week("S1", "S2", "S4", close=17.0)
    made = lake([stock(n) for n in names], prices, S4=1)
    whole = checks(made)
    monkeypatch.setattr(outliers, "AT_A_TIME", 2)
    assert checks(made) == whole
    assert [c["ticker"] for c in value(whole["outliers"])["cases"]] == ["S4", "S1", "S2"]


# ------------------------------------------------------------------------------------ ratios


@pytest.mark.parametrize(
    ("before", "after", "count"),
    [
        (10.0, 9999.0, 0),
        (10.0, 10000.0, 1),
        (10.0, -10000.0, 1),
        (10000.0, 10.0, 1),
        (2416.1, 2.4161, 1),  # of which a thousand times is less than the first, rounded
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
    assert value(check)["count"] == count
    case = {"ticker": "A", "known_from": "2026-11-01", "ratio": "ev_ebitda", "from": before,
            "to": after, "rank": 7}  # fmt: skip
    assert value(check)["cases"] == [case] * count
    assert check.status == ("warning" if count else "ok")


def test_the_row_before_is_the_last_that_has_the_ratio() -> None:
    rows = [
        snapshot("A", "2026-09-01", number=1, pe=10.0, roe=0.1),
        snapshot("A", "2026-10-01", number=2, pe=None, roe=0.0001),
        snapshot("A", "2026-11-01", number=3, pe=20000.0, roe=0.1),
        snapshot("B", "2026-11-02", number=4, pe=0.001),
    ]
    check = checks(lake([stock("A"), stock("B")], week("A", "B"), rows))["ratios"]
    assert {(c["ticker"], c["ratio"], c["from"], c["to"]) for c in value(check)["cases"]} == {
        ("A", "pe", 10.0, 20000.0),
        ("A", "roe", 0.1, 0.0001),
        ("A", "roe", 0.0001, 0.1),
    }


@pytest.mark.parametrize(("days", "count"), [(400, 1), (401, 0)])
def test_only_jumps_of_the_window_count(days: int, count: int) -> None:
    jump = (FRIDAY - timedelta(days=days)).isoformat()
    rows = [snapshot("A", "2025-03-01", pe=1.0), snapshot("A", jump, pe=2000.0)]
    check = checks(lake([stock("A")], week("A"), rows))["ratios"]
    assert value(check)["count"] == count


def test_a_stock_has_the_best_rank_of_all_strategies() -> None:
    made = lake([stock("A")], closes("A", {"2026-11-19": 1.0, "2026-11-20": 1.7}))
    ranks = [{"ticker": "A", "rank": rank} for rank in (30, 4, None)]
    made.datasets["rankings"] = pl.DataFrame(ranks, schema=RANKED)
    assert value(checks(made)["outliers"])["cases"][0]["rank"] == 4
