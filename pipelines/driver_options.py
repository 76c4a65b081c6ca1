"""The options of commands that rank many dates: who computes them, and from where they go on."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

import polars as pl
from typer import Option

from pipelines.errors import WrongUsage
from pipelines.lake import Lake
from pipelines.runtime import end_in_order
from pipelines.settings import Settings
from pipelines.sweep import Driver, Ranking, fitting, here, on_cluster, spawned

Processes = Annotated[
    int | None, Option(min=1, help="Processes that rank; default by the number of dates.")
]
Cluster = Annotated[
    str | None,
    Option(help="Address of a Dask scheduler whose workers rank, such as tcp://10.0.0.5:8786."),
]
Resume = Annotated[bool, Option("--resume", help="Take what a run that was cut off has done.")]
Work = Annotated[
    Path | None, Option(help="Folder where what is done stays, if it is cut off, for --resume.")
]


@dataclass(frozen=True)
class Asked:
    """Who is asked to compute: so many processes, or a cluster; the work decides without either."""

    processes: int | None
    cluster: str | None

    @classmethod
    def of(cls, settings: Settings, processes: int | None, cluster: str | None) -> Self:
        """Return what the options say, else the settings."""
        if processes and cluster:
            raise WrongUsage("give either --processes or --cluster")
        return cls(processes, cluster if processes else cluster or settings.cluster)

    def driver(self, lake: Lake, dates: int) -> Driver | None:
        """Return who ranks so many dates; None where this process may as well."""
        if self.cluster:
            return on_cluster(self.cluster)
        stocks = lake.stocks().select(pl.len()).collect().item()
        count = self.processes or fitting(stocks, dates)
        return None if count == 1 else spawned(count)


@contextmanager
def ranking(asked: Asked, beside: Path | None, *, resume: bool) -> Iterator[Ranking]:
    """Yield what computes the ranks of a command."""
    if resume and beside is None:
        raise WrongUsage("--resume needs the folder of the run that was cut off; give --work")
    end_in_order()

    def driver_of(lake: Lake, dates: int) -> Driver | None:
        found = asked.driver(lake, dates)
        return here(lake) if found is None and beside is not None else found

    with Ranking(driver_of=driver_of, beside=beside, resume=resume) as ranked:
        yield ranked
