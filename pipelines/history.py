"""`python -m pipelines.history`: the rankings of many dates, as one partitioned dataset."""

if __name__ == "__main__":
    from pipelines.runtime import stop_at_once

    stop_at_once()

import time
from pathlib import Path
from typing import Annotated

import typer

from pipelines import console
from pipelines.driver_options import Asked, Cluster, Processes, Resume
from pipelines.errors import StockRankError
from pipelines.lake import Lake, readable
from pipelines.ranking import Every, first_days, no_price, strategy_named
from pipelines.runtime import end_in_order
from pipelines.settings import Settings
from pipelines.stretch import FIRST, Since, Until, refuse_reversed
from pipelines.sweep import write_history


def main(  # noqa: PLR0913 - one parameter an option
    *,
    since: Since = FIRST,
    until: Until = None,
    strategy: Annotated[str, typer.Option(help="A strategy, or all.")] = "all",
    every: Annotated[Every, typer.Option(help="One date in each.")] = Every.MONTH,
    out: Annotated[Path, typer.Option(help="Folder to write.")] = Path("data/history"),
    universe: Annotated[str | None, typer.Option(help="Universe to rank.")] = None,
    lake: Annotated[Path | None, typer.Option(help="Folder of the lake.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
    processes: Processes = None,
    cluster: Cluster = None,
    resume: Resume = False,
    config: Annotated[Path | None, typer.Option(help="Settings file.")] = None,
) -> None:
    """Rank the universe on the first trading day of each period, by one strategy or all.

    Example: python -m pipelines.history --from 2010-01-01 --every quarter --out data/history
    """
    if out.exists() and not force:
        raise StockRankError(f"{out} exists; replace it with --force, or name another with --out")
    if until:
        refuse_reversed(since.date(), until.date())
    end_in_order()
    settings, started = Settings.load(config), time.monotonic()
    ranked, asked = settings.chosen_universe(universe), Asked.of(settings, processes, cluster)
    chosen = None if strategy == "all" else [strategy_named(strategy, ranked)]
    opened = Lake(lake or settings.lake)
    with readable():
        dates = first_days(opened, since=since.date(), until=until and until.date(), every=every)
    if not dates:
        raise no_price(opened, since.date(), until and until.date())
    with console.progress() as progress, readable():
        done = write_history(
            opened, out, dates=dates, universe=ranked, strategies=chosen, progress=progress,
            driver=asked.driver(opened, len(dates)), resume=resume,
        )  # fmt: skip
    console.write(
        f"{done.rows:,} rows of {len(dates)} dates from {dates[0]} to {dates[-1]} in {out}, "
        f"{time.monotonic() - started:.1f} s"
    )
    console.write(done.told())


if __name__ == "__main__":
    console.run(main)
