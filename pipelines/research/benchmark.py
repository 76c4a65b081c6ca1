"""What a portfolio is compared with: all eligible stocks, an index, or a series of one's own."""

from datetime import date
from pathlib import Path

import polars as pl

from pipelines.errors import StockRankError, Unknown
from pipelines.lake import BROKEN, Lake

VALUES = pl.Schema({"date": pl.Date, "nav": pl.Float64})


def index_values(lake: Lake, index: str, since: date, until: date) -> pl.DataFrame:
    """Return `date, nav` of an index; `Unknown` lists those that the lake has."""
    rows = lake.index_prices(since=since, until=until).filter(index_id=index)
    found = rows.sort("date").select("date", nav=pl.col("close").cast(pl.Float64)).collect()
    if found.is_empty():
        known = lake.index_prices().select(pl.col("index_id").unique().sort()).collect()
        raise Unknown("benchmark", index, ["universe", "none", *known["index_id"]])
    return found


def file_values(path: Path, since: date, until: date) -> pl.DataFrame:
    """Return `date, nav` of a CSV file with the columns `date` and `close`."""
    try:
        rows = pl.read_csv(path, columns=["date", "close"], schema_overrides={
            "date": pl.Date, "close": pl.Float64,
        })  # fmt: skip
    except (OSError, *BROKEN) as error:
        told = str(error).splitlines()[0]
        raise StockRankError(
            f"cannot read the benchmark {path}: {told}; give a CSV file with date and close"
        ) from None
    kept = rows.filter(pl.col("date").is_between(since, until)).drop_nulls().sort("date")
    if kept.is_empty():
        raise StockRankError(f"{path} has no close from {since} to {until}; give a longer series")
    return kept.select("date", nav="close")
