"""A lake many times as large as another, without a database: its stocks again and again."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import polars as pl

from pipelines import lake as lakes
from pipelines.lake import Dataset, Lake
from pipelines.lake.publishing import point_current_to
from pipelines.refresh.files import COMPRESSION_LEVEL

DATASETS: Final = ("prices", "jumps", "fundamentals", "ratio_prices", "stocks")
IDS: Final = 10_000_000
"""More than the ids of any copy."""


def multiply(lake: Lake, root: Path, times: int) -> Lake:
    """Publish a lake with so many copies of every stock, told apart by a number before the ticker.

    The files are written as an export writes them. The rankings are left out.
    """
    folder = root / "versions" / lake.version
    folder.mkdir(parents=True)
    datasets = {name: _copied(lake, folder, name, times) for name in DATASETS}
    lakes.write_manifest(folder, replace(lake.manifest, datasets=datasets))
    point_current_to(root, lake.version)
    return Lake(root)


def _copied(lake: Lake, folder: Path, dataset: str, times: int) -> Dataset:
    entry = lake.datasets[dataset]
    files = []
    for file in entry.files:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = pl.read_parquet(lake.path / file.path, glob=False, hive_partitioning=False)
        copies = pl.concat([_copy(rows, number) for number in range(times)])
        copies.write_parquet(
            path, compression="zstd", compression_level=COMPRESSION_LEVEL, statistics=True
        )
        files.append(replace(file, rows=copies.height, bytes=path.stat().st_size))
    return Dataset(schema=entry.schema, rows=entry.rows * times, files=tuple(files))


def _copy(rows: pl.DataFrame, number: int) -> pl.DataFrame:
    ids = [pl.col("id") + number * IDS] if "id" in rows.columns else []
    name = pl.lit(f"{number:02}") + pl.col("ticker")
    return rows.with_columns(name.alias("ticker"), *ids)
