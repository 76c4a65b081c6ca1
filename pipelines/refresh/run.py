"""A refresh from start to end: whether anything must be made, made, checked, published."""

import gc
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from importlib import import_module
from pathlib import Path
from platform import python_version
from typing import Final

import polars as pl

from pipelines import __version__, lake, source
from pipelines.console import Progress, silent
from pipelines.errors import ChecksFailed, ContractError, LakeError, is_of_system
from pipelines.fingerprint import Fingerprint, fingerprint
from pipelines.lake import Lake, Manifest, current_id, marks, writing
from pipelines.ranking import STRATEGIES, holds_rankings, rules_hash
from pipelines.refresh.content import Content
from pipelines.refresh.contract import contract_hash, is_made_alike
from pipelines.refresh.task import Task, staging
from pipelines.refresh.waiting import due_days
from pipelines.universe import Universe

logger = logging.getLogger(__name__)

HEAVY: Final = ("connectorx", "pipelines.refresh.build", "pipelines.refresh.checks")
"""Modules that load while the database is copied; where nothing changed none is needed."""


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
    tables = tuple(source.preflight(database))
    with _disk_errors(root), writing(root):
        # Looked up once: whoever moves `current` from here on has the last word.
        after = current_id(root)
        # Before the copy: what is written while it is made counts as a change next time.
        state, today = fingerprint(database), datetime.now(UTC).date()
        current = _current(root, after, full=full)
        same = current is not None and not (full or force) and _is_same(current, state, today)
        if current and same and holds_rankings(current, universe):
            return current.manifest
        if not force:
            _refuse_withdrawn(root, state)
            _refuse_clock(current, today)
        task = Task(
            database=database, root=root, version=lake.new_version_id(root), universe=universe,
            tables=tables, source=state, today=today, before=current, progress=progress,
            full=full or _is_behind(today, current),
        )  # fmt: skip
        with staging(task):
            manifest = _published(task, takes_all=same, after=after, force=force)
        # The version before is held open no longer, so that it may go too.
        del task, current
        lake.prune(root, keep=keep)
        return manifest


@contextmanager
def _disk_errors(root: Path) -> Iterator[None]:
    """Raise `LakeError` in place of what the disk says, also by way of Polars."""
    try:
        yield
    except OSError as error:
        raise LakeError(f"cannot write {error.filename or root}: {error.strerror}") from None
    except pl.exceptions.ComputeError as error:
        if not is_of_system(error):
            raise
        raise LakeError(f"cannot write {root}: {' '.join(str(error).split())}") from None


# -------------------------------------------------------------------------- what must be made


def _current(root: Path, version: str | None, *, full: bool) -> Lake | None:
    """Return the version that is published; None where there is none that is whole.

    One of another layout is for somebody to decide on, by asking for a `full` refresh.
    """
    if version is None:
        return None
    if damage := marks.known_damage(root, version):
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


def _is_same(current: Lake, state: Fingerprint, today: date) -> bool:
    """Return whether a new version would hold the same datasets, the rankings aside."""
    return (
        current.manifest.source == state
        and is_made_alike(current.manifest)
        and not any(due_days(current, name, today) for name in current.datasets)
    )


def _refuse_withdrawn(root: Path, state: Fingerprint) -> None:
    """Raise `ContractError` rather than publish again, unasked, what somebody rolled back."""
    for version in filter(partial(marks.is_withdrawn, root), lake.version_ids(root)):
        try:
            withdrawn = lake.source_of(root, version)
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
    """Return whether a version's newest price would be rejected today, as after tomorrow."""
    return current is not None and current.as_of > today + timedelta(days=1)


def _refuse_clock(current: Lake | None, today: date) -> None:
    if current and _is_behind(today, current):
        raise ContractError(
            f"the clock says {today}, but version {current.version} has prices of "
            f"{current.as_of}; set the clock, or publish without later prices with --force"
        )


# --------------------------------------------------------------------------------------- make


def _published(task: Task, *, takes_all: bool, after: str | None, force: bool) -> Manifest:
    """Make a version, check it and publish it."""
    task, content = _made(task, takes_all=takes_all)
    from pipelines.refresh import checks  # noqa: PLC0415 - heavy

    task.clock.begin("checks")
    new = Lake.unfinished(task.staged, content.datasets, content.as_of)
    failures = checks.failures(new, task.before)
    if failures and not force:
        raise ChecksFailed(failures)
    task.clock.begin("publish")
    manifest = _manifest(task, content, failures)
    lake.write_manifest(task.staged, manifest)
    lake.publish(task.root, task.staged, task.version, after=after)
    return manifest


def _made(task: Task, *, takes_all: bool) -> tuple[Task, Content]:
    """Make the content of a version; return the task too, as it was done.

    The version before is none where its files are damaged.
    """
    if takes_all and (before := _intact(task.before)):
        _settle()
        from pipelines.refresh import build  # noqa: PLC0415 - heavy

        return task, build.take(task, before)
    task = replace(task, before=_copied(task))
    _settle()
    from pipelines.refresh import build  # noqa: PLC0415 - heavy

    return task, build.read(task)


def _copied(task: Task) -> Lake | None:
    """Copy the database, and return the version before if it is whole.

    Meanwhile what is heavy is imported.
    """
    with task.clock.phase("copy"), ThreadPoolExecutor(1) as pool:
        copied = pool.submit(source.copy, task.database, task.copy)
        for name in HEAVY:
            import_module(name)
        before = _intact(task.before)
        copied.result()
    return before


def _intact(before: Lake | None) -> Lake | None:
    """Return the version before, if its files are as they were written."""
    from pipelines.refresh import verify  # noqa: PLC0415 - heavy

    if before is None or not (problems := verify.problems(before)):
        return before
    _give_up(f"version {before.version} is damaged: {'; '.join(problems)}")
    return None


def _settle() -> None:
    """Let the collector of garbage pass by the modules, which all are loaded, and work again."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def _manifest(task: Task, content: Content, failures: list[str]) -> Manifest:
    return Manifest(
        schema_version=lake.SCHEMA_VERSION,
        created_at=datetime.now(UTC).replace(microsecond=0),
        version=task.version,
        as_of=content.as_of,
        universe=task.universe,
        strategies=tuple(STRATEGIES),
        source=task.source,
        datasets=content.datasets,
        phases=tuple(task.clock.phases),
        rules=rules_hash(),
        contract=contract_hash(),
        release=__version__,
        libraries=lake.libraries(),
        python=python_version(),
        integrity=content.integrity,
        failed_checks=tuple(failures),
    )
