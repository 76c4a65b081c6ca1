"""The ranks that backtests and searches follow, computed in blocks by any driver."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Self

import polars as pl

from pipelines.bars import Progress
from pipelines.errors import LakeError
from pipelines.lake import Lake
from pipelines.ranking import Strategy
from pipelines.research import ranked_here
from pipelines.sweep.parts import forget_all, parts_of
from pipelines.sweep.run import Driver, Swept, sweep
from pipelines.sweep.task import Kind
from pipelines.universe import Universe

DriverOf = Callable[[Lake, int], Driver | None]
"""Returns the driver for a number of dates; None where this process may as well compute them."""


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """Computes the ranks of backtests; as a context, it leaves nothing behind once all is done.

    The parts are beside the path `beside`; without one they are in a folder for a short time, or
    nowhere if this process computes them.
    """

    driver_of: DriverOf
    beside: Path | None = None
    resume: bool = False
    swept: list[Swept] = field(default_factory=list)

    def __call__(
        self, lake: Lake, days: Sequence[date], universe: Universe,
        strategies: Sequence[Strategy], progress: Progress,
    ) -> Iterator[pl.DataFrame]:  # fmt: skip
        """Yield the `ranked_block` of each block of days, in their order."""
        driver = self.driver_of(lake, len(days))
        if driver is None:
            yield from ranked_here(lake, days, universe, strategies, progress)
            return
        with self._place() as place, _writing(place):
            parts = parts_of(lake, days, universe, strategies, Kind.RANKS, place)
            parts = replace(parts, stays=self.beside is not None)
            self.swept.append(sweep(parts, driver, progress, resume=self.resume))
            for task in parts.tasks:
                for file in parts.files(task.number):
                    yield pl.read_parquet(file, glob=False, hive_partitioning=False)

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Delete the parts if all went well."""
        if kind is None and self.beside is not None:
            forget_all(self.beside)

    @contextmanager
    def _place(self) -> Iterator[Path]:
        if self.beside is not None:
            yield self.beside
            return
        with tempfile.TemporaryDirectory(prefix="stockrank-") as folder:
            yield Path(folder) / "ranks"


@contextmanager
def _writing(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LakeError(
            f"cannot write beside {place}: {error.strerror}; name another folder with --work"
        ) from None
