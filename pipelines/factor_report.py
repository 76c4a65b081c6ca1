"""`python -m pipelines.factor_report`: whether a factor, or a score, tells of returns."""

if __name__ == "__main__":
    from pipelines.runtime import stop_at_once

    stop_at_once()

import json
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from pipelines import console
from pipelines.errors import WrongUsage
from pipelines.lake import DEMO_NOTICE, Lake, readable
from pipelines.ranking import strategy_named
from pipelines.research import (
    FactorReport,
    factor_json,
    factor_page,
    factor_report,
    strategy_of_factor,
    table_of,
)
from pipelines.settings import Settings
from pipelines.stretch import FIRST, Since, Until, refuse_reversed
from pipelines.terminal_table import Column, Table


class OutputFormat(StrEnum):
    """How a report is written."""

    TABLE = "table"
    JSON = "json"
    HTML = "html"


def main(  # noqa: PLR0913 - one parameter an option
    *,
    factor: Annotated[str | None, typer.Option(help="A factor of the catalogue.")] = None,
    strategy: Annotated[str | None, typer.Option(help="A strategy: its score.")] = None,
    universe: Annotated[str | None, typer.Option(help="Universe to rank.")] = None,
    since: Since = FIRST,
    until: Until = None,
    quantiles: Annotated[int, typer.Option(help="Into how many parts stocks are cut.")] = 5,
    format_: Annotated[
        OutputFormat, typer.Option("--format", help="How to write the report.")
    ] = OutputFormat.TABLE,
    lake: Annotated[Path | None, typer.Option(help="Folder of the lake.")] = None,
    version: Annotated[str | None, typer.Option(help="A version; default the current.")] = None,
    config: Annotated[Path | None, typer.Option(help="Settings file.")] = None,
) -> None:
    """Compare the rank of stocks with their return after, on the first trading day of each month.

    Example: python -m pipelines.factor_report --factor return_12m_1m --from 2010-01-01
    """
    if (factor is None) == (strategy is None):
        raise WrongUsage("give either --factor or --strategy")
    settings = Settings.load(config)
    chosen = settings.chosen_universe(universe)
    opened = Lake(lake or settings.lake, version)
    last = until.date() if until else opened.as_of
    refuse_reversed(since.date(), last)
    one = strategy_of_factor(factor) if factor else strategy_named(str(strategy), chosen)
    with console.progress() as progress, readable():
        found = factor_report(
            opened, one, chosen, (since.date(), last), quantiles=quantiles,
            progress=progress,
        )  # fmt: skip
    WRITE_AS[format_](found)
    if opened.manifest.demo and format_ is OutputFormat.TABLE:
        console.write(DEMO_NOTICE)


def _write_table(found: FactorReport) -> None:
    count = len(found.turnover)
    columns: tuple[Column | str, ...] = (
        "horizon", "IC", "t", *(f"Q{n}" for n in range(1, count + 1)), "spread", "t of it",
        Column("rows", extra=2), Column("dropped", extra=1, wraps=True),
    )  # fmt: skip
    stretch = f"{found.since} to {found.until}, {found.dates} dates"
    title = f"{found.title}, {found.universe.name}, {stretch}"
    turnover = ", ".join(f"{mean.mean or 0:.0%}" for mean in found.turnover)
    note = (
        f"Q{count} holds the best ranks. Autocorrelation of the ranks "
        f"{found.autocorrelation.mean or 0:.3f}; turnover of the quantiles {turnover}."
    )
    console.show(Table(title, columns, list(table_of(found)), note))


def _write_json(found: FactorReport) -> None:
    console.write_data(json.dumps(factor_json(found), ensure_ascii=False))


def _write_html(found: FactorReport) -> None:
    sys.stdout.write(factor_page(found))


WRITE_AS: Final[dict[OutputFormat, Callable[[FactorReport], None]]] = {
    OutputFormat.TABLE: _write_table,
    OutputFormat.JSON: _write_json,
    OutputFormat.HTML: _write_html,
}


if __name__ == "__main__":
    console.run(main, option="--factor")
