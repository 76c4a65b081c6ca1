"""Rows that were rejected as dated after tomorrow, and become valid when their day has come."""

from datetime import date, timedelta

import polars as pl

from pipelines.lake import Lake, layout


def due_days(version: Lake, dataset: str, today: date) -> list[str]:
    """Return the dates of rows that a version rejected as of the future, and today would take."""
    if "future_date" not in version.datasets[dataset].rejected:
        return []
    rejects = pl.read_parquet(version.path / layout.rejects(dataset), glob=False)
    days = rejects.filter(reason="future_date")["date"]
    return days.filter(days <= (today + timedelta(days=1)).isoformat()).to_list()
