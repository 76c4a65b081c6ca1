"""The data: refreshes, versions, age, integrity and alerts."""

import asyncio
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Response

from app.deps import PERMISSION, Permitted, ServicesDep, VersionDep
from app.jobs import Job, Running, without_paths
from app.services import Services
from app.serving import Version, queries, views
from app.web import Unavailable, models
from pipelines import lake as lakes
from pipelines.errors import NothingPublished
from pipelines.lake import Listed, freshness, listed
from pipelines.lake import rollback as roll_back

router = APIRouter(prefix="/data", tags=["data"])


# ------------------------------------------------------------------------------------ refresh


@router.post(
    "/sync-now",
    status_code=202,
    dependencies=[Permitted],
    response_model=models.Started | models.Synced,
    responses={
        **PERMISSION,
        200: {"model": models.Synced, "description": "With wait=true: it is done"},
        409: {"model": models.Problem, "description": "A refresh is running"},
        429: {"model": models.Problem, "description": "More than two a minute"},
    },
)
async def sync_now(
    services: ServicesDep,
    response: Response,
    wait: Annotated[bool, Query(description="answer when it is done", examples=[True])] = False,
) -> models.Started | models.Synced:
    """Start a refresh: a new version is published from the database, if it changed."""
    if seconds := services.seconds_until_sync():
        raise HTTPException(
            429,
            f"a refresh was asked for twice within a minute; try again in {seconds} s",
            {"Retry-After": str(seconds)},
        )
    try:
        job = services.refresher.start("manual")
    except Running as running:
        raise HTTPException(
            409, f"refresh {running.job.job_id} is running; see /v1/data/jobs/{running.job.job_id}"
        ) from None
    if not wait:
        return _started(job)
    response.status_code = 200
    return _synced(services, await services.refresher.wait(job.job_id) or job)


def _started(job: Job) -> models.Started:
    return models.Started(
        job_id=job.job_id,
        status=job.status,
        started_at=job.started_at,
        status_url=f"/v1/data/jobs/{job.job_id}",
    )


def _synced(services: Services, job: Job) -> models.Synced:
    if job.result is None:
        raise Unavailable(f"refresh {job.job_id} failed: {job.error}")
    return models.Synced(
        sync_result=models.SyncResult(**asdict(job.result)), timestamp=services.now()
    )


@router.get("/jobs/{job_id}")
async def job(
    services: ServicesDep,
    job_id: Annotated[str, Path(description="as sync-now told it", max_length=50, examples=["x"])],
) -> models.JobStatus:
    """How a refresh stands."""
    found = services.refresher.job(job_id)
    if found is None:
        raise HTTPException(404, f"no refresh {job_id!r} is known; see /v1/data/sync-history")
    return models.JobStatus(
        **{name: getattr(found, name) for name in models.JobStatus.model_fields}
    )


@router.get("/sync-history")
async def sync_history(
    services: ServicesDep,
    days: Annotated[int, Query(ge=1, le=3650, description="days back", examples=[7])] = 7,
) -> models.SyncHistory:
    """The refreshes of the last days."""
    jobs = services.refresher.history(days)
    ever = services.refresher.history()
    done = [job for job in jobs if job.status == "succeeded"]
    return models.SyncHistory(
        history=[_entry(job) for job in jobs],
        last_successful_sync=next((j.finished_at for j in ever if j.status == "succeeded"), None),
        next_scheduled_sync=min((j.next for j in _scheduled(services) if j.next), default=None),
        sync_hour_utc=services.settings.sync_hour,
        total_syncs=len(jobs),
        successful_syncs=len(done),
        failed_syncs=len(jobs) - len(done),
    )


def _entry(job: Job) -> models.SyncEntry:
    rows = job.datasets or {}
    seconds = (job.finished_at - job.started_at).total_seconds() if job.finished_at else None
    return models.SyncEntry(
        id=job.job_id,
        timestamp=job.started_at,
        sync_type=job.trigger,
        success=job.status == "succeeded",
        duration_seconds=seconds,
        stocks_updated=rows.get("stocks", 0),
        prices_updated=rows.get("prices", 0),
        error_message=job.error,
        peak_memory_mb=job.peak_memory_mb,
    )


def _scheduled(services: Services) -> list[models.ScheduledJob]:
    return [models.ScheduledJob(**entry) for entry in services.schedule.jobs()]


@router.get("/scheduler-status")
async def scheduler_status(services: ServicesDep) -> models.Scheduler:
    """What runs by the clock."""
    return models.Scheduler(running=services.schedule.running, jobs=_scheduled(services))


# ------------------------------------------------------------------------------------ content


@router.get("/sync-status")
async def sync_status(services: ServicesDep, version: VersionDep) -> models.SyncStatus:
    """How much is published."""
    plan = queries.newest_fundamental(version.lake)
    newest = await services.computing.frame((version.id, "newest fundamental"), plan)
    rows = {name: entry.rows for name, entry in version.manifest.datasets.items()}
    return models.SyncStatus(
        stocks=rows["stocks"],
        prices=rows["prices"],
        fundamentals=rows["fundamentals"],
        latest_price_date=version.lake.as_of,
        latest_fundamental_date=newest.item(),
    )


@router.get("/status/detailed")
@router.get("/freshness")
def freshness_(services: ServicesDep, version: VersionDep) -> models.DataStatus:
    """How old the prices are, in trading days, over all and by stock."""
    verdict = freshness.verdict(version.report, services.today)
    return models.DataStatus(
        system_status=verdict.age.label.upper(),
        system_message=verdict.checks[0].message,
        can_run_strategies=verdict.safe_to_trade,
        last_checked=services.now(),
        summary=_summary(services, version),
    )


def _summary(services: Services, version: Version) -> models.FreshSummary:
    counts = views.fresh_counts(version, services.today)
    total = sum(counts.values())
    return models.FreshSummary(
        total_stocks=total,
        fresh_percentage=round(100 * counts["fresh"] / total, 1) if total else 0.0,
        **{f"{name}_count": count for name, count in counts.items()},
    )


@router.get("/integrity")
async def integrity(services: ServicesDep, version: VersionDep) -> models.Integrity:
    """Whether to trade on the published version, with all checks."""
    return models.Integrity.of(freshness.verdict(version.report, services.today))


@router.get("/integrity/quick")
async def quick(services: ServicesDep, version: VersionDep) -> models.QuickIntegrity:
    """Whether to trade on the published version."""
    return models.QuickIntegrity.of(freshness.verdict(version.report, services.today))


@router.get("/alerts")
async def alerts(
    services: ServicesDep,
    limit: Annotated[int, Query(ge=1, le=500, description="at most so many", examples=[50])] = 50,
    include_resolved: Annotated[
        bool, Query(description="also those that are over", examples=[False])
    ] = False,
) -> list[models.AlertInfo]:
    """The alerts, newest first."""
    found = services.alerts.history(limit, include_resolved=include_resolved)
    return [models.AlertInfo.model_validate(alert.as_dict()) for alert in found]


# ----------------------------------------------------------------------------------- versions


@router.get("/versions")
async def versions(services: ServicesDep) -> list[models.VersionInfo]:
    """The kept versions, newest first, with those that are damaged or of another layout."""
    root = services.settings.lake
    found = await asyncio.to_thread(listed, root)
    if not any(version.is_current for version in found):
        raise NothingPublished(root)
    return [_info(version) for version in reversed(found)]


def _info(listed: Listed) -> models.VersionInfo:
    known = listed.manifest
    return models.VersionInfo(
        version=listed.version,
        created_at=known and known.created_at,
        as_of=known and known.as_of,
        rows=known and known.rows,
        bytes=known and known.bytes,
        current=listed.is_current,
        withdrawn=listed.is_withdrawn,
        state=listed.state,
        changed=list(listed.changes()),
    )


@router.post(
    "/versions/{version_id}/rollback",
    dependencies=[Permitted],
    responses={
        **PERMISSION,
        409: {
            "model": models.Problem,
            "description": "The version is damaged or of another layout",
        },
    },
)
async def rollback(
    services: ServicesDep,
    version_id: Annotated[
        str, Path(description="a kept version", max_length=50, examples=["20261124T170500Z-3fa1c2"])
    ],
) -> models.RolledBack:
    """Publish a kept version in place of the current one, at once."""
    root = services.settings.lake
    try:
        before, now = await asyncio.to_thread(roll_back, root, version_id)
    except (lakes.Damaged, lakes.OtherLayout) as error:
        raise HTTPException(409, without_paths(str(error), [root])) from None
    as_of = (await asyncio.to_thread(lakes.manifest_of, root, now)).as_of
    return models.RolledBack(previous=before, version=now, as_of=as_of)
