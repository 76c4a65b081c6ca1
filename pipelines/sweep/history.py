"""The rankings of many dates as files by year, which replace older ones as a whole."""

import shutil
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from pipelines.bars import Progress
from pipelines.errors import LakeError
from pipelines.lake import Lake, link
from pipelines.ranking import Strategy, strategies_of
from pipelines.sweep.parts import Parts, forget_all, parts_of
from pipelines.sweep.run import Driver, Swept, here, sweep
from pipelines.sweep.task import Kind
from pipelines.universe import Universe


def write_history(  # noqa: PLR0913 - what it is of, where it goes, and how
    lake: Lake,
    out: Path,
    *,
    dates: Iterable[date],
    universe: Universe,
    strategies: Iterable[Strategy] | None = None,
    progress: Progress,
    driver: Driver | None = None,
    resume: bool = False,
) -> Swept:
    """Write the rankings of dates below `out`, replacing what is there.

    `progress` is called with the dates written and the dates in all. By default this process
    computes them. With `resume`, the parts that an earlier run has left are taken.
    """
    partial = out.with_name(f".partial-{out.name}")
    chosen = tuple(strategies_of(universe).values() if strategies is None else strategies)
    try:
        parts = parts_of(lake, dates, universe, chosen, Kind.HISTORY, out)
        swept = sweep(parts, driver or here(lake), progress, resume=resume)
        _put_together(parts, partial)
        _replace(partial, out)
    except OSError as error:
        raise LakeError(f"cannot write {out}: {error.strerror}; name another with --out") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    forget_all(out)
    return swept


def _put_together(parts: Parts, folder: Path) -> None:
    """Put the files of all parts into a folder, by year."""
    shutil.rmtree(folder, ignore_errors=True)
    for task in parts.tasks:
        for file in parts.files(task.number):
            link(file, folder / file.stem / f"{task.number}.parquet")


def _replace(new: Path, out: Path) -> None:
    """Put a finished folder in the place of an older one."""
    old = out.with_name(f".old-{out.name}")
    shutil.rmtree(old, ignore_errors=True)
    if out.exists():
        out.rename(old)
    new.rename(out)
    shutil.rmtree(old, ignore_errors=True)
