"""Answers on the data: refreshes, versions, age, integrity and alerts."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, Final, Literal, Self

from pydantic import BaseModel

from app.web.fields import Timestamp, VersionId, field
from pipelines.lake import State, Status, freshness


class Started(BaseModel):
    """A refresh that was started."""

    job_id: str = field("id of the refresh", "7f3a91c2")
    status: str = field("queued or running", "running")
    started_at: Timestamp
    status_url: str = field("path that answers the state of the refresh", "/v1/data/jobs/7f3a91c2")


class SyncResult(BaseModel):
    """The result of a refresh."""

    version: VersionId
    unchanged: bool = field("true if it found nothing new, so that the version stayed", False)
    rows: int = field("rows in all datasets of the version", 2300000)
    rejected: int = field("rejected rows", 0)
    seconds: float = field("duration in seconds", 4.1)
    peak_memory_mb: float | None = field("largest resident size of the refresh, in MB", 301.2)
    strategies: dict[str, int] = field(
        "number of ranked stocks by strategy", {"trendande_varde": 92}
    )


class Synced(BaseModel):
    """A refresh that has ended."""

    sync_result: SyncResult = field("result of the refresh", {})
    timestamp: Timestamp


class JobStatus(BaseModel):
    """The state of a refresh."""

    job_id: str = field("id of the refresh", "7f3a91c2")
    status: Literal["queued", "running", "succeeded", "failed"] = field(
        "state of the refresh", "running"
    )
    phase: str | None = field("present phase", "prices")
    progress: float = field("progress from 0 to 1", 0.42)
    rows: int | None = field("rows read so far; rows published once it has ended", 960000)
    outcome: str | None = field("published; checked, nothing new; or failed", None)
    elapsed_seconds: float = field("seconds since its start, up to its end", 3.1)
    estimated_seconds: float | None = field("how long it may take, by the last ones", 7.4)
    started_at: datetime | None = field("time in UTC", "2026-11-24T17:05:00Z")
    finished_at: datetime | None = field("time in UTC; null while it runs", None)
    error: str | None = field("reason of the failure", None)
    peak_memory_mb: float | None = field("largest resident size so far, in MB", 288.0)


class SyncStatus(BaseModel):
    """Amount and newest dates of the published data."""

    stocks: int = field("rows of stocks", 730)
    prices: int = field("rows of prices", 2119530)
    fundamentals: int = field("rows of fundamentals", 90123)
    latest_price_date: date = field("day of the newest close", "2026-11-20")
    latest_fundamental_date: date | None = field(
        "newest day on which a row became known", "2026-11-20"
    )


class SyncEntry(BaseModel):
    """A refresh of the past."""

    id: str = field("id of the refresh", "7f3a91c2")
    timestamp: Timestamp
    sync_type: str = field("manual, scheduled, or outside: by no service", "manual")
    success: bool = field("true if it succeeded", True)
    outcome: str = field("published; checked, nothing new; or failed", "published")
    rows: int = field("rows in all datasets that it published", 2300000)
    duration_seconds: float | None = field("duration in seconds", 4.1)
    stocks_updated: int = field("published rows of stocks", 730)
    prices_updated: int = field("published rows of prices", 2119530)
    error_message: str | None = field("reason of the failure", None)
    peak_memory_mb: float | None = field("largest resident size of the refresh, in MB", 301.2)


class SyncHistory(BaseModel):
    """The refreshes of the past."""

    history: list[SyncEntry] = field("newest first", [])
    last_successful_sync: datetime | None = field("time in UTC", "2026-11-24T17:05:00Z")
    next_scheduled_sync: datetime | None = field("time in UTC", "2026-11-25T17:00:00Z")
    sync_hour_utc: int | None = field("hour of the daily refresh", 17)
    total_syncs: int = field("refreshes in the period", 7)
    successful_syncs: int = field("refreshes in the period that succeeded", 7)
    failed_syncs: int = field("all others in the period", 0)


class FreshSummary(BaseModel):
    """The stocks by the age of their prices."""

    total_stocks: int = field("stocks on the universe's markets", 428)
    fresh_count: int = field("stocks with a close at most one trading day old", 424)
    fresh_percentage: float = field("percentage of fresh stocks", 99.1)
    stale_count: int = field("stocks with a close two or three trading days old", 0)
    very_stale_count: int = field("stocks with an older close", 3)
    no_data_count: int = field("stocks without a close", 1)


class DataStatus(BaseModel):
    """The age of the prices."""

    system_status: str = field("FRESH, STALE, VERY_STALE or NO_DATA", "FRESH")
    system_message: str = field("age in a sentence", "closes are of 2026-11-20, …")
    can_run_strategies: bool = field("false if any check is critical", True)
    last_checked: Timestamp
    summary: FreshSummary = field("stocks by the age of their prices", {})


class Check(BaseModel):
    """A check of the data."""

    name: str = field("name of the check", "price_coverage")
    status: Literal["ok", "warning", "critical"] = field("result of the check", "ok")
    message: str = field("result in a sentence", "424 of 428 stocks have a close in the week to …")
    value: Any = field("numbers behind the result", {"share": 0.991})


class Finding(BaseModel):
    """A check with a warning or a critical result."""

    type: str = field("name of the check", "outliers")
    message: str = field("result in a sentence", "closes that moved more than 60% in a day: 7 …")


IntegrityStatus = Literal["OK", "WARNING", "CRITICAL"]
STATUSES: Final[Mapping[Status, IntegrityStatus]] = {
    "ok": "OK",
    "warning": "WARNING",
    "critical": "CRITICAL",
}


class Integrity(BaseModel):
    """The verdict on trading on the published version."""

    status: IntegrityStatus = field("worst result of all checks", "OK")
    recommendation: str = field(
        "recommendation in a sentence", "the data is fresh and complete; safe to trade on"
    )
    checked_at: date = field("day on which the age was counted", "2026-11-24")
    checks: list[Check] = field("all checks", [])
    issues: list[Finding] = field("critical checks", [])
    warnings: list[Finding] = field("checks with a warning", [])
    safe_to_trade: bool = field("false if any check is critical", True)

    @classmethod
    def of(cls, verdict: freshness.Verdict) -> Self:
        """Return the answer of a verdict."""
        return cls(
            status=STATUSES[verdict.worst],
            recommendation=verdict.recommendation,
            checked_at=verdict.checked_at,
            checks=[Check(**vars(check)) for check in verdict.checks],
            issues=_findings(verdict.issues),
            warnings=_findings(verdict.warnings),
            safe_to_trade=verdict.safe_to_trade,
        )


def _findings(found: Iterable[freshness.Finding]) -> list[Finding]:
    return [Finding(type=one.type, message=one.message) for one in found]


class QuickIntegrity(BaseModel):
    """The verdict on trading on the published version, in short."""

    safe_to_trade: bool = field("false if any check is critical", True)
    status: IntegrityStatus = field("worst result of all checks", "OK")
    recommendation: str = field(
        "recommendation in a sentence", "the data is fresh and complete; safe to trade on"
    )
    critical_issues: list[Finding] = field("critical checks", [])
    warning_count: int = field("number of warnings", 0)

    @classmethod
    def of(cls, verdict: freshness.Verdict) -> Self:
        """Return the short answer of a verdict."""
        return cls(
            safe_to_trade=verdict.safe_to_trade,
            status=STATUSES[verdict.worst],
            recommendation=verdict.recommendation,
            critical_issues=_findings(verdict.issues),
            warning_count=len(verdict.warnings),
        )


class AlertInfo(BaseModel):
    """An alert."""

    id: str = field("id of this occurrence", "memory_high-3")
    key: str = field("condition that it watches", "memory_high")
    severity: Literal["warning", "critical"] = field("severity", "warning")
    message: str = field("message in a sentence", "memory is at 78.0% …")
    state: Literal["pending", "firing", "resolved"] = field("state of the alert", "firing")
    since: Timestamp
    resolved_at: datetime | None = field("time in UTC; null until it is resolved", None)


class ScheduledJob(BaseModel):
    """A job that runs by the clock."""

    id: str = field("id of the job", "daily-refresh")
    next: datetime | None = field("time in UTC", "2026-11-25T17:00:00Z")


class Scheduler(BaseModel):
    """The jobs that run by the clock."""

    running: bool = field("true if a job is scheduled", True)
    jobs: list[ScheduledJob] = field("scheduled jobs", [])


class VersionInfo(BaseModel):
    """A kept version."""

    version: VersionId
    created_at: datetime | None = field(
        "time in UTC; null if it cannot be read", "2026-11-24T17:05:00Z"
    )
    as_of: date | None = field("date of its rankings; null if it cannot be read", "2026-11-20")
    rows: int | None = field("rows in all datasets; null if it cannot be read", 2300000)
    bytes: int | None = field("size of its files; null if it cannot be read", 36200000)
    current: bool = field("true for the published version", True)
    withdrawn: bool = field("true if it was rolled back", False)
    state: State = field("state; damaged and other layout cannot be published again", "current")
    changed: list[str] = field("differences from the version before", ["prices +428"])


class RolledBack(BaseModel):
    """A roll-back."""

    previous: VersionId
    version: VersionId
    as_of: date = field("date of the published rankings", "2026-11-20")
