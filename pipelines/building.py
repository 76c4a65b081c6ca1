"""A version of the lake in the making: a private copy of the database → files and a manifest."""

import logging
import platform
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import polars as pl

from pipelines import ingest, lake, normalise, source
from pipelines.errors import ContractError
from pipelines.ingest import Part
from pipelines.lake import Lake, Manifest
from pipelines.memory import peak_mb, resident_mb
from pipelines.ranking import rankings
from pipelines.source import Table
from pipelines.staging import Build

logger = logging.getLogger(__name__)


@dataclass
class Clock:
    """Time and memory by phase."""

    phases: list[dict[str, Any]] = field(default_factory=list)

    @contextmanager
    def phase(self, name: str, datasets: dict[str, Any]) -> Iterator[None]:
        """Time a phase, note its memory, and log a line on it."""
        before, start = resident_mb(), time.perf_counter()
        yield
        entry = {
            "phase": name,
            "rows": datasets.get(name, {}).get("rows"),
            "seconds": round(time.perf_counter() - start, 3),
            "before_mb": round(before, 1),
            "peak_mb": round(peak_mb(), 1),
        }
        self.phases.append(entry)
        logger.info("%(phase)s", entry, extra={"fields": entry})


def version(build: Build) -> Manifest:
    """Write all datasets of a version below `build.staged` and return its manifest."""
    clock = Clock()
    private = build.work / "source.db"
    with clock.phase("copy", {}):
        _copy_while_importing(build.database, private)
    there = {name: Table(private, name) for name in build.tables}
    for name, make in _makers(build, there).items():
        with clock.phase(name, build.datasets):
            make()
    manifest = _manifest(build, clock)
    with clock.phase("rankings", build.datasets):
        _rankings(build, manifest)
    return manifest


def _copy_while_importing(database: Path, private: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        copied = pool.submit(source.copy, database, private)
        import_module("connectorx")
        copied.result()


def _makers(build: Build, there: dict[str, Table]) -> dict[str, Callable[[], None]]:
    """What makes each dataset, in order: stocks come after prices, of which they carry the last."""
    prices = partial(normalise.prices, today=build.today)
    levels = partial(normalise.quotes, key="index_id", today=build.today)
    makers: dict[str, Callable[[], None]] = {
        "prices": lambda: ingest.partitioned(
            build, "prices", "ticker", "date", lambda: [Part(there["daily_prices"], prices)]
        ),
        "fundamentals": lambda: ingest.fundamentals(build, there),
        "stocks": lambda: ingest.stocks(build, there["stocks"]),
    }
    if "index_prices" in there:
        makers["index_prices"] = lambda: ingest.partitioned(
            build, "index_prices", "index_id", "date", lambda: [Part(there["index_prices"], levels)]
        )
    return makers


def _manifest(build: Build, clock: Clock) -> Manifest:
    newest = pl.concat(build.newest).get_column("newest_date").max() if build.newest else None
    if not isinstance(newest, date):
        raise ContractError(
            f"{build.database} has no valid row in daily_prices, so there is no date to rank"
        )
    return {
        "schema_version": lake.SCHEMA_VERSION,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": build.version,
        "as_of": newest.isoformat(),
        "universe": build.universe.as_dict(),
        "source": build.source,
        "datasets": build.datasets,
        "phases": clock.phases,
        "libraries": lake.libraries(),
        "python": platform.python_version(),
    }


def _rankings(build: Build, manifest: Manifest) -> None:
    """Write the rankings of the newest date."""
    staged = Lake.at(build.staged, manifest)
    plan = rankings(staged, as_of=staged.as_of, universe=build.universe)
    frame = plan.collect(engine="streaming")
    build.datasets["rankings"] = {
        "schema": lake.schema_text(frame.schema),
        "rows": frame.height,
        "files": [ingest.write(build, "rankings", frame, None)],
    }
