"""A version of the lake in the making: a private copy of the database → files and a manifest."""

import platform
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

import polars as pl

from pipelines import lake
from pipelines.errors import ContractError
from pipelines.lake import Lake, Manifest, Report
from pipelines.ranking import STRATEGIES, rankings
from pipelines.refresh import normalise
from pipelines.refresh import report as integrity
from pipelines.refresh import rows as ingest
from pipelines.refresh.reuse import STATE, Kept
from pipelines.refresh.rows import Part
from pipelines.refresh.staging import Build
from pipelines.source import State, Table


def version(build: Build) -> Manifest:
    """Write all datasets of a version and return its manifest; the copy is removed."""
    with ThreadPoolExecutor(2) as pool:
        calendar = pool.submit(_calendar, build)  # a process of its own, meanwhile
        manifest = _with_datasets(build)
        gone = pool.submit(shutil.rmtree, build.work)  # the copy is read no more
        with build.clock.phase("rankings", build.datasets):
            _rankings(build, manifest)
        with build.clock.phase("integrity", build.datasets):
            manifest["integrity"] = _integrity(build, manifest, calendar.result())
        gone.result()
    return manifest


def _with_datasets(build: Build) -> Manifest:
    clock, private = build.clock, build.copy
    there = {name: Table(private, name) for name in build.tables}
    with clock.phase("changes", {}):
        kept = _kept(build, private)
    for name, make in _makers(build, there, kept).items():
        with clock.phase(name, build.datasets):
            make()
    return _manifest(build)


def _kept(build: Build, private: Path) -> Kept | None:
    """What to take from the version before; the state of the database is saved for the next."""
    now = State.of(private)
    now.save(build.staged / STATE)
    reusable = build.before is not None and not build.full
    return Kept.of(build.before, private, now) if reusable and build.before else None


def _makers(
    build: Build, there: dict[str, Table], kept: Kept | None
) -> dict[str, Callable[[], None]]:
    """What makes each dataset, in order: stocks come after prices, of which they carry the last."""
    prices = partial(normalise.prices, today=build.today)
    levels = partial(normalise.quotes, key="index_id", today=build.today)
    makers: dict[str, Callable[[], None]] = {
        "prices": lambda: ingest.prices(build, there["daily_prices"], prices, kept),
        "fundamentals": lambda: ingest.fundamentals(build, there),
        "stocks": lambda: ingest.stocks(build, there["stocks"]),
    }
    if "index_prices" in there:
        makers["index_prices"] = lambda: ingest.partitioned(
            build, "index_prices", "index_id", "date", lambda: [Part(there["index_prices"], levels)]
        )
    if kept:
        makers |= {dataset: partial(_take, build, kept, dataset) for dataset in kept.datasets}
    return makers


def _take(build: Build, kept: Kept, dataset: str) -> None:
    build.datasets[dataset] = kept.link_dataset(build.staged, dataset)


def _manifest(build: Build) -> Manifest:
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
        "strategies": list(STRATEGIES),
        "source": build.source,
        "datasets": build.datasets,
        "phases": build.clock.phases,
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


def _calendar(build: Build) -> list[date]:
    """Of the version before while it reaches."""
    kept = build.before.manifest.get("integrity") if build.before else None
    return integrity.calendar(build.universe, build.today, kept)


def _integrity(build: Build, manifest: Manifest, calendar: list[date]) -> Report:
    new = Lake.at(build.staged, manifest)
    return integrity.report(new, as_of=new.as_of, universe=build.universe, calendar=calendar)
