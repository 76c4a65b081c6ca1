"""`python -m pipelines.search`: many variants of strategies, and whether the best is luck."""

if __name__ == "__main__":
    from pipelines.runtime import stop_at_once

    stop_at_once()

from pathlib import Path
from typing import Annotated

import typer

from pipelines import console
from pipelines.driver_options import Asked, Cluster, Processes, Resume, Work, ranking
from pipelines.errors import StockRankError
from pipelines.lake import DEMO_NOTICE, Lake, readable
from pipelines.research import Searched, read_grid, search, search_page, shown
from pipelines.settings import Settings
from pipelines.terminal_table import Table

FIGURES = ("cagr", "sharpe", "max_drawdown", "turnover")


def main(  # noqa: PLR0913 - one parameter an option
    grid: Annotated[Path, typer.Argument(help="The grid, a TOML file.")],
    *,
    out: Annotated[Path | None, typer.Option(help="File for all variants: Parquet.")] = None,
    html: Annotated[Path | None, typer.Option(help="File for a page of the result.")] = None,
    top: Annotated[int, typer.Option(help="How many variants to show.")] = 10,
    processes: Processes = None,
    cluster: Cluster = None,
    work: Work = None,
    resume: Resume = False,
    lake: Annotated[Path | None, typer.Option(help="Folder of the lake.")] = None,
    config: Annotated[Path | None, typer.Option(help="Settings file.")] = None,
) -> None:
    """Try all variants of a grid, and tell first how many they are and what luck would give.

    Example: python -m pipelines.search grid.toml --out variants.parquet --html search.html
    """
    settings, asked = Settings.load(config), read_grid(grid)
    opened = Lake(lake or settings.lake)
    universe = settings.chosen_universe(asked.universe)
    who, beside = Asked.of(settings, processes, cluster), work / "search" if work else out
    with ranking(who, beside, resume=resume) as ranked:
        with console.progress() as progress, readable():
            found = search(
                opened, asked, universe, progress, named=settings.chosen_universe, ranked=ranked
            )
        _write(found, out, html)
    _show(found, top)
    for swept in ranked.swept:
        console.write(swept.told())
    if opened.manifest.demo:
        console.write(DEMO_NOTICE)


def _write(found: Searched, out: Path | None, html: Path | None) -> None:
    try:
        if out is not None:
            found.variants.write_parquet(out)
        if html is not None:
            html.write_text(search_page(found), encoding="utf-8")
    except OSError as error:
        raise StockRankError(f"cannot write {error.filename}: {error.strerror}") from None


def _show(found: Searched, top: int) -> None:
    for sentence in found.told():
        console.write(sentence)
    keys = [key for key in found.variants.columns if key not in (*FIGURES, "growth", "costs")]
    rows = [
        (*(str(row[key]) for key in keys), *(shown(name, row[name]) for name in FIGURES))
        for row in found.variants.head(top).iter_rows(named=True)
    ]
    console.show(Table("The best variants", (*keys, *FIGURES), rows))


if __name__ == "__main__":
    console.run(main, option="GRID")
