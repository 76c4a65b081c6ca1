"""What is known of a refresh, and those of the past, which outlive the service."""

import logging
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any, Final, Literal

from app.watch import Journal

logger = logging.getLogger(__name__)

KEPT_JOBS: Final = 500
KEPT_LOGS: Final = 30

Status = Literal["queued", "running", "succeeded", "failed"]
Trigger = Literal["manual", "scheduled"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """A refresh: times in UTC, memory in MB. What is not known, or not yet, is null."""

    job_id: str
    trigger: Trigger
    started_at: datetime
    finished_at: datetime | None = None
    status: Status = "queued"
    phase: str | None = None  # what is being done, or was when it ended
    progress: float = 0.0  # from 0 to 1, and never back
    rows: int | None = None  # read so far; at its end those of all datasets of the version
    rejected: int | None = None
    datasets: dict[str, int] | None = None  # rows of the version's datasets
    version: str | None = None  # that it published, or found to be up to date
    unchanged: bool = False  # the version before stayed, for the database had not changed
    low_memory: bool = False  # tried once more, with less memory
    peak_memory_mb: float | None = None  # largest resident size of the export
    error: str | None = None
    error_type: str | None = None
    result: dict[str, Any] | None = None  # of one that succeeded, as `POST /data/sync-now` tells it

    @property
    def ended(self) -> bool:
        """Whether it succeeded or failed."""
        return self.status in ("succeeded", "failed")

    def as_dict(self) -> dict[str, Any]:
        """The job as JSON holds it."""
        known = asdict(self)
        for name in ("started_at", "finished_at"):
            known[name] = known[name] and known[name].isoformat(timespec="microseconds")
        return known | {"progress": round(self.progress, 4)}

    def failed(self, error: str, error_type: str, at: datetime) -> "Job":
        """The job as it is when it has failed."""
        return replace(
            self, status="failed", error=error, error_type=error_type, finished_at=at, result=None
        )


def new_job(trigger: Trigger, now: datetime) -> Job:
    """A job with an id that sorts by time: 20261124T170500Z-3fa1c2."""
    return Job(job_id=f"{now:%Y%m%dT%H%M%SZ}-{token_hex(3)}", trigger=trigger, started_at=now)


def _job(entry: dict[str, Any]) -> Job | None:
    """The job of an entry; None for one of another release that cannot be read."""
    known = {f.name: entry[f.name] for f in fields(Job) if f.name in entry}
    try:
        finished = known.get("finished_at")
        known["started_at"] = datetime.fromisoformat(known["started_at"])
        known["finished_at"] = finished and datetime.fromisoformat(finished)
        return Job(**known)
    except (KeyError, TypeError, ValueError) as error:
        logger.warning("refresh %s is passed over: %s", entry["job_id"], error)
        return None


class History:
    """The newest jobs and the logs of some; a job that was running when the service ended failed.

    All are below `folder`: `jobs.jsonl` and `logs/`.
    """

    def __init__(self, folder: Path) -> None:
        self._logs: Final = folder / "logs"
        self._journal: Final = Journal(folder / "jobs.jsonl", key="job_id", keep=KEPT_JOBS)
        found = (_job(entry) for entry in self._journal.entries())
        self._jobs: Final = {job.job_id: job for job in found if job}
        for job in list(self._jobs.values()):
            if not job.ended:
                self.note(self._cut_short(job))

    def note(self, job: Job) -> None:
        """Remember how a job stands."""
        self._jobs[job.job_id] = job
        if len(self._jobs) > KEPT_JOBS:
            self._jobs.pop(next(iter(self._jobs)))
        self._journal.write(job.as_dict())

    def job(self, job_id: str) -> Job | None:
        """The job of an id, if it is remembered."""
        return self._jobs.get(job_id)

    def ended(self, since: datetime | None = None) -> list[Job]:
        """The jobs that have ended, of those started since then, newest first."""
        jobs = reversed(self._jobs.values())
        return [job for job in jobs if job.ended and (since is None or job.started_at >= since)]

    def log(self, job_id: str) -> Path:
        """Where the log of a job is; only the newest logs are kept."""
        return self._logs / f"{job_id}.log"

    def new_log(self, job_id: str) -> Path:
        """Where the log of a new job is to be written; the oldest makes room for it."""
        self._logs.mkdir(parents=True, exist_ok=True)
        for log in sorted(self._logs.glob("*.log"))[: 1 - KEPT_LOGS]:
            log.unlink(missing_ok=True)
        return self.log(job_id)

    def _cut_short(self, job: Job) -> Job:
        """A job that nobody saw the end of: the last that is known of it is its log."""
        log = self.log(job.job_id)
        at = datetime.fromtimestamp(log.stat().st_mtime, UTC) if log.exists() else job.started_at
        error = "the service ended while the refresh ran; start it again"
        return job.failed(error, "Stopped", at)
