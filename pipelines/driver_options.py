"""The options of commands that rank many dates: who computes them, and from where they go on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import polars as pl
from typer import Option

from pipelines.errors import WrongUsage
from pipelines.lake import Lake
from pipelines.runtime import end_in_order
from pipelines.sweep import Driver, Ranking, fitting, here, spawned

Processes = Annotated[
    int | None, Option(min=1, help="Processes that rank; default by the number of dates.")
]
Resume = Annotated[bool, Option("--resume", help="Take what a run that was cut off has done.")]
Work = Annotated[
    Path | None, Option(help="Folder where what is done stays, if it is cut off, for --resume.")
]


def driver_for(lake: Lake, dates: int, processes: int | None) -> Driver | None:
    """Return who ranks so many dates; None where this process may as well."""
    stocks = lake.stocks().select(pl.len()).collect().item()
    count = processes or fitting(stocks, dates)
    return None if count == 1 else spawned(count)


@contextmanager
def ranking(*, processes: int | None, beside: Path | None, resume: bool) -> Iterator[Ranking]:
    """Yield what computes the ranks of a command, and tell at the end who has done so."""
    if resume and beside is None:
        raise WrongUsage("--resume needs the folder of the run that was cut off; give --work")
    end_in_order()

    def driver_of(lake: Lake, dates: int) -> Driver | None:
        found = driver_for(lake, dates, processes)
        return here(lake) if found is None and beside is not None else found

    with Ranking(driver_of=driver_of, beside=beside, resume=resume) as ranked:
        yield ranked
