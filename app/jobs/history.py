"""The refreshes of the past and their logs, which outlive the service."""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from app.jobs.job import Failure, Job
from app.watch import Entry, Journal
from pipelines.lake import damaged_runs

logger = logging.getLogger(__name__)

KEPT_JOBS: Final = 500
KEPT_LOGS: Final = 30
CUT_SHORT: Final = Failure("the service ended while the refresh ran; start it again", "Stopped")

_JOB: Final = TypeAdapter(Job)


class JobHistory:
    """The newest jobs, and the logs of some; a job that ran when the service ended has failed.

    All are below `folder`: `jobs.jsonl` and `logs/`.
    """

    def __init__(self, folder: Path) -> None:
        self._logs: Final = folder / "logs"
        self._journal: Final = Journal(folder / "jobs.jsonl", key="job_id", keep=KEPT_JOBS)
        self._jobs: Final = {job.job_id: job for job in _jobs(self._journal.entries())}
        for job in list(self._jobs.values()):
            if not job.ended:
                self.record(job.failed(CUT_SHORT, self._last_seen(job)))

    def record(self, job: Job) -> None:
        """Keep the state of a job, in place of the one before."""
        self._jobs[job.job_id] = job
        if len(self._jobs) > KEPT_JOBS:
            self._jobs.pop(next(iter(self._jobs)))
        self._journal.record(job.as_dict())

    def job(self, job_id: str) -> Job | None:
        """The job with an id; None if it is not remembered."""
        return self._jobs.get(job_id)

    def ended(self, since: datetime | None = None) -> list[Job]:
        """The jobs that have ended, the last first; only those started since then, if given."""
        jobs = [job for job in self._jobs.values() if job.ended]
        recent = [job for job in jobs if since is None or job.started_at >= since]
        return sorted(recent, key=_end)[::-1]

    def ids(self) -> set[str]:
        """The ids of all jobs."""
        return set(self._jobs)

    def trouble(self, lake: Path) -> list[str]:
        """What is wrong with the file of the jobs, and with the records of others in a lake."""
        own, damaged = self._journal.trouble(), damaged_runs(lake, self.ids())
        return [*([own] if own else []), *(f"refreshes/{name} is damaged" for name in damaged)]

    def log(self, job_id: str) -> Path:
        """The log of a job; only the newest logs are kept."""
        return self._logs / f"{job_id}.log"

    def new_log(self, job_id: str) -> Path:
        """The log for a new job to write; the oldest log makes room for it."""
        self._logs.mkdir(parents=True, exist_ok=True)
        for log in sorted(self._logs.glob("*.log"))[: 1 - KEPT_LOGS]:
            log.unlink(missing_ok=True)
        return self.log(job_id)

    def _last_seen(self, job: Job) -> datetime:
        """The last write to the log of a job; its start where there is no log."""
        log = self.log(job.job_id)
        return datetime.fromtimestamp(log.stat().st_mtime, UTC) if log.exists() else job.started_at


def _end(job: Job) -> datetime:
    return job.finished_at or job.started_at


def _jobs(entries: Iterable[Entry]) -> list[Job]:
    """The jobs among the entries of a file; any other entry is logged and passed over."""
    found = []
    for entry in entries:
        try:
            found.append(_JOB.validate_python(entry))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            logger.warning(
                "refresh %s is passed over: %s: %s", entry["job_id"], where, first["msg"]
            )
    return found
