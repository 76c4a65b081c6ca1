"""Rows with one key: the last one stays, the others are rejected."""

from collections.abc import Collection

import polars as pl

from pipelines.lake import DUPLICATE_KEY
from pipelines.refresh.normalise import NOTES
from pipelines.source import ROWID


def without_duplicates(
    rows: pl.DataFrame, key: Collection[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows that stay, and `NOTES` on those that give way to the next one of their key.

    The rows are sorted by the columns of the key, which are never null. Without a key all stay.
    """
    if not key:
        return rows, NOTES.to_frame()
    is_next_alike = (pl.col(c) == pl.col(c).shift(-1) for c in key)
    gives_way = rows.select(pl.all_horizontal(is_next_alike).fill_null(value=False)).to_series()
    if not gives_way.any():
        return rows, NOTES.to_frame()
    return rows.filter(~gives_way), _notes(rows.filter(gives_way))


def _notes(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(rowid=ROWID, reason=pl.lit(DUPLICATE_KEY), kept=pl.lit(value=False))
