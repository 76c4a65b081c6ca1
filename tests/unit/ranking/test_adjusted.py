"""Closes adjusted for splits, in rows that are written out."""

from datetime import date, timedelta

import pytest

from pipelines.ranking.adjusted import adjusted_closes, applied_splits
from pipelines.ranking.known import cross_section, price_return
from pipelines.ranking.rank import rankings
from pipelines.universe import SWEDEN
from tests.factories import FrameLake, Row, closes, frame_lake, statement, stock

D = date(2024, 5, 31)
# Raw around a 2:1 in 2023, a reverse 1:10 in 2024; a 3:1 is in the prices.
RAW = {"2023-05-31": 80.0, "2023-06-09": 81.0, "2023-06-12": 40.0,
       "2023-11-28": 40.0, "2023-11-30": 40.0,
       "2024-02-29": 50.0, "2024-03-01": 500.0, "2024-05-31": 600.0,
       "2024-06-03": 590.0}  # fmt: skip
SPLITS: list[Row] = [
    {"ticker": "A", "date": date(2023, 6, 12), "ratio": 2.0},
    {"ticker": "A", "date": date(2023, 12, 1), "ratio": 3.0},
    {"ticker": "A", "date": date(2024, 3, 1), "ratio": 0.1},
]


def lake(prices: dict[str, float], splits: list[Row] | None = SPLITS) -> FrameLake:
    listed = [stock("A", market_cap_msek=1180.0), stock("B")]
    other = closes("B", {"2023-05-31": 5.0, "2024-05-31": 6.0})
    return frame_lake(listed, [*closes("A", prices), *other], splits=splits)


def test_bases_are_on_the_scale_of_the_date() -> None:
    frame = cross_section(lake(RAW), as_of=D).filter(ticker="A").collect()
    shown = ["close", "base_close_3m", "base_close_6m", "base_close_12m"]
    assert frame.select(shown).row(0) == (600.0, 500.0, 400.0, 400.0)
    assert frame.select("return_3m", "return_6m").row(0) == (600 / 500 - 1, 0.5)
    assert frame["return_12m"].item() == 0.5


def test_a_split_counts_from_its_first_close_on_and_never_before() -> None:
    def at(day: date) -> tuple[float, ...]:
        frame = cross_section(lake(RAW), as_of=day).filter(ticker="A").collect()
        return frame.select("close", "base_close_3m", "base_close_6m").row(0)

    assert at(date(2024, 2, 29)) == (50.0, 40.0, None)
    assert at(date(2024, 3, 1)) == (500.0, 400.0, None)


def test_the_cap_of_today_is_brought_back_over_later_splits() -> None:
    def cap(day: date, *, splits: list[Row] | None = SPLITS) -> float:
        frame = cross_section(lake(RAW, splits), as_of=day).filter(ticker="A").collect()
        assert frame["market_cap_source"].item() == "price_scaled"
        return float(frame["market_cap_msek"].item())

    assert cap(D) == 1200.0
    assert cap(date(2024, 2, 29)) == 1000.0
    assert cap(date(2023, 6, 9)) == pytest.approx(810.0, rel=1e-15)
    # Without the splits the price jumps on the next day, and no ratio holds over that.
    assert cap(date(2024, 2, 29), splits=None) == 1180.0
    assert cap(D, splits=None) == 1200.0


def test_without_applied_splits_nothing_changes() -> None:
    plain = cross_section(lake(RAW, None), as_of=D).collect().sort("ticker")
    for splits in ([], [SPLITS[1]], [SPLITS[0] | {"ticker": "X"}]):
        assert cross_section(lake(RAW, splits), as_of=D).collect().sort("ticker").equals(plain)


def test_closes_of_a_chart_are_on_the_scale_of_its_last_day() -> None:
    made = lake(RAW)
    rows = adjusted_closes(made.prices(until=D), applied_splits(made), D).filter(ticker="A")
    assert rows.sort("date").collect()["close"].to_list() == [
        400.0, 405.0, 400.0, 400.0, 400.0, 500.0, 500.0, 600.0
    ]  # fmt: skip
    before = date(2024, 2, 29)
    rows = adjusted_closes(made.prices(until=before), applied_splits(made), before)
    assert rows.filter(ticker="A").sort("date").collect()["close"].to_list() == [
        40.0, 40.5, 40.0, 40.0, 40.0, 50.0
    ]  # fmt: skip


def test_a_price_return_goes_over_a_split() -> None:
    made = lake({"2024-04-30": 100.0, "2024-05-02": 50.0, "2024-05-31": 75.0},
                [{"ticker": "A", "date": date(2024, 5, 2), "ratio": 2.0}])  # fmt: skip
    plan = price_return(made.prices(), applied_splits(made), as_of=D, months=1)
    assert plan.filter(ticker="A").collect()["return_1m"].item() == 0.5


def test_a_jump_that_a_known_split_explains_makes_nobody_suspect() -> None:
    prices = closes("A", {"2023-05-31": 90.0, "2023-11-30": 90.0, "2024-02-29": 90.0,
                          "2024-05-16": 93.0, "2024-05-17": 31.0, "2024-05-31": 36.0})  # fmt: skip
    split = {"ticker": "A", "date": date(2024, 5, 17), "ratio": 3.0}

    def ranked(*splits: Row) -> tuple[str | None, float]:
        made = frame_lake([stock("A")], prices, splits=splits)
        plan = rankings(made, as_of=D, universe=SWEDEN)
        rows = plan.filter(strategy="sammansatt_momentum").collect()
        return rows.select("excluded_by", "return_12m").row(0)

    assert ranked() == ("suspect_price", 36 / 90 - 1)
    assert ranked(split) == ("no_f_score", pytest.approx(0.2))
    assert ranked(split | {"date": date(2024, 5, 18)})[0] == "suspect_price"


@pytest.mark.parametrize(
    ("before", "now", "rose"),
    [
        (100.0, 300.0, False),  # the split alone
        (100.0, 299.0, False),
        (100.0, 301.0, True),  # one share in three hundred is new
        (300.0, 300.0, False),  # the vendor adjusted the older report
        (300.0, 303.0, True),
        (100.0, 105.0, True),
        (0.1, 0.3, False),
    ],
)
def test_a_split_between_two_reports_issues_no_shares(
    before: float, now: float, *, rose: bool
) -> None:
    filed = [
        statement("A", "2022-12-31", "2023-03-31", shares_outstanding=before),
        statement("A", "2023-12-31", "2024-03-31", number=2, shares_outstanding=now),
    ]
    prices = closes("A", {"2024-05-31": 10.0})
    for day, counts in (("2023-01-01", True), ("2023-12-31", True), ("2022-12-31", False)):
        splits = [{"ticker": "A", "date": date.fromisoformat(day), "ratio": 3.0}]
        made = frame_lake([stock("A")], prices, filed, splits=splits)
        found = cross_section(made, as_of=D).collect()["shares_did_not_rise"].item()
        assert found is (not rose if counts else now <= before)


def test_two_splits_between_two_reports_count_together() -> None:
    filed = [
        statement("A", "2022-12-31", "2023-03-31", shares_outstanding=7e8),
        statement("A", "2023-12-31", "2024-03-31", number=2, shares_outstanding=4.2e9),
    ]
    splits = [
        {"ticker": "A", "date": date(2023, m, 1), "ratio": r} for m, r in ((2, 2.0), (5, 3.0))
    ]
    made = frame_lake([stock("A")], closes("A", {"2024-05-31": 10.0}), filed, splits=splits)
    assert cross_section(made, as_of=D).collect()["shares_did_not_rise"].item() is True


@pytest.mark.parametrize(
    ("before", "error"), [(100.0, 10.0), (50.0, 500.0)], ids=["raw", "adjusted"]
)
def test_an_error_just_before_a_split_keeps_a_stock_out_and_never_makes_a_rank(
    before: float, error: float
) -> None:
    """It turns the decision on the split, but the jumps around it do not revert."""
    split, end = date(2024, 3, 1), date(2025, 4, 30)
    days = [date(2023, 1, 2) + timedelta(days=n) for n in range(0, 850, 3)]
    by_day = {str(d): before if d < split else 50.0 for d in days if d <= end}
    by_day |= {"2024-02-29": error, str(split): 50.0}
    splits = [{"ticker": "A", "date": split, "ratio": 2.0}]
    made = frame_lake([stock("A", market_cap_msek=5e3)], closes("A", by_day), splits=splits)
    wrong = "in_prices" if before == 100.0 else "applied"
    assert made.splits().collect()["decision"].item() == wrong
    for day in ("2024-02-28", "2024-03-01", "2024-09-30", "2025-03-10", "2025-03-12", "2025-04-30"):
        plan = rankings(made, as_of=date.fromisoformat(day), universe=SWEDEN).collect()
        row = plan.filter(strategy="sammansatt_momentum").row(0, named=True)
        out = "2024-02-29" <= day < "2025-03-11"
        assert (row["excluded_by"] == "suspect_price") is out, day
        assert out or row["score"] == 0.0
