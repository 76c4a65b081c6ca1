"""Rows that were rejected for a date after tomorrow, and become valid as that day comes."""

from datetime import date, timedelta

import polars as pl

from pipelines.lake import FUTURE_DATE, Lake, layout


def due_days(version: Lake, dataset: str, today: date) -> list[str]:
    """Return the dates, as text, of rows that a version rejected as too early and today accepts."""
    if FUTURE_DATE not in version.datasets[dataset].rejected:
        return []
    rejects = pl.read_parquet(version.path / layout.rejects(dataset), glob=False)
    days = rejects.filter(reason=FUTURE_DATE)["date"]
    return days.filter(days.str.head(10) <= (today + timedelta(days=1)).isoformat()).to_list()
