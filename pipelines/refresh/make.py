"""Make, check and publish a version. Imports all that is heavy."""

import gc
import logging
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime
from platform import python_version

import connectorx  # noqa: F401 - here, for it loads while the database is copied

from pipelines import __version__, lake
from pipelines.errors import ChecksFailed
from pipelines.lake import Lake, Manifest
from pipelines.ranking import rules_hash, strategies_of
from pipelines.refresh import build, checks
from pipelines.refresh.content import Content
from pipelines.refresh.contract_version import contract_hash
from pipelines.refresh.intact import intact
from pipelines.refresh.remembered import remembered
from pipelines.refresh.task import Task, snapshot
from pipelines.refresh.unranked import unranked
from pipelines.source import Snapshot

logger = logging.getLogger(__name__)


def published(
    task: Task, copying: Future[Snapshot] | None, *, after: str | None, force: bool
) -> Manifest:
    """Publish a version and return its manifest; `ChecksFailed` if a check fails, unless forced.

    `copying` ends when the database is copied. Without it, only the rankings are made anew.
    """
    _collect_garbage_again()
    task, content = _made(_remembering(task, after, force=force), copying)
    task.clock.begin("checks")
    new = Lake.unfinished(task.staged, content.datasets, content.as_of)
    failures = checks.failures(new, task.before, task.universe.strategies)
    if after is None:
        failures += checks.first_failures(content.integrity)
        for told in unranked(new.rankings().collect(), strategies_of(task.universe)):
            logger.warning("%s", told)
    if failures and not force:
        for told in failures[ChecksFailed.TOLD :]:
            logger.warning("not published: %s", told)
        raise ChecksFailed(failures)
    task.clock.begin("publish")
    manifest = _manifest(task, content, failures)
    lake.write_manifest(task.staged, manifest)
    lake.publish(task.root, task.staged, task.version, after=after)
    return manifest


def struck(task: Task, before: Lake, *, after: str) -> Manifest:
    """Publish the version before without some observations, and return its manifest.

    No row of the database is read, so that what the rows were written by stays the same.
    """
    _collect_garbage_again()
    content, was = build.from_version_before(task, before), before.manifest
    manifest = replace(
        _manifest(task, content, []),
        demo=was.demo, contract=was.contract, libraries=was.libraries,
    )  # fmt: skip
    lake.write_manifest(task.staged, manifest)
    lake.publish(task.root, task.staged, task.version, after=after)
    return manifest


def _remembering(task: Task, after: str | None, *, force: bool) -> Task:
    """Return the task without a damaged version before, and with the observations to go on from."""
    before = intact(task.before)
    return replace(task, before=before, memory=remembered(task.root, after, before, force=force))


def _made(task: Task, copying: Future[Snapshot] | None) -> tuple[Task, Content]:
    """Return the task and the content of its version; the database is copied if it must be."""
    if copying is None and task.before:
        return task, build.from_version_before(task, task.before)
    return task, build.from_database(task, copying.result() if copying else snapshot(task))


def _collect_garbage_again() -> None:
    """Turn the garbage collector on, if the command turned it off, and let it skip the modules."""
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
        strategies=tuple(strategies_of(task.universe)),
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
        other_universes=task.others,
        demo=task.database.is_demo(),
    )
