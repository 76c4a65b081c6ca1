"""The lines of the service's log about each refresh: its beginning, its phases, its end."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from app.jobs.job import NOTHING_NEW, Job, Trigger

logger = logging.getLogger(__name__)

WHY: Final[Mapping[Trigger, str]] = {
    "manual": "asked for by POST /data/sync-now",
    "scheduled": "due by the clock",
}
"""The reason for a refresh where none is given."""


def tell_begin(job: Job, why: str | None = None) -> None:
    """Log that a refresh begins, and why."""
    fields = {"refresh": job.job_id, "state": "began", "why": why or WHY[job.trigger]}
    logger.info("refresh %(refresh)s began: %(why)s", fields, extra={"fields": fields})


def tell_phase(job: Job) -> None:
    """Log the phase that begins, at debug level."""
    fields = {"refresh": job.job_id, "phase": job.phase}
    logger.debug("refresh %(refresh)s: %(phase)s", fields, extra={"fields": fields})


def tell_end(job: Job, log: Path) -> None:
    """Log the outcome of a refresh that has ended; of one that failed, also where its log is."""
    if job.status == "failed":
        where = "; its log is %(log)s" if log.exists() else ""
        _tell(logging.WARNING, _failed(job, log), f"failed: %(error)s{where}")
    elif job.unchanged:
        _tell(logging.INFO, _unchanged(job), f"{NOTHING_NEW}: %(version)s stays")
    else:
        _tell(logging.INFO, _published(job), "published %(version)s")


def _tell(level: int, fields: Mapping[str, object], message: str) -> None:
    logger.log(level, f"refresh %(refresh)s {message}", fields, extra={"fields": fields})  # noqa: G004


def _failed(job: Job, log: Path) -> dict[str, object]:
    return {
        "refresh": job.job_id,
        "trigger": job.trigger,
        "state": "failed",
        "error": job.error,
        "type": job.error_type,
        "seconds": job.seconds,
        "log": str(log.absolute()) if log.exists() else None,
    }


def _unchanged(job: Job) -> dict[str, object]:
    return {
        "refresh": job.job_id,
        "trigger": job.trigger,
        "state": NOTHING_NEW,
        "version": job.version,
        "seconds": job.seconds,
    }


def _published(job: Job) -> dict[str, object]:
    return {
        "refresh": job.job_id,
        "trigger": job.trigger,
        "state": "published",
        "version": job.version,
        "rows": job.rows,
        "rejected": job.rejected,
        "seconds": job.seconds,
        "peak_mb": job.peak_memory_mb,
    }
