"""The windows of dates, at their first and last day."""

from datetime import date

import polars as pl
import pytest

from pipelines.ranking.windows import PRICE_WINDOW, days_before, in_window, months_before

D = date(2024, 5, 31)


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [("2023-05-31", 3, "2023-02-28"), ("2024-05-31", 3, "2024-02-29"),
     ("2024-02-29", 12, "2023-02-28"), ("2025-02-28", 12, "2024-02-28"),
     ("2024-08-30", 6, "2024-02-29"), ("2024-01-15", 3, "2023-10-15")],
)  # fmt: skip
def test_months_before(day: str, months: int, expected: str) -> None:
    before = pl.select(months_before(pl.lit(day).str.to_date(), months)).item()
    assert before.isoformat() == expected


@pytest.mark.parametrize(
    ("months", "first", "last"),
    [(0, "05-21", "05-31"), (3, "02-19", "02-29"), (6, "11-20", "11-30"), (12, "05-21", "05-31")],
)
def test_a_window_is_a_day_and_the_ten_before(months: int, first: str, last: str) -> None:
    days = pl.date_range(date(2023, 1, 1), date(2024, 12, 31), eager=True).alias("date")
    inside = days.to_frame().filter(in_window(pl.lit(D), months))["date"].to_list()
    year = 2023 if months > 5 else 2024
    assert [str(inside[0]), str(inside[-1])] == [f"{year}-{first}", f"{year}-{last}"]
    assert len(inside) == 11


@pytest.mark.parametrize("as_of", [date(2024, 2, 29), date(2024, 12, 31), date(2025, 2, 28)])
def test_the_prices_of_a_date_are_in_its_price_window(as_of: date) -> None:
    days = pl.date_range(date(2022, 1, 1), date(2025, 12, 31), eager=True).alias("date")
    oldest = days.to_frame().filter(in_window(pl.lit(as_of), 12))["date"][0]
    assert days_before(as_of, PRICE_WINDOW) <= oldest


def test_there_is_a_first_date() -> None:
    assert days_before(date(2024, 3, 1), 1) == date(2024, 2, 29)
    assert days_before(date(1, 1, 5), 4) == date(1, 1, 1)
    assert days_before(date(1, 1, 5), 377) == date(1, 1, 1)
