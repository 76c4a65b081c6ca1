"""`python -m pipelines.factors`: the catalogue of factors."""

if __name__ == "__main__":
    from pipelines.runtime import stop_at_once

    stop_at_once()

import json
from enum import StrEnum
from typing import Annotated

import typer

from pipelines import console
from pipelines.ranking import FACTORS, Factor
from pipelines.terminal_table import Column, Table

COLUMNS = ("name", "unit", "best", "history", "sentence", "source")
"""What is said of each factor."""


class OutputFormat(StrEnum):
    """How the catalogue is written."""

    TABLE = "table"
    MARKDOWN = "markdown"
    JSON = "json"


def main(
    *,
    format_: Annotated[
        OutputFormat, typer.Option("--format", help="How to write it.")
    ] = OutputFormat.TABLE,
) -> None:
    """List the factors by which stocks can be screened and ordered.

    Example: python -m pipelines.factors --format markdown
    """
    if format_ is OutputFormat.TABLE:
        console.show(_table())
    elif format_ is OutputFormat.MARKDOWN:
        console.write_data(markdown())
    else:
        rows = [dict(zip(COLUMNS, _said(factor), strict=True)) for factor in FACTORS.values()]
        console.write_data(json.dumps(rows, indent=1, ensure_ascii=False))


def markdown() -> str:
    """Return the catalogue as a table of Markdown."""
    head = ("factor", "unit", "best", "what", "needs", "source")
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for name, unit, best, history, sentence, source in map(_said, FACTORS.values()):
        lines.append(f"| `{name}` | {unit} | {best} | {sentence} | {history} | {source} |")
    return "\n".join(lines)


def _said(factor: Factor) -> tuple[str, ...]:
    return tuple(str(getattr(factor, column) or "as ordered") for column in COLUMNS)


def _table() -> Table:
    columns = ("factor", "unit", "best", Column("what", wraps=True), Column("needs", wraps=True))
    said = [_said(factor) for factor in FACTORS.values()]
    rows = [(name, unit, best, what, needs) for name, unit, best, needs, what, _ in said]
    return Table("factors", columns, rows, note=f"{len(rows)} factors")


if __name__ == "__main__":
    console.run(main)
