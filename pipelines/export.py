"""`python -m pipelines.export`: SQLite → a new version of the lake, with its rankings."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines import console, lake, pages, source
from pipelines.console import LogFormat, Progress, silent
from pipelines.errors import ChecksFailed, ContractError, LakeError
from pipelines.lake import Lake, Manifest, current_id
from pipelines.ranking import holds_rankings
from pipelines.settings import Settings
from pipelines.staging import Build
from pipelines.universe import Universe


def export(  # noqa: PLR0913 - one parameter an option
    database: Path,
    root: Path,
    universe: Universe,
    *,
    full: bool = False,
    force: bool = False,
    keep: int = 5,
    progress: Progress = silent,
) -> Manifest:
    """Publish a new version of the lake from a database and return its manifest.

    Where nothing was written to the database since the current version was made, that version
    stays and its manifest is returned. `full` reads and writes everything again; `force`
    publishes what fails its checks, and says so in the manifest. The newest `keep` versions stay.
    On any error `SourceError`, `ContractError` or `LakeError` is raised, the version that was
    current still is, and nothing of the new one is left.
    """
    tables = source.preflight(database)
    try:
        with lake.writing(root):
            # Before the copy: what is written while it is made counts as a change next time.
            state = {"path": str(database.resolve()), **pages.fingerprint(database.resolve())}
            current = Lake(root) if lake.current_id(root) else None
            if current and not (full or force) and _is_same(current, state, universe):
                return current.manifest
            if not force:
                _refuse_withdrawn(root, state)
            build = Build(
                database=database, root=root, universe=universe, tables=tables, source=state,
                today=datetime.now(UTC).date(), before=current, progress=progress, full=full,
            )  # fmt: skip
            with build:
                manifest = _publish(build, force=force)
            lake.prune(root, keep=keep)
            return manifest
    except OSError as error:
        raise LakeError(f"cannot write {error.filename or root}: {error.strerror}") from None


def _copied(build: Build) -> None:
    """Copy the database, and meanwhile import what is heavy and was not needed until now."""
    with build.clock.phase("copy", {}), ThreadPoolExecutor(1) as pool:
        copied = pool.submit(source.copy, build.database, build.copy)
        for name in ("pipelines.building", "pipelines.checks", "connectorx"):
            import_module(name)
        copied.result()


def _publish(build: Build, *, force: bool) -> Manifest:
    _copied(build)
    from pipelines import building, checks  # noqa: PLC0415 - they are heavy

    manifest = building.version(build)
    build.clock.begin("checks")
    manifest["failed_checks"] = checks.failures(Lake.at(build.staged, manifest), build.before)
    if manifest["failed_checks"] and not force:
        raise ChecksFailed(manifest["failed_checks"])
    build.clock.begin("publish")
    shutil.rmtree(build.work)
    lake.write_manifest(build.staged, manifest)
    after = build.before.version if build.before else None
    lake.publish(build.root, build.staged, build.version, after=after)
    return manifest


def _is_same(current: Lake, state: dict[str, Any], universe: Universe) -> bool:
    """Whether a new version would be the same as one: same database, universe and rules."""
    manifest = current.manifest
    waiting = any("future_date" in d.get("rejected", {}) for d in manifest["datasets"].values())
    return (
        manifest["source"] == state
        and holds_rankings(current, universe)
        and manifest["libraries"] == lake.libraries()
        and not waiting
    )


def _refuse_withdrawn(root: Path, state: dict[str, Any]) -> None:
    """Do not publish again, unasked, what somebody rolled back."""
    for version in lake.version_ids(root):
        if lake.is_withdrawn(root, version) and lake.manifest_of(root, version)["source"] == state:
            raise ContractError(
                f"the database has not changed since version {version}, which was rolled back; "
                "mend the data, or publish it again with --force"
            )


# ----------------------------------------------------------------------------------- command


def main(  # noqa: PLR0913 - one parameter an option
    *,
    source: Annotated[Path | None, typer.Option(help="SQLite database.")] = None,
    lake: Annotated[Path | None, typer.Option(help="Folder of the lake.")] = None,
    universe: Annotated[str | None, typer.Option(help="Universe to rank.")] = None,
    full: Annotated[bool, typer.Option(help="Read and write everything again.")] = False,
    force: Annotated[bool, typer.Option(help="Publish even what fails its checks.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
    log_format: Annotated[LogFormat, typer.Option(help="Lines of the log.")] = LogFormat.TEXT,
    config: Annotated[Path | None, typer.Option(help="Settings file.")] = None,
) -> None:
    """Export a SQLite database to a new version of the lake, with the four rankings.

    Example: python -m pipelines.export --source data/demo.db --lake data/lake
    """
    console.log_to_stderr(log_format)
    settings = Settings.load(config)
    root = lake or settings.lake
    before = current_id(root)
    with console.progress(log_format) as progress:
        manifest = export(
            source or settings.source,
            root,
            settings.chosen_universe(universe),
            full=full,
            force=force,
            keep=settings.keep_versions,
            progress=progress,
        )
    if as_json:
        console.write(json.dumps(manifest, indent=1))
    elif manifest["version"] == before:
        console.write(f"nothing was written to the database since version {before}, which stays")
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
