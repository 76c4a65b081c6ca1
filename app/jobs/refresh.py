"""The refresh: `pipelines.export` in a supervised process of its own, one at a time.

It is ended where it needs more memory than the service leaves it, and then tried once more in a
slower mode that needs less. Whatever becomes of it, the published version is a complete one: the
one before until the very end, and then the new one.
"""

import asyncio
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl

from app.jobs.child import SILENT_SECONDS, Child
from app.jobs.follow import Follower
from app.jobs.history import History, Job, Trigger, new_job
from app.jobs.outcome import Attempt, Failure, kernel_kills, published, without_paths
from app.watch import Events
from pipelines import lake as lakes
from pipelines.errors import StockRankError
from pipelines.lake import Lake, Manifest
from pipelines.runtime import LOW_MEMORY, resident_mb, without_allocators
from pipelines.settings import PREFIX, Settings

logger = logging.getLogger(__name__)

# The settings come by the environment alone: an empty file stands for the one in the folder.
EXPORT: Final = (
    *(sys.executable, "-m", "pipelines.export"),
    *("--json", "--log-format", "json", "--config", os.devnull),
)
PASSED_ON: Final = {"source", "lake", "universe", "keep_versions", "universes"}


class Running(StockRankError):
    """A refresh is running, so that no other can be started."""

    def __init__(self, job: Job) -> None:
        self.job: Final = job
        super().__init__(f"refresh {job.job_id} is running; wait until it is done")


class Stopping(StockRankError):
    """The service is being stopped, so that no refresh can be started."""

    def __init__(self) -> None:
        super().__init__("the service is stopping; start the refresh when it is back")


class Refresher:
    """Starts refreshes, follows them, and knows those of the past; all in one event loop."""

    def __init__(  # noqa: PLR0913 - the last three are what tests replace
        self,
        settings: Settings,
        folder: Path,
        events: Events,
        limit_mb: float,
        *,
        command: Sequence[str] = EXPORT,
        silent_seconds: float = SILENT_SECONDS,
        oom_kills: Callable[[], int] = kernel_kills,
    ) -> None:
        self._settings: Final = settings
        self._events: Final = events
        self._limit_mb: Final = limit_mb
        self._command: Final = list(command)
        self._oom_kills: Final = oom_kills
        self._history: Final = History(folder)
        self._child: Final = Child(self._budget_mb, silent_seconds=silent_seconds)
        self._job: Job | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    # ---------------------------------------------------------------------------- questions

    @property
    def current(self) -> Job | None:
        """The refresh that is running, if any."""
        return self._job

    def child_pid(self) -> int | None:
        """The process of the export that is running, if any."""
        return self._child.pid

    def job(self, job_id: str) -> Job | None:
        """A refresh, running or remembered."""
        if self._job and self._job.job_id == job_id:
            return self._job
        return self._history.job(job_id)

    def history(self, days: int | None = None) -> list[Job]:
        """The refreshes that have ended, newest first: all that are remembered, or of some days."""
        since = None if days is None else datetime.now(UTC) - timedelta(days=days)
        return self._history.ended(since)

    def log(self, job_id: str) -> Path:
        """The log of a refresh; only those of the newest are kept."""
        return self._history.log(job_id)

    # ------------------------------------------------------------------------------ actions

    def start(self, trigger: Trigger) -> Job:
        """Start a refresh; `Running` names the one that runs, `Stopping` is after `close`."""
        if self._closed:
            raise Stopping
        if self._job is not None:
            raise Running(self._job)
        self._job = new_job(trigger, datetime.now(UTC))
        self._note(self._job)
        self._task = asyncio.create_task(self._run(self._job))
        return self._job

    async def wait(self, job_id: str) -> Job | None:
        """A refresh when it has ended; None for one that is not known.

        Who waits may be cancelled; the refresh goes on.
        """
        if self._task and self._job and self._job.job_id == job_id:
            await asyncio.wait({self._task})
        return self.job(job_id)

    async def close(self) -> None:
        """End the refresh that runs, which then has failed; none can be started afterwards."""
        self._closed = True
        self._child.stop()
        if self._task:
            await asyncio.wait({self._task})

    # -------------------------------------------------------------------------- one refresh

    async def _run(self, job: Job) -> None:
        known = _failed(Failure("the service has a defect; see its log", "Defect"))
        try:
            known = await self._outcome(job)
        except OSError as error:
            where = error.filename or self._settings.lake
            told = f"the export cannot be started: {where}: {error.strerror}; mend that first"
            known = _failed(Failure(told, "NotStarted"))
        finally:
            self._end(replace(self._job or job, finished_at=datetime.now(UTC), **known))

    def _end(self, job: Job) -> None:
        """Note a job that has ended; why it failed is told without paths, which the log has."""
        if job.error:
            logger.warning("refresh %s failed: %s", job.job_id, job.error)
            told = without_paths(job.error, (self._settings.source, self._settings.lake))
            job = replace(job, error=told)
        self._job = None
        self._note(job)

    async def _outcome(self, job: Job) -> dict[str, Any]:
        """What is known at the end, after one attempt or two."""
        self._change(status="running")
        log = self._history.new_log(job.job_id)
        before = lakes.current_id(self._settings.lake)
        full = bool(before and lakes.has_other_layout(self._settings.lake, before))
        if full:
            logger.info("refresh: version %s has another layout; everything is read anew", before)
        attempt = await self._attempt(log, low_memory=False, full=full)
        if attempt.lack and not self._closed:
            logger.warning("refresh: %s; trying once more in low-memory mode", attempt.lack)
            attempt = await self._attempt(log, low_memory=True, full=full)
        if attempt.manifest is None:
            return _failed(attempt.failure(self._limit_mb))
        known = published(attempt.manifest, before)
        result = await self._result(attempt.manifest, known)
        return known | {"status": "succeeded", "phase": None, "progress": 1.0, "result": result}

    async def _result(self, manifest: Manifest, known: dict[str, Any]) -> dict[str, Any]:
        """What `POST /data/sync-now` answers on a refresh that succeeded."""
        job = self._change()
        return {
            **{name: known[name] for name in ("version", "rows", "rejected")},
            "seconds": round((datetime.now(UTC) - job.started_at).total_seconds(), 3),
            "peak_memory_mb": job.peak_memory_mb,
            "strategies": await asyncio.to_thread(_ranked, self._settings.lake, manifest),
        }

    async def _attempt(self, log: Path, *, low_memory: bool, full: bool) -> Attempt:
        job, kills = self._change(low_memory=low_memory), self._oom_kills()
        follower = Follower(job.progress)

        def see(lines: list[str]) -> None:
            for line in lines:
                follower.see(line)
            sizes = (job.peak_memory_mb, self._child.peak_mb, follower.peak_mb)
            self._change(
                phase=follower.phase,
                progress=follower.progress,
                rows=follower.rows,
                peak_memory_mb=max((round(mb, 1) for mb in sizes if mb), default=None),
            )

        env = {**_environment(self._settings), **(LOW_MEMORY if low_memory else {})}
        command = [*self._command, *(["--full"] if full else [])]
        ended = await self._child.run(command, env, log, see)
        return Attempt(ended, follower, self._child.peak_mb, log, self._oom_kills() > kills)

    def _change(self, **known: Any) -> Job:
        """The job that runs, with what is known of it now; subscribers hear of what changed."""
        assert self._job is not None  # noqa: S101 - one is running
        changed = replace(self._job, **known)
        if changed != self._job:
            self._job = changed
            self._events.publish("refresh", changed.as_dict())
        return changed

    def _note(self, job: Job) -> None:
        self._history.note(job)
        self._events.publish("refresh", job.as_dict())

    def _budget_mb(self) -> float:
        """What the service leaves of its limit."""
        return self._limit_mb - resident_mb()


def _failed(failure: Failure) -> dict[str, Any]:
    return {"status": "failed", "error": failure.error, "error_type": failure.type}


def _environment(settings: Settings) -> dict[str, str]:
    """Return what the export needs to know, without the service's secrets and allocators."""
    inherited = without_allocators(os.environ)
    given = {name: value for name, value in inherited.items() if not name.startswith(PREFIX)}
    known = settings.model_dump(mode="json", include=PASSED_ON)
    for name, value in known.items():
        given[f"{PREFIX}{name}".upper()] = value if isinstance(value, str) else json.dumps(value)
    places = [str(Path(lakes.__file__).parents[2]), given.get("PYTHONPATH")]
    return given | {"PYTHONPATH": os.pathsep.join(place for place in places if place)}


def _ranked(root: Path, manifest: Manifest) -> dict[str, int]:
    """How many stocks each strategy ranks in a version."""
    counts = dict.fromkeys(manifest.strategies, 0)
    try:
        ranked = Lake(root, manifest.version).rankings().drop_nulls("rank")
        found = ranked.group_by("strategy").len().collect(engine="streaming")
    except (StockRankError, OSError, pl.exceptions.PolarsError) as error:
        # It is published all the same: somebody may have deleted it meanwhile.
        logger.warning("the rankings of %s cannot be read: %s", manifest.version, error)
        return counts
    return counts | dict(found.iter_rows())
