"""The files of a version compared with its manifest: bytes, columns and types, rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipelines.lake import damage, layout
from pipelines.lake.manifest import DataFile, Dataset
from pipelines.lake.version import Lake, schema_text


@dataclass(frozen=True)
class Verified:
    """A dataset whose files were compared with the manifest, and each difference in words."""

    dataset: str
    files: int
    rows: int
    problems: tuple[str, ...]


def verified(lake: Lake) -> list[Verified]:
    """Compare every file of a version with the manifest."""
    return [
        Verified(name, len(entry.files), entry.rows, tuple(_problems(lake.path, name, entry)))
        for name, entry in lake.datasets.items()
    ]


def _problems(folder: Path, name: str, entry: Dataset) -> Iterator[str]:
    for file in entry.files:
        yield from _file(folder, entry, file)
    if entry.rejects_sha256:
        path = layout.rejects(name)
        if problem := damage.of_file(folder / path, entry.rejects_sha256, damage.hashed):
            yield f"{path} {problem}"


def _file(folder: Path, entry: Dataset, expected: DataFile) -> Iterator[str]:
    path = folder / expected.path
    if problem := damage.of_file(path, expected.sha256, damage.hashed):
        yield f"{expected.path} {problem}"
        return
    rows = pl.scan_parquet(path, glob=False, hive_partitioning=False)
    if schema_text(rows.collect_schema()) != entry.schema:
        yield f"{expected.path} has other columns than the manifest"
    if rows.select(pl.len()).collect().item() != expected.rows:
        yield f"{expected.path} has another number of rows than the manifest"
