"""Rows that were rejected as dated after tomorrow, and become valid when their day has come."""

from datetime import date, timedelta

import polars as pl

from pipelines.lake import Lake


def due_days(version: Lake, dataset: str, today: date) -> list[str]:
    """The dates of rows that a version rejected as dated after tomorrow, and today would take."""
    if "future_date" not in version.manifest["datasets"][dataset].get("rejected", {}):
        return []
    rejects = pl.read_parquet(version.path / "rejects" / f"{dataset}.parquet")
    days = rejects.filter(reason="future_date")["date"]
    return days.filter(days <= (today + timedelta(days=1)).isoformat()).to_list()
