"""`python -m pipelines.export`: SQLite → a new version of the lake, with its rankings."""

import json
import logging
import platform
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from importlib import import_module
from importlib.metadata import version as library_version
from pathlib import Path
from typing import Annotated, Any, Final

import polars as pl
import typer

from pipelines import console, ingest, lake, normalise, source
from pipelines.errors import ContractError, LakeError
from pipelines.ingest import Build, Part, Progress
from pipelines.lake import Lake, Manifest
from pipelines.memory import peak_mb, resident_mb
from pipelines.ranking import rankings
from pipelines.settings import Settings
from pipelines.source import Table
from pipelines.universe import Universe

logger = logging.getLogger(__name__)

LIBRARIES: Final = ("polars", "pyarrow", "connectorx", "dataframely")


def silent(table: str, done: int, total: int) -> None:
    """No progress."""


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
        logger.info(" ".join(f"{key}={value}" for key, value in entry.items()))


def export(
    database: Path, root: Path, universe: Universe, *, progress: Progress = silent
) -> Manifest:
    """Publish a new version of the lake from a database and return its manifest.

    On any error `SourceError`, `ContractError` or `LakeError` is raised, the version that was
    current still is, and nothing of the new one is left.
    """
    tables = source.preflight(database)
    version = lake.new_version_id()
    staged = root / "versions" / f"{lake.PARTIAL}{version}"
    build = Build(staged, datetime.now(UTC).date(), progress)
    try:
        build.work.mkdir(parents=True)
        manifest = _version(build, database, tables, universe)
        manifest |= {"version": version}
        shutil.rmtree(build.work)
        (staged / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
        lake.publish(root, staged, version)
    except OSError as error:
        raise LakeError(f"cannot write {error.filename or root}: {error.strerror}") from None
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return manifest


def _version(build: Build, database: Path, tables: list[str], universe: Universe) -> Manifest:
    """All datasets of a version, and its manifest."""
    clock = Clock()
    private = build.work / "source.db"
    with clock.phase("copy", {}):
        _copy_while_importing(database, private)
    there = {name: Table(private, name) for name in tables}
    for name, make in _datasets(build, there).items():
        with clock.phase(name, build.datasets):
            make()
    manifest = _manifest(build, database, universe, clock)
    with clock.phase("rankings", build.datasets):
        _rankings(build, manifest, universe)
    return manifest


def _copy_while_importing(database: Path, private: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        copied = pool.submit(source.copy, database, private)
        import_module("connectorx")
        copied.result()


def _datasets(build: Build, there: dict[str, Table]) -> dict[str, Any]:
    """What makes each dataset, in order: stocks come after prices, of which they carry the last."""
    prices = partial(normalise.prices, today=build.today)
    levels = partial(normalise.quotes, key="index_id", today=build.today)
    makers: dict[str, Any] = {
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


def _manifest(build: Build, database: Path, universe: Universe, clock: Clock) -> Manifest:
    newest = pl.concat(build.newest).get_column("newest_date").max() if build.newest else None
    if not isinstance(newest, date):
        raise ContractError(
            f"{database} has no valid row in daily_prices, so there is no date to rank"
        )
    return {
        "schema_version": lake.SCHEMA_VERSION,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "as_of": newest.isoformat(),
        "universe": universe.as_dict(),
        "source": {"path": str(database), "bytes": database.stat().st_size},
        "datasets": build.datasets,
        "phases": clock.phases,
        "libraries": {name: library_version(name) for name in LIBRARIES},
        "python": platform.python_version(),
    }


def _rankings(build: Build, manifest: Manifest, universe: Universe) -> None:
    """Write the rankings of the newest date."""
    staged = Lake.at(build.staged, manifest)
    frame = rankings(staged, as_of=staged.as_of, universe=universe).collect(engine="streaming")
    build.datasets["rankings"] = {
        "schema": lake.schema_text(frame.schema),
        "rows": frame.height,
        "files": [ingest.write(build, "rankings", frame, None)],
    }


# ----------------------------------------------------------------------------------- command


def main(
    *,
    source: Annotated[Path | None, typer.Option(help="SQLite database.")] = None,
    lake: Annotated[Path | None, typer.Option(help="Folder of the lake.")] = None,
    universe: Annotated[str | None, typer.Option(help="Universe to rank.")] = None,
    config: Annotated[Path | None, typer.Option(help="Settings file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
) -> None:
    """Export a SQLite database to a new version of the lake, with the four rankings.

    Example: python -m pipelines.export --source data/demo.db --lake data/lake
    """
    settings = Settings.load(config)
    database, root = source or settings.source, lake or settings.lake
    with console.progress() as progress:
        manifest = export(database, root, settings.chosen_universe(universe), progress=progress)
    if as_json:
        console.write(json.dumps(manifest, indent=1))
    else:
        console.show(*_summary(manifest))


def _summary(manifest: Manifest) -> list[console.Table]:
    datasets = [_dataset_row(name, entry) for name, entry in manifest["datasets"].items()]
    phases = [
        (p["phase"], f"{p['seconds']:.2f}", f"{p['peak_mb']:.0f}") for p in manifest["phases"]
    ]
    total = sum(p["seconds"] for p in manifest["phases"])
    phases.append(("all", f"{total:.2f}", phases[-1][2]))
    parquet = sum(f["bytes"] for e in manifest["datasets"].values() for f in e["files"])
    database = manifest["source"]["bytes"]
    return [
        console.Table(
            f"version {manifest['version']}, as of {manifest['as_of']}",
            ("dataset", "rows in", "rows out", "rejected", "warnings", "MB"),
            datasets,
        ),
        console.Table(
            f"{database / 1e6:.1f} MB SQLite → {parquet / 1e6:.1f} MB Parquet "
            f"({parquet / database:.1%})",
            ("phase", "seconds", "peak MB so far"),
            phases,
        ),
    ]


def _dataset_row(name: str, entry: dict[str, Any]) -> tuple[str, ...]:
    size = sum(f["bytes"] for f in entry["files"]) / 1e6
    rows_in = f"{entry['rows_in']:,}" if "rows_in" in entry else ""
    reasons = (_reasons(entry.get(kind, {})) for kind in ("rejected", "warnings"))
    return (name, rows_in, f"{entry['rows']:,}", *reasons, f"{size:.1f}")


def _reasons(counts: dict[str, int]) -> str:
    return ", ".join(f"{reason} {n:,}" for reason, n in counts.items()) or "0"


if __name__ == "__main__":
    console.run(main)
