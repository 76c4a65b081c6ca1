"""A refresh as the service knows it: queued, running, succeeded or failed."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from secrets import token_hex
from statistics import median
from typing import Final, Literal

from pydantic import AwareDatetime, JsonValue

from pipelines.lake import Manifest

RefreshStatus = Literal["queued", "running", "succeeded", "failed"]
Trigger = Literal["manual", "scheduled", "outside"]
"""What started a refresh: a request, the clock of the service, or another process."""
LAST: Final = 5
"""How many refreshes tell how long the next one may take."""
NOTHING_NEW: Final = "checked, nothing new"
"""The outcome of a refresh of a database to which nothing was written."""


@dataclass(frozen=True)
class Failure:
    """Why a refresh failed: one sentence, and the class of the error."""

    error: str
    type: str


@dataclass(frozen=True, kw_only=True)
class RefreshResult:
    """The result of a refresh that succeeded, as `POST /data/sync-now` returns it."""

    version: str
    rows: int  # of all datasets
    rejected: int
    seconds: float
    peak_memory_mb: float | None
    strategies: Mapping[str, int]  # how many stocks each one ranks
    unchanged: bool = False  # nothing was written to the database, so that the version stayed


@dataclass(frozen=True, kw_only=True)
class Job:
    """A refresh: times in UTC, memory in MB. A value that is not known, or not yet, is null."""

    job_id: str
    trigger: Trigger
    started_at: AwareDatetime
    finished_at: AwareDatetime | None = None
    status: RefreshStatus = "queued"
    phase: str | None = None  # the step that runs, or ran when it failed
    progress: float = 0.0  # from 0 to 1, and never back
    rows: int | None = None  # read so far; at the end those of all datasets that it published
    rejected: int | None = None
    datasets: dict[str, int] | None = None  # rows of the datasets that it published
    version: str | None = None  # the one that it published, or found to be up to date
    unchanged: bool = False  # the version before stayed, because the database had not changed
    estimated_seconds: float | None = None  # how long it may take, by the last ones
    low_memory: bool = False  # tried once more, with less memory
    peak_memory_mb: float | None = None  # largest resident size of the export
    error: str | None = None
    error_type: str | None = None
    result: RefreshResult | None = None
    other_database: str | None = None  # read from outside in place of the service's, and failed

    @property
    def ended(self) -> bool:
        """True once it succeeded or failed."""
        return self.status in ("succeeded", "failed")

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it runs."""
        if self.finished_at is None:
            return None
        return round((self.finished_at - self.started_at).total_seconds(), 3)

    @property
    def outcome(self) -> str | None:
        """How it ended, in a few words; None while it runs."""
        if not self.ended:
            return None
        if self.status == "failed":
            return "failed"
        return NOTHING_NEW if self.unchanged else "published"

    def as_dict(self) -> dict[str, JsonValue]:
        """The job as JSON holds it."""
        known = asdict(self)
        for name in ("started_at", "finished_at"):
            known[name] = known[name] and known[name].isoformat(timespec="microseconds")
        return known | {"progress": round(self.progress, 4)}

    def failed(self, failure: Failure, at: datetime) -> "Job":
        """The job after it failed."""
        return replace(
            self, status="failed", error=failure.error, error_type=failure.type, finished_at=at,
            result=None,
        )  # fmt: skip

    def succeeded(
        self, manifest: Manifest, before: str | None, ranked: Mapping[str, int], at: datetime
    ) -> "Job":
        """The job after it left a version as the current one; `before` was current before it."""
        unchanged = manifest.version == before
        rejected = sum(dataset.rejected_rows for dataset in manifest.datasets.values())
        result = RefreshResult(
            version=manifest.version,
            rows=manifest.rows,
            rejected=rejected,
            seconds=round((at - self.started_at).total_seconds(), 3),
            peak_memory_mb=self.peak_memory_mb,
            strategies=ranked,
            unchanged=unchanged,
        )
        rows = {name: dataset.rows for name, dataset in manifest.datasets.items()}
        return replace(
            self, status="succeeded", phase=None, progress=1.0, finished_at=at, result=result,
            version=result.version, unchanged=unchanged, rows=0 if unchanged else result.rows,
            rejected=0 if unchanged else rejected, datasets=None if unchanged else rows,
        )  # fmt: skip


def new_job(trigger: Trigger, now: datetime) -> Job:
    """A job whose id sorts by time, such as 20261124T170500Z-3fa1c2."""
    return Job(job_id=f"{now:%Y%m%dT%H%M%SZ}-{token_hex(3)}", trigger=trigger, started_at=now)


def usual_seconds(ended: Iterable[Job]) -> float | None:
    """The median duration of the last refreshes that published, from jobs last first."""
    took = [job.seconds for job in ended if job.outcome == "published" and job.seconds is not None]
    return round(median(took[:LAST]), 1) if took else None
