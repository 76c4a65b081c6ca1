"""The refreshes that no service started, for example those of cron, as jobs of the history."""

from collections.abc import Container
from contextlib import suppress
from pathlib import Path

from app.jobs.job import Job
from pipelines import lake as lakes
from pipelines.errors import LakeError
from pipelines.lake import Run
from pipelines.place import place_text
from pipelines.settings import Settings


def service_databases(settings: Settings) -> set[str]:
    """The database that is set, and the one that the current version was made from."""
    found = {place_text(settings.source)}
    with suppress(LakeError, OSError):  # of which others tell
        if version := lakes.current_id(settings.lake):
            found.add(lakes.source_of(settings.lake, version).path)
    return found


def outside_job(run: Run, own: Container[str]) -> Job:
    """The job of a refresh that has ended; its rows are those that it published.

    A failure names its database where that is none of the service's `own`.
    """
    failed, unchanged = run.outcome == "failed", run.outcome == "unchanged"
    is_other = failed and run.database is not None and run.database not in own
    other = Path(run.database or "").name if is_other else None
    return Job(
        job_id=run.id,
        trigger="outside",
        started_at=run.began_at,
        finished_at=run.ended_at or run.began_at,
        status="failed" if failed else "succeeded",
        progress=0.0 if failed else 1.0,
        rows=None if failed else sum(run.datasets.values()),
        rejected=None if failed else run.rejected or 0,
        datasets=run.datasets or None,
        version=run.version if not failed else None,
        unchanged=unchanged,
        peak_memory_mb=run.peak_mb,
        error=f"of another database, {other}: {run.error}" if other else run.error,
        other_database=other,
        error_type=run.error_type,
    )
