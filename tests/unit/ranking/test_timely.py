"""Ratios brought from the price that they were made with to that of a date."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from pipelines.ranking.rank import rankings
from pipelines.ranking.timely import priced_on
from pipelines.universe import SWEDEN, TrustedJump
from tests.factories import Row, closes, frame_lake, snapshot, statement, stock

FETCHED = {"fetched_date": date(2024, 2, 1)}


@pytest.mark.parametrize(
    ("row", "day"),
    [
        (snapshot("A", "2024-03-04"), "2024-03-04"),
        (statement("A", "2023-12-31", "2024-03-30"), "2023-12-31"),
        (statement("A", "2023-12-31", "2024-02-01", **FETCHED), "2024-02-01"),
        (statement("A", "2023-12-31", "2024-02-01", **FETCHED, data_source="avanza"), "2024-02-01"),
        (statement("A", "2023-12-31", "2024-02-01", **FETCHED, data_source="Statements"),
         "2023-12-31"),
    ],
)  # fmt: skip
def test_the_day_whose_price_is_in_a_ratio(row: Row, day: str) -> None:
    lake = frame_lake([], [], [row])
    assert str(lake.fundamentals().select(priced_on()).collect().item()) == day


D, P = date(2024, 5, 31), "2024-03-04"
RATIOS = {"market_cap_ccy": 5e9, "pe": 10.0, "pb": 2.0, "ps": 4.0, "p_fcf": -8.0, "ev_ebitda": 6.0,
          "dividend_yield": 0.04, "roe": 0.2}  # fmt: skip


def brought(
    by_day: dict[str, float], *, trusted: tuple[TrustedJump, ...] = (), as_of: date = D
) -> dict[str, Any]:
    """The row of A, whose ratios are of the snapshot on P."""
    lake = frame_lake([stock("A")], closes("A", by_day), [snapshot("A", P, **RATIOS)])
    universe = replace(SWEDEN, trusted_jumps=trusted)
    frame = rankings(lake, as_of=as_of, universe=universe).collect(engine="streaming")
    return frame.filter(strategy="trendande_varde").row(0, named=True)


def test_what_depends_on_a_price_is_brought_to_that_of_the_date() -> None:
    row = brought({P: 80.0, "2024-05-31": 100.0})
    assert [row[name] for name in ("pe", "pb", "ps", "p_fcf")] == [12.5, 2.5, 5.0, -10.0]
    assert (row["dividend_yield"], row["market_cap_msek"]) == (0.032, 6250.0)
    assert (row["ev_ebitda"], row["roe"]) == (6.0, 0.2)
    assert row["market_cap_source"] == "reported"
    assert (row["multiples_as_of"], row["pe_reported"], row["dividend_yield_reported"]) == (
        D, 10.0, 0.04)  # fmt: skip


@pytest.mark.parametrize(
    ("by_day", "pe", "as_of"),
    [
        ({"2024-02-23": 80.0, "2024-05-21": 100.0}, 12.5, "2024-05-31"),  # ten days before each
        ({"2024-02-22": 80.0, "2024-05-31": 100.0}, 10.0, P),
        ({P: 80.0, "2024-05-20": 100.0}, 10.0, P),
        ({"2024-03-05": 80.0, "2024-05-31": 100.0}, 10.0, P),  # after the day of the price
        ({P: 80.0, "2024-05-31": 200.0}, 10.0, P),  # a jump in between
        ({"2024-02-28": 30.0, P: 80.0, "2024-05-31": 100.0}, 12.5, "2024-05-31"),  # and before
        ({P: 80.0, "2024-04-02": 8.0, "2024-04-03": 81.0, "2024-05-31": 100.0}, 12.5, "2024-05-31"),
        # The price in the ratio is of a run that reverted: the last good close before it counts.
        ({"2024-03-01": 50.0, P: 5.0, "2024-03-05": 51.0, "2024-05-31": 100.0}, 20.0, "2024-05-31"),
        ({"2024-02-20": 50.0, P: 5.0, "2024-03-05": 51.0, "2024-05-31": 100.0}, 10.0, P),
    ],
)
def test_when_a_multiple_is_brought(by_day: dict[str, float], pe: float, as_of: str) -> None:
    row = brought(by_day)
    assert (row["pe"], str(row["multiples_as_of"])) == (pe, as_of)


def test_before_a_run_reverts_its_jump_keeps_the_multiples_as_reported() -> None:
    days = {P: 80.0, "2024-04-02": 8.0, "2024-04-03": 81.0}
    then = brought(days, as_of=date(2024, 4, 2))
    assert (then["pe"], str(then["multiples_as_of"])) == (10.0, P)
    assert brought(days, as_of=date(2024, 4, 3))["pe"] == 10.125


def test_a_trusted_jump_counts_as_any_move() -> None:
    row = brought({P: 80.0, "2024-05-31": 200.0}, trusted=(TrustedJump(ticker="A", date=D),))
    assert (row["pe"], row["multiples_as_of"]) == (25.0, D)


def test_without_ratios_there_is_no_day() -> None:
    lake = frame_lake([stock("A")], closes("A", {"2024-05-31": 100.0}))
    frame = rankings(lake, as_of=D, universe=SWEDEN).collect(engine="streaming")
    assert frame["multiples_as_of"].null_count() == frame.height


def test_a_split_in_between_changes_nothing() -> None:
    days = {P: 80.0, "2024-05-31": 50.0}
    split = {"ticker": "A", "date": date(2024, 5, 31), "ratio": 2.0}
    lake = frame_lake([stock("A")], closes("A", days), [snapshot("A", P, **RATIOS)], splits=[split])
    frame = rankings(lake, as_of=D, universe=SWEDEN).collect(engine="streaming")
    assert frame["pe"].to_list() == [12.5] * 4
    assert frame["market_cap_msek"].to_list() == [6250.0] * 4
    assert brought(days)["pe"] == 6.25
