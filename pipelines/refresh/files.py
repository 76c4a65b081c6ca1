"""Files of a version: plain Parquet, each with its entry in the manifest."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow as pa
from pyarrow.parquet import ParquetWriter

from pipelines.lake import DataFile, damage, layout

COMPRESSION_LEVEL: Final = 1
GROUP_VALUES: Final = 1_000_000
"""How many values a row group has, all columns together: for prices, a year of some 600 stocks."""


def write_file(  # noqa: PLR0913 - one parameter an option
    staged: Path,
    dataset: str,
    schema: pl.Schema,
    portions: Iterable[pl.DataFrame],
    year: int | None = None,
    name: str | None = None,
    *,
    apart: bool = False,
    recurring: Collection[str] = (),
) -> DataFile:
    """Write a file of a dataset from rows that come in portions, and return its entry.

    The row groups of the file are of one size, whatever the portions are; those of each portion are
    its own where the portions are read `apart`. Values of the columns `recurring` are written once.
    `name` is the path in the version, unless the file is the one of its year.
    """
    path = staged / (name or layout.data_file(dataset, year))
    path.parent.mkdir(parents=True, exist_ok=name is not None)
    path.unlink(missing_ok=True)  # never into a file that an older version has, too
    rows, nulls = 0, Counter(dict.fromkeys(schema, 0))
    height = GROUP_VALUES // len(schema)
    parts = ([p] for p in portions if p.height) if apart else [portions]
    with writer(path, schema, recurring) as file:
        for group in chain.from_iterable(_groups(part, height) for part in parts):
            file.write_table(to_arrow(group))
            rows += group.height
            nulls.update(group.null_count().row(0, named=True))
    return DataFile(
        path=str(path.relative_to(staged)),
        year=year,
        rows=rows,
        bytes=path.stat().st_size,
        sha256=damage.hashed(path),
        nulls={column: count for column, count in nulls.items() if count},
    )


def _groups(portions: Iterable[pl.DataFrame], height: int) -> Iterator[pl.DataFrame]:
    """Return the same rows in frames of one height, the last one shorter, each in one chunk."""
    waiting: list[pl.DataFrame] = []
    for portion in portions:
        waiting = [pl.concat([*waiting, portion])]
        while waiting[0].height > height:
            yield waiting[0].head(height).rechunk()
            waiting = [waiting[0].slice(height)]
    yield from (rest.rechunk() for rest in waiting)


def by_years(rows: pl.DataFrame, day: str, full: int) -> Iterator[pl.DataFrame]:
    """Yield the rows of some years of a day at a time, the oldest first.

    The year after one with which so many rows are `full` begins another part.
    """
    year = pl.col(day).dt.year()
    counts = rows.group_by(year.alias("year_")).len("rows").sort("year_")
    first, height = None, 0
    for last, count in counts.rows():
        first, height = first or last, height + count
        if height >= full or last == counts["year_"][-1]:
            yield rows.filter(year.is_between(first, last))
            first, height = None, 0


def writer(path: Path, schema: pl.Schema, recurring: Collection[str] = ()) -> ParquetWriter:
    """Return a writer with dictionaries of values, except for floats and volumes: few recur.

    But for those of the columns `recurring`.
    """
    return ParquetWriter(
        path, _arrow_schema(tuple(schema.items())), compression="zstd",
        compression_level=COMPRESSION_LEVEL, store_schema=False,
        use_dictionary=[
            c for c, t in schema.items()
            if c in recurring or not (t.is_float() or t == pl.UInt32)
        ],
    )  # fmt: skip


@cache
def _arrow_schema(columns: tuple[tuple[str, pl.DataType], ...]) -> pa.Schema:
    return to_arrow(pl.DataFrame(schema=columns)).schema


def to_arrow(rows: pl.DataFrame) -> pa.Table:
    """Return rows in the Arrow types that every tool reads."""
    return rows.to_arrow(compat_level=pl.CompatLevel.oldest())
