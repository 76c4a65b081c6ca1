"""What the checks of the integrity report share: their window, grades and lists of cases."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import polars as pl
from pydantic import JsonValue

from pipelines.lake import Check, Status

WEEK: Final = timedelta(days=7)
LISTED: Final = 50
"""Cases that a check lists; it counts all."""


def check(name: str, status: Status, message: str, value: JsonValue) -> Check:
    """Return a check of the report."""
    return Check(name=name, status=status, message=message, value=value)


def cases(rows: pl.DataFrame) -> list[JsonValue]:
    """Return the first rows, as JSON holds them."""
    shown = rows.head(LISTED).with_columns(
        pl.selectors.date().dt.to_string(), pl.selectors.float().round_sig_figs(6)
    )
    return [dict(row) for row in shown.iter_rows(named=True)]


def counted(rows: pl.DataFrame, shown: pl.DataFrame | None = None) -> dict[str, JsonValue]:
    """Return how many rows there are, with the first of those to be shown: all, unless named."""
    return {"count": rows.height, "cases": cases(rows if shown is None else shown)}


def some(names: Sequence[str], most: int = 5) -> str:
    """Return the first names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
