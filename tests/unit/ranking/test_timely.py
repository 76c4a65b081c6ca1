"""Ratios brought from the price that they were made with to that of a date."""

from datetime import date

import pytest

from pipelines.ranking.timely import priced_on
from tests.factories import Row, frame_lake, snapshot, statement

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
