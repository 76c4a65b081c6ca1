"""What a cell of a PostgreSQL table is read as, in SQL."""

from pipelines.source.catalogue import DAYS
from pipelines.source.tables import Kind


def _moment(declared: str, column: str) -> str:
    return f"({column} AT TIME ZONE 'UTC')" if declared == "timestamptz" else column


def cell(kind: Kind, declared: str, column: str) -> str:
    """Return the value of a cell; a day or time as text, empty for null."""
    if kind in ("day", "time"):
        return f"coalesce({_moment(declared, column)}::text, '')"
    return {"text": f"{column}::text", "float": f"{column}::float8", "int": f"{column}::int8"}.get(
        kind, column
    )


def original(kind: Kind, column: str) -> str:
    """Return a cell as it is shown among the rejected rows."""
    return f"{column}::text" if kind in ("text", "day", "time") else column


def year(declared: str, column: str) -> str:
    """Return the source year of a row as text: what its day begins with, `''` without one."""
    if declared in DAYS:
        digits = f"date_part('year', {_moment(declared, column)})::int::text"
        return f"coalesce(lpad({digits}, 4, '0'), '')"
    return f"coalesce(substr({column}, 1, 4), '')"
