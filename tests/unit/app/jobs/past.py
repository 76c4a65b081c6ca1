"""Jobs of the past, an hour apart."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from app.jobs.job import Job

NOW: Final = datetime(2026, 11, 24, 17, 5, tzinfo=UTC)


def job(number: int, **known: Any) -> Job:
    started = NOW + timedelta(hours=number)
    ended: dict[str, Any] = {"status": "succeeded", "finished_at": started + timedelta(minutes=1)}
    return Job(job_id=f"job{number:04}", trigger="manual", started_at=started, **ended | known)
