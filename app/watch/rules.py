"""The rules of the alerts: from memory, disk and refreshes to observations, one for each key.

All rules are pure functions. Those of a version are in `version_rules`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from itertools import takewhile
from typing import Final, Protocol

from app.watch.alerts import Observation, Severity
from app.watch.disk import DiskUsage
from app.watch.levels import Level
from app.watch.memory import Guard
from app.watch.usage import remedies, situation
from pipelines.errors import ChecksFailed
from pipelines.lake import SEVERITY, Condition, Prepared, Report, verdict

GROWTH_HOURS: Final = 6.0
"""Growth that reaches the limit sooner than this is an alert: nobody may look before."""
LEAST_GROWTH_MB_PER_HOUR: Final = 10.0
GROWTH_HOLD_SECONDS: Final = 300.0
"""Caches fill after a start, and a busy quarter of an hour looks like a leak."""

SPARE: Final = 1.2
"""Less free room than this many times the need of a refresh is an alert before it is too late."""

FAILURES: Final = 3
"""Failed refreshes in a row that are critical: one may be due to a busy database."""
NOTHING_HOLD_SECONDS: Final = 900.0
"""Enough for a new service to publish its first version."""

DELIVERY_HOLD_SECONDS: Final = 3.0
"""Enough for a receiver that restarts and takes the notice at the second try."""

WATCH_HOLD_SECONDS: Final = 5.0
"""A version that is pruned while it is read is no trouble: the next look finds another."""


class RefreshJob(Protocol):
    """A refresh, as far as the rules look at it."""

    @property
    def status(self) -> str:
        """`succeeded` or `failed` after its end."""

    @property
    def error(self) -> str | None:
        """The reason for a failure."""

    @property
    def error_type(self) -> str | None:
        """The class of the error."""

    @property
    def finished_at(self) -> datetime | None:
        """The time of its end; None while it runs."""

    @property
    def other_database(self) -> str | None:
        """The database that it read from outside and failed on; None if it is the service's."""


# ------------------------------------------------------------------------------------ memory


def of_memory(guard: Guard) -> list[Observation]:
    """The two observations of memory: high, and growing."""
    return [memory_high(guard), memory_growing(guard)]


def memory_high(guard: Guard) -> Observation:
    """Observe that the level in force is a warning or critical."""
    severity: Severity = "critical" if guard.level is Level.CRITICAL else "warning"
    high = None
    if guard.level is not Level.OK:
        high = "; ".join([situation(guard.latest), *remedies(guard)])
    return Observation("memory_high", severity, high)


def memory_growing(guard: Guard) -> Observation:
    """Observe that the service, without a refresh, grows to its limit within hours."""
    trend, used = guard.trend_mb_per_hour() or 0.0, guard.latest.process_mb
    growing = None
    if trend >= LEAST_GROWTH_MB_PER_HOUR:
        hours = max(0.0, guard.limit_mb - used) / trend
        if hours <= GROWTH_HOURS:
            growing = (
                f"the service uses {used:,.0f} MB and grows by {trend:,.0f} MB an hour; it meets "
                f"its limit of {guard.limit_mb:,.0f} MB in {hours:.1f} hours; restart it, and "
                "report the requests that it answered"
            )
    return Observation("memory_growing", "warning", growing, GROWTH_HOLD_SECONDS)


# -------------------------------------------------------------------------------------- disk


def disk_low(usage: DiskUsage) -> Observation:
    """Observe that the next refresh does not fit on the disk, or hardly."""
    needed, message = usage.needed_mb, None
    free = usage.folders[-1].free_mb if usage.folders else None
    if needed is not None and free is not None and free < SPARE * needed:
        how = "hardly has" if usage.enough else "has not the"
        message = (
            f"the disk of the lake {how} room for a refresh, which needs {needed:,.1f} MB "
            f"({usage.copy_mb:,.1f} MB for its copy of the database, {usage.files_mb:,.1f} MB for "
            f"the new version): {free:,.1f} MB are free; make room, or delete old versions with "
            "python -m pipelines.versions prune"
        )
    return Observation("disk_low", "warning" if usage.enough else "critical", message)


# --------------------------------------------------------------------------------- backtests


def backtests_failed(found: Prepared | None) -> Observation:
    """Observe that the refresh could not compute the backtests of the current version."""
    message = None
    if found and found.error:
        message = (
            f"the refresh published version {found.version}, but has no backtests of it: "
            f"{found.error}; each is computed when it is asked for"
        )
    return Observation("backtests_failed", "warning", message)


# ----------------------------------------------------------------------------------- refresh


def of_jobs(jobs: Iterable[RefreshJob], published_at: datetime | None = None) -> list[Observation]:
    """Observe that the last refreshes failed, from jobs newest first; running ones do not count.

    `published_at` is when the newest version was made, also if it was rolled back since. Jobs that
    ended before it do not count: a refresh that the service did not start has succeeded. Failures
    with another database do not count, for they say nothing of the service's.
    """
    own = (job for job in jobs if not job.other_database)
    ended = (job for job in own if job.status in ("succeeded", "failed"))
    failed = list(takewhile(lambda job: _is_failure(job, published_at), ended))
    rejected = bool(failed) and failed[0].error_type == ChecksFailed.__name__
    return [_refresh_failed([] if rejected else failed), _version_rejected(failed[:rejected])]


def _is_failure(job: RefreshJob, published_at: datetime | None) -> bool:
    older = published_at and job.finished_at and job.finished_at < published_at
    return job.status == "failed" and not older


def _refresh_failed(failed: Sequence[RefreshJob]) -> Observation:
    severity: Severity = "critical" if len(failed) >= FAILURES else "warning"
    message = None
    if failed:
        many = (
            "the last refresh" if len(failed) == 1 else f"each of the last {len(failed)} refreshes"
        )
        message = f"{many} failed, the old version stays: {failed[0].error}"
    return Observation("refresh_failed", severity, message)


def _version_rejected(rejected: Sequence[RefreshJob]) -> Observation:
    message = rejected[0].error or "a new version did not pass its checks" if rejected else None
    return Observation("version_rejected", "critical", message)


def refresh_overdue(report: Report | None, now: date) -> Observation:
    """Observe that the prices are too old, in trading days, or that nothing is published."""
    key = "refresh_overdue"
    if report is None:
        nothing = "nothing is published; start a refresh with POST /data/sync-now"
        return Observation(key, "warning", nothing, NOTHING_HOLD_SECONDS)
    found = verdict(report, now)
    status = SEVERITY[found.age.label]
    message = None
    if status != "ok":
        message = f"{found.checks[0].message}; refresh, and check that the database gets new prices"
    return Observation(key, "critical" if status == "critical" else "warning", message)


# -------------------------------------------------------------------------------------- lake


def of_lake(condition: Condition, in_memory: str | None) -> list[Observation]:
    """Observe that the lake cannot be read, or that its current version is damaged.

    `in_memory` is the id of the version that is served all the same.
    """
    served = f"version {in_memory} is served from memory" if in_memory else "nothing is served"
    message = f"{condition.trouble}; until then {served}" if condition.trouble else None
    unreadable = message if condition.state == "unreadable" else None
    damaged = message if condition.state == "damaged" else None
    return [
        Observation("lake_unreadable", "critical", unreadable),
        Observation("version_damaged", "critical", damaged),
    ]


def kept_version_damaged(damage: Mapping[str, str]) -> Observation:
    """Observe damage of versions other than the current one, by version."""
    message = None
    if damage:
        told = "; ".join(f"version {version}: {problems}" for version, problems in damage.items())
        message = (
            f"a version that is kept to roll back to is damaged: {told}; restore its files and run "
            "python -m pipelines.versions verify, or delete its folder and run "
            "python -m pipelines.versions prune"
        )
    return Observation("kept_version_damaged", "warning", message)


def remote_failing(trouble: str | None) -> Observation:
    """Observe that versions cannot be pushed to the object store, or pulled from it."""
    message = None
    if trouble:
        message = f"the object store fails, what is here is served meanwhile: {trouble}"
    return Observation("remote_failing", "warning", message)


# ----------------------------------------------------------------------------------- records


def records_damaged(troubles: Sequence[str]) -> Observation:
    """Observe that files in which the service remembers alerts and refreshes are damaged."""
    message = None
    if troubles:
        message = (
            f"the history of the service has holes: {'; '.join(troubles)}; put the file back from "
            "a backup, or delete what is damaged, and restart the service"
        )
    return Observation("records_damaged", "warning", message)


# ---------------------------------------------------------------------------------- delivery


def alerts_undelivered(undelivered: Mapping[str, int]) -> Observation:
    """Observe that notices have not arrived by a channel, from their numbers by channel.

    Why they have not is for operators only, and is in the log.
    """
    missing = [f"{many} by {channel}" for channel, many in undelivered.items() if many]
    message = None
    if missing:
        message = (
            f"notices of alerts have not arrived: {', '.join(missing)}; see the log of the service "
            "for the reason, and try the channels with python -m app.alerts test; this ends with "
            "the next notice that arrives"
        )
    return Observation("alerts_undelivered", "warning", message, DELIVERY_HOLD_SECONDS)


# ------------------------------------------------------------------------------------- watch


def watch_failed(error: Exception | None) -> Observation:
    """Observe that a part of the watch itself fails, so that other alerts may be missing.

    What the error says is for operators only, and is in the log.
    """
    message = None
    if error is not None:
        message = (
            f"a part of the watch fails ({type(error).__name__}), so that other alerts may be "
            "missing; see the log of the service, and restart it"
        )
    return Observation("watch_failed", "critical", message, WATCH_HOLD_SECONDS)
