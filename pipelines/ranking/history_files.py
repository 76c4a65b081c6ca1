"""The rankings of many dates as files by year, which replace older ones as a whole."""

import shutil
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path

import polars as pl

from pipelines.errors import LakeError
from pipelines.lake import Lake
from pipelines.ranking.many import history
from pipelines.ranking.strategy import Strategy
from pipelines.universe import Universe


def write_history(
    lake: Lake,
    out: Path,
    *,
    dates: Iterable[date],
    universe: Universe,
    strategies: Iterable[Strategy] | None = None,
    progress: Callable[[str, int, int], None],
) -> int:
    """Write the rankings of dates below `out`, replacing what is there; return the rows.

    `progress` is called with the dates written and the dates in all.
    """
    dates = sorted(set(dates))
    partial = out.with_name(f".partial-{out.name}")
    shutil.rmtree(partial, ignore_errors=True)
    rows = done = 0
    try:
        for number, plan in enumerate(
            history(lake, dates=dates, universe=universe, strategies=strategies)
        ):
            block = plan.collect(engine="streaming")
            _write_years(partial, block, number)
            rows += block.height
            done += block["as_of"].n_unique()
            progress("dates", done, len(dates))
        _replace(partial, out)
    except OSError as error:
        raise LakeError(f"cannot write {out}: {error.strerror}; name another with --out") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return rows


def _write_years(folder: Path, block: pl.DataFrame, number: int) -> None:
    for (year,), rows in block.group_by(pl.col("as_of").dt.year(), maintain_order=True):
        path = folder / f"year={year}"
        path.mkdir(parents=True, exist_ok=True)
        rows.write_parquet(path / f"{number}.parquet", compression_level=1)


def _replace(new: Path, out: Path) -> None:
    """Put a finished folder in the place of an older one."""
    old = out.with_name(f".old-{out.name}")
    shutil.rmtree(old, ignore_errors=True)
    if out.exists():
        out.rename(old)
    new.rename(out)
    shutil.rmtree(old, ignore_errors=True)
