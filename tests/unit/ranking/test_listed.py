"""The stocks of a date, by what the lake observed of them."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from pipelines.lake import lake_schema
from pipelines.ranking.listed import listed_on, listed_on_dates
from tests.factories import FrameLake, frame_lake, statement, stock

ROWS: list[dict[str, Any]] = [
    {"ticker": "A", "observed_on": "2026-03-02", "sector": "first", "market_cap_msek": 1.0},
    {"ticker": "A", "observed_on": "2026-03-04", "sector": "second"},
    {"ticker": "A", "observed_on": "2026-03-06", "sector": "covered", "state": "covered"},
    {"ticker": "A", "observed_on": "2026-03-06", "sector": "second", "listed": False},
    {"ticker": "A", "observed_on": "2026-03-10", "sector": "back", "state": "waiting"},
    {"ticker": "A", "observed_on": "2026-03-11", "sector": "struck", "state": "struck"},
    {"ticker": "B", "observed_on": "2026-03-05", "sector": "later"},
]
SECTORS = {
    "2026-03-01": {"A": "first", "B": "later"},
    "2026-03-02": {"A": "first", "B": "later"},
    "2026-03-05": {"A": "second", "B": "later"},
    "2026-03-06": {"B": "later"},
    "2026-03-09": {"B": "later"},
    "2026-03-12": {"A": "back", "B": "later"},
}
"""The sector of each stock on a date."""


def lake() -> FrameLake:
    rows = [
        {"listed": True, "state": "kept", "why": "changed"}
        | row
        | {"observed_on": date.fromisoformat(row["observed_on"])}
        for row in ROWS
    ]
    return FrameLake(observed_stocks=pl.DataFrame(rows, schema=lake_schema("observed_stocks")))


@pytest.mark.parametrize("day", SECTORS)
def test_the_last_observation_holds_and_before_it_the_first(day: str) -> None:
    rows = listed_on(lake(), date.fromisoformat(day)).collect(engine="streaming")
    assert dict(rows.select("ticker", "sector").rows()) == SECTORS[day]


def test_a_value_that_was_seen_to_be_missing_is_missing() -> None:
    rows = listed_on(lake(), date(2026, 3, 5)).collect().filter(ticker="A")
    assert rows["market_cap_msek"].to_list() == [None]


def test_many_dates_are_as_each_alone() -> None:
    dates = [date.fromisoformat(day) for day in SECTORS]
    rows = listed_on_dates(lake(), dates).sort("as_of", "ticker").collect(engine="streaming")
    found = {
        day: dict(rows.filter(as_of=date.fromisoformat(day)).select("ticker", "sector").rows())
        for day in SECTORS
    }
    assert found == SECTORS


def test_a_lake_without_observations_has_the_stocks_of_the_source() -> None:
    old = frame_lake([stock("A")])
    assert listed_on(old, date(2020, 1, 1)).collect()["ticker"].to_list() == ["A"]


def test_what_was_observed_counts_beside_the_snapshots_and_the_source_does_not_twice() -> None:
    filed = statement("A", "2025-12-31", "2026-02-01", pe=1.0)
    old = frame_lake([], [], [filed, filed | {"source": "snapshots", "fiscal_date": None}])
    assert old.fundamentals().collect().height == 2
    seen = [
        filed | {"observed_on": date(2026, 2, 1), "why": "first", "state": state, "pe": pe}
        for state, pe in (("kept", 1.0), ("waiting", 2.0), ("covered", 3.0), ("struck", 4.0))
    ]
    old.datasets["observed_fundamentals"] = pl.DataFrame(
        seen, schema=lake_schema("observed_fundamentals")
    )
    rows = old.fundamentals(known_by="2026-02-01").collect()
    assert sorted(rows.select("source", "pe").rows()) == [
        ("fundamentals", 1.0), ("fundamentals", 2.0), ("snapshots", 1.0)
    ]  # fmt: skip
    assert rows.columns == old.source_fundamentals().collect_schema().names()
    assert old.fundamentals(known_by="2026-01-31").collect().is_empty()
