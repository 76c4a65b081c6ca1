"""The refresh: `pipelines.export` in a supervised process of its own, one at a time.

An export that needs more memory than the service leaves it is ended, and tried once more in a
slower mode that needs less. However it ends, the published version is complete: the one before
until the very end, and then the new one.
"""

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from app.jobs.child import Child
from app.jobs.environment import environment
from app.jobs.follow import Follower
from app.jobs.history import JobHistory
from app.jobs.job import Failure, Job, Trigger, new_job, usual_seconds
from app.jobs.outcome import Attempt, full_disk, kernel_kills, without_paths
from app.jobs.outside import outside_job, service_databases
from app.jobs.told import tell_begin, tell_end, tell_phase
from app.watch import Events
from pipelines import lake as lakes
from pipelines.errors import StockRankError, is_disk_full
from pipelines.lake import Lake, Manifest
from pipelines.runtime import LOW_MEMORY_ALLOCATORS, resident_mb
from pipelines.settings import Settings

logger = logging.getLogger(__name__)

# The settings come by the environment alone: an empty file stands for the one in the folder.
EXPORT: Final = (
    *(sys.executable, "-m", "pipelines.export"),
    *("--json", "--no-record", "--log-format", "json", "--config", os.devnull),
)
DEFECT: Final = Failure("the service has a defect; see its log", "Defect")


class Running(StockRankError):
    """A refresh is running, so that no other can be started."""

    def __init__(self, job: Job) -> None:
        self.job: Final = job
        super().__init__(f"refresh {job.job_id} is running; wait until it is done")


class Stopping(StockRankError):
    """The service is stopping, so that no refresh can be started."""

    def __init__(self) -> None:
        super().__init__("the service is stopping; start the refresh when it is back")


class Refresher:
    """Starts refreshes, follows them, and remembers those that ended; all in one event loop."""

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        events: Events,
        limit_mb: float,
        *,
        command: Sequence[str] = EXPORT,
        oom_kills: Callable[[], int] = kernel_kills,
    ) -> None:
        self._settings: Final = settings
        self._events: Final = events
        self._limit_mb: Final = limit_mb
        self._command: Final = list(command)
        self._oom_kills: Final = oom_kills
        self._history: Final = JobHistory(folder)
        timeout = 60 * settings.refresh_timeout_minutes
        self._child: Final = Child(self._budget_mb, silent_seconds=timeout)
        self._job: Job | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    # ---------------------------------------------------------------------------- questions

    @property
    def current(self) -> Job | None:
        """The refresh that runs; None if none does."""
        return self._job

    def child_pid(self) -> int | None:
        """The process id of the export that runs; None if none does."""
        return self._child.pid

    def job(self, job_id: str) -> Job | None:
        """The refresh with an id, running or remembered."""
        if self._job and self._job.job_id == job_id:
            return self._job
        return self._history.job(job_id)

    def history(self, days: int | None = None) -> list[Job]:
        """The refreshes that have ended, newest first; only those of the last days, if given."""
        since = None if days is None else datetime.now(UTC) - timedelta(days=days)
        return self._history.ended(since)

    def trouble(self) -> list[str]:
        """What is wrong with the records of the refreshes, in a sentence each."""
        return self._history.trouble(self._settings.lake)

    def log(self, job_id: str) -> Path:
        """The log of a refresh; only the newest logs are kept."""
        return self._history.log(job_id)

    # ------------------------------------------------------------------------------ actions

    def start(self, trigger: Trigger, why: str | None = None) -> Job:
        """Start a refresh; raise `Running` where one runs, and `Stopping` after `close`.

        The log tells why, by default what the trigger says.
        """
        if self._closed:
            raise Stopping
        if self._job is not None:
            raise Running(self._job)
        estimate = usual_seconds(self._history.ended())
        self._job = replace(new_job(trigger, datetime.now(UTC)), estimated_seconds=estimate)
        tell_begin(self._job, why)
        self._record(self._job)
        self._task = asyncio.create_task(self._run())
        return self._job

    async def take_in(self) -> None:
        """Remember the refreshes that no service started, once they have ended."""
        known = self._history.ids()
        runs = await asyncio.to_thread(lakes.ended_runs, self._settings.lake, known)
        own = await asyncio.to_thread(service_databases, self._settings) if runs else set()
        for run in runs:
            self._keep(outside_job(run, own))

    async def clean(self) -> None:
        """Remove what an export that was ended left: its copy of the database, half a version."""
        try:
            await asyncio.to_thread(lakes.clean, self._settings.lake)
        except (StockRankError, OSError) as error:
            logger.warning("the remains of a refresh cannot be removed: %s", error)

    async def wait(self, job_id: str) -> Job | None:
        """Wait for the end of a refresh, and return it; None for one that is not known.

        The wait may be cancelled; the refresh goes on.
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

    async def _run(self) -> None:
        end: Job | Failure = DEFECT
        try:
            end = await self._refreshed()
        except StockRankError as error:
            end = Failure(str(error), type(error).__name__)
        except OSError as error:
            end = self._not_started(error)
        except Exception:
            logger.exception("refresh %s failed by a defect", self._running.job_id)
        finally:
            self._end(end if isinstance(end, Job) else self._running.failed(end, datetime.now(UTC)))

    async def _refreshed(self) -> Job:
        """Make one attempt or two, and return the job as it ended."""
        job = self._change(status="running")
        log = await asyncio.to_thread(self._history.new_log, job.job_id)
        before = await asyncio.to_thread(lakes.current_id, self._settings.lake)
        full = await asyncio.to_thread(self._must_read_all, before)
        attempt = await self._attempts(log, full=full)
        if attempt.manifest is None:
            return self._running.failed(attempt.failure(self._limit_mb), datetime.now(UTC))
        ranked = await asyncio.to_thread(_ranked, self._settings.lake, attempt.manifest)
        return self._running.succeeded(attempt.manifest, before, ranked, datetime.now(UTC))

    def _must_read_all(self, current: str | None) -> bool:
        """True where the current version has another layout, so that no part of it can be taken."""
        if current is None or not lakes.has_other_layout(self._settings.lake, current):
            return False
        logger.info("refresh: version %s has another layout; everything is read anew", current)
        return True

    async def _attempts(self, log: Path, *, full: bool) -> Attempt:
        """Export once, and once more in low-memory mode where memory was lacking."""
        attempt = await self._attempt(log, low_memory=False, full=full)
        if attempt.lack is None or self._closed:
            return attempt
        logger.warning("refresh: %s; trying once more in low-memory mode", attempt.lack)
        return await self._attempt(log, low_memory=True, full=full)

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

        env = {**environment(self._settings), **(LOW_MEMORY_ALLOCATORS if low_memory else {})}
        command = [*self._command, *(["--full"] if full else [])]
        ended = await self._child.run(command, env, log, see)
        if ended.code != 0:
            await self.clean()
        return Attempt(ended, follower, self._child.peak_mb, log, self._oom_kills() > kills)

    @property
    def _running(self) -> Job:
        assert self._job is not None  # noqa: S101 - one is running
        return self._job

    def _change(self, **known: Any) -> Job:
        """Set fields of the job that runs, and return it; subscribers hear of a change."""
        changed = replace(self._running, **known)
        if changed.phase != self._running.phase:
            tell_phase(changed)
        if changed != self._job:
            self._job = changed
            self._events.publish("refresh", changed.as_dict())
        return changed

    def _end(self, job: Job) -> None:
        """Record the job that ran."""
        self._job = None
        self._keep(job)

    def _keep(self, job: Job) -> None:
        """Record a job that has ended; its error is shown without paths; the log has them."""
        tell_end(job, self.log(job.job_id))
        if job.error:
            places = [
                p for p in (self._settings.source, self._settings.lake) if isinstance(p, Path)
            ]
            job = replace(job, error=without_paths(job.error, places))
        self._record(job)

    def _record(self, job: Job) -> None:
        self._history.record(job)
        self._events.publish("refresh", job.as_dict())

    def _not_started(self, error: OSError) -> Failure:
        where = error.filename or self._settings.lake
        if is_disk_full(error):
            return full_disk(Path(where))
        reason = f"the export cannot be started: {where}: {error.strerror}; mend that first"
        return Failure(reason, "NotStarted")

    def _budget_mb(self) -> float:
        """The memory that the service leaves of its limit."""
        return max(0.0, self._limit_mb - resident_mb())


def _ranked(root: Path, manifest: Manifest) -> dict[str, int]:
    """The number of stocks that each strategy ranks in a version."""
    counts = dict.fromkeys(manifest.strategies, 0)
    try:
        ranked = Lake(root, manifest.version).rankings().drop_nulls("rank")
        with lakes.readable():
            found = ranked.group_by("strategy").len().collect(engine="streaming")
    except (StockRankError, OSError) as error:
        # The version was published all the same; somebody may have deleted it meanwhile.
        logger.warning("the rankings of %s cannot be read: %s", manifest.version, error)
        return counts
    return counts | dict(found.iter_rows())
