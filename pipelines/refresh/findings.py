"""Parts of every check in the integrity report: its window, its status, its list of cases."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import polars as pl
from pydantic import JsonValue

from pipelines.lake import Check, Status

WEEK: Final = timedelta(days=7)
LISTED: Final = 50
"""The most cases that a check lists; it counts all."""


def check(name: str, status: Status, message: str, value: JsonValue) -> Check:
    """Return a check of the report."""
    return Check(name=name, status=status, message=message, value=value)


def cases(rows: pl.DataFrame) -> list[JsonValue]:
    """Return the first rows as JSON values, floats with six digits."""
    shown = rows.head(LISTED).with_columns(
        pl.selectors.date().dt.to_string(), pl.selectors.float().round_sig_figs(6)
    )
    return [dict(row) for row in shown.iter_rows(named=True)]


def counted(rows: pl.DataFrame, shown: pl.DataFrame | None = None) -> dict[str, JsonValue]:
    """Return the number of rows, and the first of them, or of `shown`, as cases."""
    return {"count": rows.height, "cases": cases(rows if shown is None else shown)}


def some(names: Sequence[str], most: int = 5) -> str:
    """Return the first names as text, with the number of the others."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
