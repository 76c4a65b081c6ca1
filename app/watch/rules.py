"""The rules of the alerts: from memory, refreshes and versions to observations, one for each key.

All rules are pure functions. Those of a version need to be applied only once to each version.
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
from pipelines.lake import SEVERITY, Check, Condition, Dataset, Manifest, Report, verdict

Tops = Mapping[str, Sequence[str]]
"""The tickers of the first ranks, by strategy."""

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

WATCH_HOLD_SECONDS: Final = 5.0
"""A version that is pruned while it is read is no trouble: the next look finds another."""

COVERAGE: Final = ("price_coverage", "fundamentals_coverage")
COVERAGE_DROP: Final = 0.02
"""Some stocks leave a market every month; two in a hundred at once mean that a feed is gone."""
REJECTED_SHARES: Final = (0.01, 0.05)
"""Shares of rejected rows in a dataset that are a warning and critical, even if none is new."""
CHURN: Final = 0.5
"""Share of changed first ranks that is a warning."""


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
            "python -m pipelines.versions verify, or delete its folder"
        )
    return Observation("kept_version_damaged", "warning", message)


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


# ----------------------------------------------------------------------------------- version


def of_version(
    manifest: Manifest, before: Manifest | None, tops: Tops, tops_before: Tops
) -> list[Observation]:
    """The observations of a version, compared with the one before it."""
    return [
        days_missing(manifest),
        coverage_drop(manifest, before),
        rows_rejected(manifest, before),
        rank_churn(tops, tops_before),
    ]


def days_missing(manifest: Manifest) -> Observation:
    """Observe that most stocks have no close on a trading day, and have later ones."""
    found = next((c for c in manifest.integrity.checks if c.name == "missing_days"), None)
    message = found.message if found and found.status != "ok" else None
    critical = found is not None and found.status == "critical"
    return Observation("days_missing", "critical" if critical else "warning", message)


def coverage_drop(manifest: Manifest, before: Manifest | None) -> Observation:
    """Observe that too few stocks have prices or fundamentals, or fewer than the version before."""
    now, was = _coverage(manifest), _coverage(before)
    low = [
        _with_share_before(check, was.get(name))
        for name, check in now.items()
        if check.status != "ok" or _fell(check, was.get(name))
    ]
    critical = any(check.status == "critical" for check in now.values())
    message = f"{'; '.join(low)}; check that the feed of the database is complete" if low else None
    return Observation("coverage_drop", "critical" if critical else "warning", message)


def _coverage(manifest: Manifest | None) -> dict[str, Check]:
    checks = manifest.integrity.checks if manifest else ()
    return {check.name: check for check in checks if check.name in COVERAGE}


def _fell(check: Check, before: Check | None) -> bool:
    return before is not None and before.share - check.share >= COVERAGE_DROP


def _with_share_before(check: Check, before: Check | None) -> str:
    was = f", {before.share:.1%} in the version before" if before else ""
    return f"{check.message}{was}"


def rows_rejected(manifest: Manifest, before: Manifest | None) -> Observation:
    """Observe that a dataset has more rejected rows than the version before, or very many."""
    found, shares = [], [0.0]
    for name, dataset in manifest.datasets.items():
        rejected, rows = _rejected(dataset), dataset.rows_in or 0
        was = _rejected(before.datasets.get(name)) if before else 0
        shares.append(rejected / rows if rows else 0.0)
        if rejected > was or shares[-1] >= REJECTED_SHARES[0]:
            reasons = ", ".join(f"{reason} {n:,}" for reason, n in dataset.rejected.items())
            found.append(f"{rejected:,} of {rows:,} rows of {name} are rejected, {was:,} in the "
                         f"version before ({reasons})")  # fmt: skip
    message = f"{'; '.join(found)}; they are in rejects/ of the version" if found else None
    critical = max(shares) >= REJECTED_SHARES[1]
    return Observation("rows_rejected", "critical" if critical else "warning", message)


def _rejected(dataset: Dataset | None) -> int:
    return dataset.rejected_rows if dataset else 0


def rank_churn(tops: Tops, before: Tops) -> Observation:
    """Observe that half of a strategy's first ranks differ from those of the version before."""
    shares = {name: churn(top, before.get(name, ())) for name, top in tops.items()}
    changed = [f"{name} {share:.0%}" for name, share in shares.items() if share >= CHURN]
    message = (
        f"the top ten changed since the version before: {', '.join(changed)}; compare them with "
        "python -m pipelines.versions diff before trading"
    )
    return Observation("rank_churn", "warning", message if changed else None)


def churn(top: Sequence[str], before: Sequence[str]) -> float:
    """The share of first ranks that are new; 0 for a strategy that had none before."""
    if not before:
        return 0.0
    return 1 - len(set(top) & set(before)) / max(len(top), len(before))
