"""Rejected rows in a sentence: how many of a table, for which reason, and three of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl

from pipelines.lake import DUPLICATE_KEY, REJECTS, Lake, layout
from pipelines.quoting import one_line
from pipelines.source import TABLES, SourceTable

MOST: Final = 0.5
"""The share of a table's rows above which it was not read as its owner meant it."""
SAMPLES: Final = 3
WIDEST: Final = 40
"""The characters of a value that are shown."""


def mostly_rejected(new: Lake, before: Lake | None) -> Iterator[str]:
    """Yield a sentence for each table that is read for the first time, and mostly rejected.

    One that had rows before is held to those.
    """
    for name in new.datasets:
        for table, share in _shares(new, name).items():
            if share > MOST and not (before and _written(before, table)):
                yield told(new.path, TABLES[table])


def told(version: Path, table: SourceTable) -> str:
    """Return how many rows of a table are rejected, its most common reason, and three of them."""
    rows = _rows(version, table.dataset).filter(table=table.name)
    if rows.is_empty():
        return f"{table.name} has no rows"
    counts = rows.group_by("reason").len().sort("len", "reason", descending=[True, False])
    reason, count = counts.row(0)
    some = rows.filter(reason=reason).sort("rowid").head(SAMPLES)
    samples = "; ".join(_sample(row, table, reason) for row in some.iter_rows(named=True))
    others = f", the others for {', '.join(counts['reason'][1:])}" if counts.height > 1 else ""
    return (
        f"{rows.height:,} rows of {table.name} are rejected, {count:,} for {reason} "
        f"({REJECTS[reason]}), such as {samples}{others}"
    )


def _shares(version: Lake, dataset: str) -> dict[str, float]:
    """Return the share of rejected rows of each table with any; a duplicate loses nothing."""
    entry = version.datasets.get(dataset)
    if entry is None or not set(entry.rejected) - {DUPLICATE_KEY}:
        return {}
    counts = _rows(version.path, dataset).group_by("table").len()
    return {table: lost / (lost + _written(version, table)) for table, lost in counts.iter_rows()}


def _rows(version: Path, dataset: str) -> pl.DataFrame:
    path = version / layout.rejects(dataset)
    if not path.exists():
        return pl.DataFrame(schema={"table": pl.String, "rowid": pl.Int64, "reason": pl.String})
    rows = pl.scan_parquet(path, glob=False)
    return rows.filter(~pl.col("kept"), pl.col("reason") != DUPLICATE_KEY).collect()


def _written(version: Lake, table: str) -> int:
    dataset = TABLES[table].dataset
    if dataset != "fundamentals":
        entry = version.datasets.get(dataset)
        return entry.rows if entry else 0
    of_table = pl.col("source") == table.removeprefix("fundamentals_")
    count: int = version.source_fundamentals().filter(of_table).select(pl.len()).collect().item()
    return count


def _sample(row: dict[str, str | None], table: SourceTable, reason: str) -> str:
    """Return the values of a rejected row that tell which it is, and what is wrong with it."""
    kinds = list(table.columns.items())
    names = [next(column for column, kind in kinds if kind == "text")]
    names += [column for column, kind in kinds if kind == "day"]
    names += [c for c, kind in kinds if kind in ("float", "int") and _is_odd(c, row[c], reason)]
    return " ".join(f"{column} {_shown(row[column])}" for column in names)


def _is_odd(column: str, value: str | None, reason: str) -> bool:
    """Tell a value that is no number, and any value of a column that the reason names."""
    if reason.startswith(f"{column}_"):
        return True
    try:
        float(value or 0)
    except ValueError:
        return True
    return False


def _shown(value: str | None) -> str:
    if value is None:
        return "null"
    return repr(one_line(value[:WIDEST]) + ("…" if len(value) > WIDEST else ""))
