"""The refreshes that no service started, for example those of cron, as jobs of the history."""

from app.jobs.job import Job
from pipelines.lake import Run


def outside_job(run: Run) -> Job:
    """The job of a refresh that has ended; its rows are those that it published."""
    failed, unchanged = run.outcome == "failed", run.outcome == "unchanged"
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
        error=run.error,
        error_type=run.error_type,
    )
