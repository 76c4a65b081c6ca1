"""Rows that were dated after tomorrow become due when their day has come."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from pipelines.lake import Lake
from pipelines.refresh.waiting import due_days
from tests.factories import dataset


@pytest.mark.parametrize(
    ("today", "due"),
    [("2024-05-30", []), ("2024-05-31", ["2024-06-01"]),
     ("2024-06-02", ["2024-06-01", "2024-06-03"])],
)  # fmt: skip
def test_a_row_is_due_the_day_before_its_own(tmp_path: Path, today: str, due: list[str]) -> None:
    (tmp_path / "rejects").mkdir()
    rows = {"reason": ["future_date", "bad_date", "future_date"],
            "date": ["2024-06-01", "2024-05-01", "2024-06-03"]}  # fmt: skip
    pl.DataFrame(rows).write_parquet(tmp_path / "rejects" / "prices.parquet")
    prices = dataset(rejected={"future_date": 2, "bad_date": 1})
    lake = Lake.unfinished(tmp_path, {"prices": prices}, date(2024, 5, 30))
    assert due_days(lake, "prices", date.fromisoformat(today)) == due


def test_where_none_waits_no_file_is_read(tmp_path: Path) -> None:
    lake = Lake.unfinished(tmp_path, {"stocks": dataset(rejected={"bad_date": 1})}, date.max)
    assert due_days(lake, "stocks", date(2024, 5, 31)) == []
