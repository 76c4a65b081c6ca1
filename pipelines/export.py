"""`python -m pipelines.export`: SQLite → a new version of the lake, with its rankings."""

import ctypes
import gc
import os

if __name__ == "__main__":
    gc.disable()  # until all modules are there, of which nothing is garbage
    # Before Polars and Arrow load, for they read this as they do; what is set already stays. Their
    # allocators and glibc's would hold back for later as much memory as a refresh needs.
    theirs = os.environ.get("_RJEM_MALLOC_CONF", "")
    # What Polars itself puts first there; a process that a parent with Polars started inherits it.
    theirs = theirs.removeprefix("dirty_decay_ms:500,muzzy_decay_ms:1000").removeprefix(",")
    ours = "narenas:1,dirty_decay_ms:100,muzzy_decay_ms:0"
    os.environ["_RJEM_MALLOC_CONF"] = f"{ours},{theirs}" if theirs else ours
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # nothing is multiplied here
    if "MALLOC_ARENA_MAX" not in os.environ and hasattr(ctypes.CDLL(None), "mallopt"):
        ctypes.CDLL(None).mallopt(-8, 2)  # M_ARENA_MAX of glibc, which has read its environment

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer

from pipelines import console, lake, source
from pipelines.console import LogFormat, Progress, silent
from pipelines.errors import ChecksFailed, ContractError, LakeError, is_of_system
from pipelines.lake import Lake, Manifest, current_id, marks, prune, publish, writing
from pipelines.ranking import holds_rankings
from pipelines.refresh import Build, due_days, is_made_alike, source_entry
from pipelines.settings import Settings
from pipelines.universe import Universe

logger = logging.getLogger(__name__)


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
    stays and its manifest is returned. Where it was made by other rules or for another universe,
    the rankings are made anew from its datasets; where it was written under another contract or
    by other libraries, everything is read again. `full` reads and writes everything again;
    `force` publishes what fails its checks, and says so in the manifest. The newest `keep`
    versions stay. A current version that is damaged counts as none: that is logged, and
    everything is read again. On any error `SourceError`, `ContractError` or `LakeError` is
    raised, the version that was current still is, and nothing of the new one is left.
    """
    tables = source.preflight(database)
    try:
        with writing(root):
            # Looked up once: whoever moves `current` from here on has the last word.
            after = current_id(root)
            # Before the copy: what is written while it is made counts as a change next time.
            state, today = source_entry(database), datetime.now(UTC).date()
            current = _current(root, after, full=full)
            same = current is not None and not (full or force) and _is_same(current, state, today)
            if current and same and holds_rankings(current, universe):
                return current.manifest
            if not force:
                _refuse_withdrawn(root, state)
                _refuse_clock(current, today)
            build = Build(
                database=database, root=root, universe=universe, tables=tables, source=state,
                today=today, before=current, progress=progress, reranks=same,
                full=full or _is_behind(today, current),
            )  # fmt: skip
            with build:
                manifest = _publish(build, after=after, force=force)
            # The version before is held open no longer, so that it may go too.
            build.before = current = None
            prune(root, keep=keep)
            return manifest
    except OSError as error:
        raise LakeError(f"cannot write {error.filename or root}: {error.strerror}") from None
    except pl.exceptions.ComputeError as error:
        # Polars tells of a full disk in this way, too.
        if not is_of_system(error):
            raise
        raise LakeError(f"cannot write {root}: {' '.join(str(error).split())}") from None


def _current(root: Path, version: str | None, *, full: bool) -> Lake | None:
    """Return the version that is published; None where there is none that is whole.

    One of another layout is for somebody to decide on, by asking for a `full` refresh.
    """
    if version is None:
        return None
    if damage := marks.damage(root, version):
        _give_up(f"version {version} is damaged: {damage}")
        return None
    try:
        return lake.open_current(root, version)
    except lake.Damaged as error:
        _give_up(error)
    except lake.OtherLayout as error:
        if not full:
            raise
        _give_up(error)
    return None


def _give_up(why: object) -> None:
    logger.warning("%s: everything is read again, and is not compared with that version", why)


def _copied(build: Build) -> None:
    """Copy the database; meanwhile import what is heavy, and check the version before."""
    with build.clock.phase("copy", {}), ThreadPoolExecutor(1) as pool:
        copied = pool.submit(source.copy, build.database, build.copy)
        for name in ("pipelines.refresh.verify", "pipelines.refresh.checks", "connectorx"):
            import_module(name)
        build.before = _intact(build.before)
        copied.result()


def _intact(before: Lake | None) -> Lake | None:
    """The version before, if its files are as they were written."""
    from pipelines.refresh import verify as verifying  # noqa: PLC0415 - heavy

    if before is None or not (problems := verifying.files(before).problems):
        return before
    _give_up(f"version {before.version} is damaged: {'; '.join(problems)}")
    return None


def _made(build: Build) -> Manifest:
    """Make all of a version but its manifest file."""
    if build.reranks:
        build.before = _intact(build.before)
    reranks = build.reranks and build.before is not None
    if not reranks:
        _copied(build)
    if not gc.isenabled():
        gc.freeze()  # the modules need not be looked at again and again
        gc.enable()
    from pipelines.refresh import build as building  # noqa: PLC0415 - heavy

    if reranks and build.before:
        return building.reranked(build, build.before)
    return building.version(build)


def _publish(build: Build, *, after: str | None, force: bool) -> Manifest:
    manifest = _made(build)
    from pipelines.refresh import checks  # noqa: PLC0415 - heavy

    build.clock.begin("checks")
    manifest["failed_checks"] = checks.failures(Lake.at(build.staged, manifest), build.before)
    if manifest["failed_checks"] and not force:
        raise ChecksFailed(manifest["failed_checks"])
    build.clock.begin("publish")
    lake.write_manifest(build.staged, manifest)
    publish(build.root, build.staged, build.version, after=after)
    return manifest


def _is_same(current: Lake, state: dict[str, Any], today: date) -> bool:
    """Whether a new version would hold the same datasets, the rankings aside."""
    manifest = current.manifest
    return (
        manifest["source"] == state
        and is_made_alike(manifest)
        and not any(due_days(current, name, today) for name in manifest["datasets"])
    )


def _refuse_withdrawn(root: Path, state: dict[str, Any]) -> None:
    """Do not publish again, unasked, what somebody rolled back."""
    for version in filter(partial(marks.is_withdrawn, root), lake.version_ids(root)):
        try:
            withdrawn = lake.manifest_of(root, version).get("source")
        except lake.Damaged:
            raise ContractError(
                f"version {version} was rolled back, and its manifest.json is damaged, so the "
                "database may be as it was; see to it, then publish with --force"
            ) from None
        if withdrawn == state:
            raise ContractError(
                f"the database has not changed since version {version}, which was rolled back; "
                "mend the data, or publish it again with --force"
            )


def _is_behind(today: date, current: Lake | None) -> bool:
    """Whether the newest price of a version would be rejected today, as dated after tomorrow."""
    return current is not None and current.as_of > today + timedelta(days=1)


def _refuse_clock(current: Lake | None, today: date) -> None:
    if current and _is_behind(today, current):
        raise ContractError(
            f"the clock says {today}, but version {current.version} has prices of "
            f"{current.as_of}; set the clock, or publish without later prices with --force"
        )


# ----------------------------------------------------------------------------------- command


def main(  # noqa: PLR0913 - one parameter an option
    *,
    source: Annotated[Path | None, typer.Option(help="SQLite database.", readable=False)] = None,
    lake: Annotated[Path | None, typer.Option(help="Folder of the lake.", readable=False)] = None,
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
