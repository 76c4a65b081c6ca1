"""A version of the lake in the making: a private copy of the database → files and a manifest."""

import logging
import platform
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from functools import partial

import polars as pl

from pipelines import __version__, lake
from pipelines.errors import ContractError, is_of_system
from pipelines.lake import Lake, Manifest, Report
from pipelines.ranking import STRATEGIES, rankings, rules_hash
from pipelines.refresh import normalise
from pipelines.refresh import report as integrity
from pipelines.refresh import rows as ingest
from pipelines.refresh.contract import contract_hash
from pipelines.refresh.reuse import STATE, Kept, link_dataset
from pipelines.refresh.rows import Part
from pipelines.refresh.staging import Build
from pipelines.source import SourceState, TableReader

logger = logging.getLogger(__name__)


def version(build: Build) -> Manifest:
    """Write all datasets of a version and return its manifest; the copy is removed."""
    with ThreadPoolExecutor(2) as pool:
        calendar = pool.submit(_calendar, build)  # a process of its own, meanwhile
        manifest = _ranked(build)
        gone = pool.submit(shutil.rmtree, build.work)  # the copy is read no more
        with build.clock.phase("integrity", build.datasets):
            manifest["integrity"] = _integrity(build, manifest, calendar.result())
        gone.result()
    return manifest


def reranked(build: Build, before: Lake) -> Manifest:
    """Link all datasets of the version before, make the rankings anew and return the manifest."""
    with ThreadPoolExecutor(1) as pool:
        calendar = pool.submit(_calendar, build)
        with build.clock.phase("changes", {}):
            _take_all(build, before)
        manifest = _manifest(build, before.as_of)
        with build.clock.phase("rankings", build.datasets):
            _rankings(build, manifest)
        with build.clock.phase("integrity", build.datasets):
            manifest["integrity"] = _integrity(build, manifest, calendar.result())
    return manifest


def _take_all(build: Build, before: Lake) -> None:
    for dataset in before.manifest["datasets"]:
        if dataset != "rankings":
            _take(build, before, dataset)
    shutil.copyfile(before.path / STATE, build.staged / STATE)
    shutil.rmtree(build.work)


def _ranked(build: Build) -> Manifest:
    """Write all datasets and the rankings.

    Whatever goes wrong while years are taken from the version before, but for lack of disk or
    memory, everything is read once more: an error of that is an error of the data.
    """
    try:
        return _with_rankings(build)
    except Exception as error:
        if build.full or build.before is None or is_of_system(error):
            raise
        reason = f"{type(error).__name__}: {error}"
    logger.warning("the refresh of what changed failed (%s): everything is read again", reason)
    build.start_over()
    return _with_rankings(build)


def _with_rankings(build: Build) -> Manifest:
    there = {table.name: TableReader(build.copy, table) for table in build.tables}
    with build.clock.phase("changes", {}):
        kept = _kept(build)
    for name, make in _makers(build, there, kept).items():
        with build.clock.phase(name, build.datasets):
            make()
    manifest = _manifest(build, _newest_day(build))
    with build.clock.phase("rankings", build.datasets):
        _rankings(build, manifest)
    return manifest


def _kept(build: Build) -> Kept | None:
    """What to take from the version before; the state of the database is saved for the next."""
    now = SourceState.of(build.copy)
    now.save(build.staged / STATE)
    if build.before is None or build.full:
        return None
    return Kept.of(build.before, build.copy, now, build.today)


def _makers(
    build: Build, there: dict[str, TableReader], kept: Kept | None
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
        makers |= {
            dataset: partial(_take, build, kept.before, dataset) for dataset in kept.datasets
        }
    return makers


def _take(build: Build, before: Lake, dataset: str) -> None:
    build.datasets[dataset] = link_dataset(before, build.staged, dataset)


def _newest_day(build: Build) -> date:
    newest = pl.concat(build.newest).get_column("newest_date").max() if build.newest else None
    if not isinstance(newest, date):
        raise ContractError(
            f"{build.database} has no valid row in daily_prices, so there is no date to rank"
        )
    return newest


def _manifest(build: Build, as_of: date) -> Manifest:
    return {
        "schema_version": lake.SCHEMA_VERSION,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": build.version,
        "as_of": as_of.isoformat(),
        "universe": build.universe.as_dict(),
        "strategies": list(STRATEGIES),
        "source": build.source,
        "datasets": build.datasets,
        "phases": build.clock.phases,
        "rules": rules_hash(),
        "contract": contract_hash(),
        "release": __version__,
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
