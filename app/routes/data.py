"""The data: its refreshes, versions, age, integrity and alerts."""

import asyncio
from dataclasses import asdict
from functools import partial
from typing import Annotated, Final

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Response

from app.deps import CurrentDep, ServicesDep, VerdictDep
from app.jobs import Job, Running, without_paths
from app.permission import PERMISSION_PROBLEMS, Permitted
from app.services import Services
from app.serving import Version, queries, views
from app.web import Responses, Unavailable, data_models
from pipelines import lake as lakes
from pipelines.errors import NothingPublished
from pipelines.lake import Listed, listed
from pipelines.lake import rollback as roll_back

router = APIRouter(prefix="/data", tags=["data"])


def refuse_reader(services: ServicesDep) -> None:
    """Raise 409 where this service only reads; the answer names the one that writes."""
    if services.settings.is_reader:
        where = services.settings.writer or "the service, or the machine, that exports"
        raise HTTPException(409, f"this service only reads; make changes at {where}")


Changes: Final = [Permitted, Depends(refuse_reader)]
"""What a request must meet that changes the data."""

# ------------------------------------------------------------------------------------ refresh


@router.post(
    "/sync-now",
    status_code=202,
    dependencies=Changes,
    response_model=data_models.Started | data_models.Synced,
    responses={
        **PERMISSION_PROBLEMS,
        200: {"model": data_models.Synced, "description": "With wait=true: the refresh has ended"},
        **Responses.problems(
            {
                409: "A refresh is running, or this service only reads",
                429: "More than two requests a minute",
            }
        ),
    },
)
async def sync_now(
    services: ServicesDep,
    response: Response,
    wait: Annotated[
        bool, Query(description="answer only when the refresh has ended", examples=[True])
    ] = False,
) -> data_models.Started | data_models.Synced:
    """Start a refresh, which publishes a new version if the database has changed."""
    if seconds := services.seconds_until_sync():
        raise HTTPException(
            429,
            f"only two refreshes a minute may be requested; try again in {seconds} s",
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


def _started(job: Job) -> data_models.Started:
    return data_models.Started(
        job_id=job.job_id,
        status=job.status,
        started_at=job.started_at,
        status_url=f"/v1/data/jobs/{job.job_id}",
    )


def _synced(services: Services, job: Job) -> data_models.Synced:
    if job.result is None:
        raise Unavailable(f"refresh {job.job_id} failed: {job.error}")
    return data_models.Synced(
        sync_result=data_models.SyncResult(**asdict(job.result)), timestamp=services.now()
    )


@router.get("/jobs/{job_id}")
async def job(
    services: ServicesDep,
    job_id: Annotated[
        str, Path(description="id of the refresh, from sync-now", max_length=50, examples=["x"])
    ],
) -> data_models.JobStatus:
    """State of a refresh."""
    found = services.refresher.job(job_id)
    if found is None:
        raise HTTPException(404, f"unknown refresh {job_id!r}; see /v1/data/sync-history")
    known = {name: getattr(found, name, None) for name in data_models.JobStatus.model_fields}
    elapsed = max(0.0, ((found.finished_at or services.now()) - found.started_at).total_seconds())
    return data_models.JobStatus(**known | {"elapsed_seconds": round(elapsed, 3)})


@router.get("/sync-history")
async def sync_history(
    services: ServicesDep,
    days: Annotated[
        int, Query(ge=1, le=3650, description="number of days to look back", examples=[7])
    ] = 7,
) -> data_models.SyncHistory:
    """Refreshes of the last days, newest first."""
    jobs = services.refresher.history(days)
    every = services.refresher.history()
    done = [job for job in jobs if job.status == "succeeded"]
    return data_models.SyncHistory(
        history=[_entry(job) for job in jobs],
        last_successful_sync=next((j.finished_at for j in every if j.status == "succeeded"), None),
        next_scheduled_sync=min((j.next for j in _scheduled(services) if j.next), default=None),
        sync_hour_utc=services.settings.sync_hour,
        total_syncs=len(jobs),
        successful_syncs=len(done),
        failed_syncs=len(jobs) - len(done),
    )


def _entry(job: Job) -> data_models.SyncEntry:
    rows = job.datasets or {}
    return data_models.SyncEntry(
        id=job.job_id,
        timestamp=job.started_at,
        sync_type=job.trigger,
        success=job.status == "succeeded",
        outcome=job.outcome or job.status,
        duration_seconds=job.seconds,
        rows=sum(rows.values()),
        stocks_updated=rows.get("stocks", 0),
        prices_updated=rows.get("prices", 0),
        error_message=job.error,
        peak_memory_mb=job.peak_memory_mb,
    )


def _scheduled(services: Services) -> list[data_models.ScheduledJob]:
    return [data_models.ScheduledJob(id=job.id, next=job.next) for job in services.schedule.jobs()]


@router.get("/scheduler-status")
async def scheduler_status(services: ServicesDep) -> data_models.Scheduler:
    """Jobs that run by the clock."""
    return data_models.Scheduler(running=services.schedule.running, jobs=_scheduled(services))


# ------------------------------------------------------------------------------------ content


@router.get("/sync-status")
async def sync_status(services: ServicesDep, version: CurrentDep) -> data_models.SyncStatus:
    """Amount and newest dates of the published data."""
    plan = queries.newest_fundamental(version.lake)
    newest = await services.computing.frame((version.id, "newest fundamental"), plan)
    rows = {name: entry.rows for name, entry in version.manifest.datasets.items()}
    return data_models.SyncStatus(
        stocks=rows["stocks"],
        prices=rows["prices"],
        fundamentals=rows["fundamentals"],
        latest_price_date=version.lake.as_of,
        latest_fundamental_date=newest.item(),
    )


@router.get("/status/detailed")
@router.get("/freshness")
def freshness_(
    services: ServicesDep, version: CurrentDep, verdict: VerdictDep
) -> data_models.DataStatus:
    """Age of the prices in trading days, overall and by stock."""
    return data_models.DataStatus(
        system_status=verdict.age.label.upper(),
        system_message=verdict.checks[0].message,
        can_run_strategies=verdict.safe_to_trade,
        last_checked=services.now(),
        summary=_summary(services, version),
    )


def _summary(services: Services, version: Version) -> data_models.FreshSummary:
    counts = views.fresh_counts(version, services.today)
    total = sum(counts.values())
    return data_models.FreshSummary(
        total_stocks=total,
        fresh_percentage=round(100 * counts["fresh"] / total, 1) if total else 0.0,
        **{f"{name}_count": count for name, count in counts.items()},
    )


@router.get("/integrity")
async def integrity(verdict: VerdictDep) -> data_models.Integrity:
    """Verdict on trading on the published version, with all checks."""
    return data_models.Integrity.of(verdict)


@router.get("/integrity/quick")
async def quick(verdict: VerdictDep) -> data_models.QuickIntegrity:
    """Verdict on trading on the published version, in short."""
    return data_models.QuickIntegrity.of(verdict)


@router.get("/alerts")
async def alerts(
    services: ServicesDep,
    limit: Annotated[
        int, Query(ge=1, le=500, description="maximum number of alerts", examples=[50])
    ] = 50,
    include_resolved: Annotated[
        bool, Query(description="include alerts that are resolved", examples=[False])
    ] = False,
) -> list[data_models.AlertInfo]:
    """Alerts, newest first."""
    found = services.alerts.history(limit, include_resolved=include_resolved)
    return [data_models.AlertInfo.model_validate(alert.as_dict()) for alert in found]


# ----------------------------------------------------------------------------------- versions


@router.get("/versions")
async def versions(services: ServicesDep) -> list[data_models.VersionInfo]:
    """Kept versions, newest first, including those that are damaged or of another layout."""
    root = services.settings.lake
    found = await services.seen(partial(listed, root))
    if not found:
        raise NothingPublished(root)
    return [_info(version) for version in reversed(found)]


def _info(listed: Listed) -> data_models.VersionInfo:
    manifest = listed.manifest
    return data_models.VersionInfo(
        version=listed.version,
        created_at=manifest and manifest.created_at,
        as_of=manifest and manifest.as_of,
        rows=manifest and manifest.rows,
        bytes=manifest and manifest.bytes,
        current=listed.is_current,
        withdrawn=listed.is_withdrawn,
        state=listed.state,
        changed=list(listed.changes()),
    )


@router.post(
    "/versions/{version_id}/rollback",
    dependencies=Changes,
    responses={
        **PERMISSION_PROBLEMS,
        **Responses.problems({409: "The version cannot be read, or this service only reads"}),
    },
)
async def rollback(
    services: ServicesDep,
    version_id: Annotated[
        str,
        Path(
            description="id of a kept version", max_length=50, examples=["20261124T170500Z-3fa1c2"]
        ),
    ],
) -> data_models.RolledBack:
    """Publish a kept version in place of the current one."""
    root = services.settings.lake
    try:
        before, now = await asyncio.to_thread(roll_back, root, version_id)
    except (lakes.Damaged, lakes.OtherLayout) as error:
        raise HTTPException(409, without_paths(str(error), [root])) from None
    as_of = (await asyncio.to_thread(lakes.manifest_of, root, now)).as_of
    return data_models.RolledBack(previous=before, version=now, as_of=as_of)
