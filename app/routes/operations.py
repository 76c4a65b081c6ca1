"""Health, metrics, memory and the stream of events."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any, Final

from fastapi import APIRouter, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.deps import CurrentDep, ServicesDep
from app.metrics import registry
from app.services import Services
from app.serving import Version
from app.watch import Level, memory_usage
from app.web import Responses, Unavailable, operation_models
from pipelines import __version__, database, postgres
from pipelines.errors import LakeError, SourceBusy, SourceError
from pipelines.lake import DEMO_NOTICE, Condition
from pipelines.place import Place, Postgres

router = APIRouter(tags=["operations"])

PROBE_SECONDS: Final = 5.0
"""Seconds for which the health check waits for the database, for example on a disk that is gone."""
PROBE_BUSY_SECONDS: Final = 0.5
"""Seconds for which the health check waits for a locked database."""
PROBE_CONNECT_SECONDS: Final = 2
"""Seconds for which it waits for a server, and for each answer of it."""


@router.get("/health")
async def health(services: ServicesDep) -> operation_models.Health:
    """Health of the service; a degraded one still serves the published version."""
    connection = None if services.settings.is_reader else await _connection(services)
    lake = await services.published.condition()
    critical = "memory is critical" if services.guard.level is Level.CRITICAL else None
    reasons = [
        None if connection in (None, "connected") else connection,
        lake.reason,
        critical,
        _undelivered(services),
        services.remote.trouble and f"the object store fails: {services.remote.trouble}",
    ]
    reason = "; ".join(filter(None, reasons)) or None
    return operation_models.Health(
        status="degraded" if reason else "healthy",
        database=connection or "connected",
        role=services.settings.role,
        instance=services.alerts.instance,
        lake=lake.state,
        reason=reason,
        timestamp=services.now(),
        version=__version__,
        rolled_back=lake.rolled_back,
        notice=_notice(services.published.loaded()),
    )


def _undelivered(services: Services) -> str | None:
    missing = [name for name, many in services.alerts.undelivered().items() if many]
    return f"alerts do not arrive by {' and '.join(missing)}" if missing else None


def _notice(version: Version | None) -> str | None:
    return DEMO_NOTICE if version and version.manifest.demo else None


async def _connection(services: Services) -> str:
    """Return the state of the database, also where its disk does not answer."""
    probe = asyncio.get_running_loop().run_in_executor(services.probe, _database_state, services)
    try:
        return await asyncio.wait_for(probe, PROBE_SECONDS)
    except TimeoutError:
        return f"error: the source database did not answer in {PROBE_SECONDS:g} s; check its disk"


def _database_state(services: Services) -> str:
    try:
        _look_at(services.settings.source)
    except SourceBusy:
        return "error: busy, another process has locked the source database"
    except SourceError:
        # The error names a path, which belongs in the log of a refresh alone.
        return "error: the source database cannot be read; a refresh says why"
    return "connected"


def _look_at(source: Place) -> None:
    """Raise `SourceError` unless the source can be read."""
    if isinstance(source, Postgres):
        postgres.check_readable(source, seconds=PROBE_CONNECT_SECONDS)
    else:
        database.check_readable(source, busy_seconds=PROBE_BUSY_SECONDS)


@router.get("/health/live")
async def live() -> operation_models.Alive:
    """200 as long as the process runs."""
    return operation_models.Alive(status="ok")


@router.get(
    "/health/ready",
    responses=Responses.problems({503: "Nothing is published, or the lake cannot be read"}),
)
async def ready(services: ServicesDep, _: CurrentDep) -> operation_models.Alive:
    """200 once a version is published, 503 before, and while the lake cannot be read."""
    lake = await services.published.condition()
    if lake.state == "unreadable":
        raise Unavailable(f"the lake cannot be read: {lake.reason}")
    return operation_models.Alive(status="ok")


@router.get("/system/memory")
async def memory_(services: ServicesDep) -> operation_models.Memory:
    """Memory in use against its limit."""
    return operation_models.Memory(**asdict(memory_usage(services.guard)))


@router.get("/system/disk")
async def disk(services: ServicesDep) -> operation_models.Disk:
    """Free room on the disks of the lake against what a refresh needs."""
    return operation_models.Disk(**asdict(await services.disk()))


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}, "description": "Prometheus text"}},
)
async def metrics(services: ServicesDep) -> Response:
    """All metrics in the text format of Prometheus."""
    try:
        version = await services.published.current()
    except LakeError:
        version = None
    condition = await services.published.condition()
    found = registry(services, version, condition, await services.disk())
    return Response(generate_latest(found), media_type=CONTENT_TYPE_LATEST)


@router.get("/system/stream", response_class=EventSourceResponse)
async def stream(services: ServicesDep) -> AsyncIterator[ServerSentEvent]:
    """Server-sent events: first `hello` with the present state, then each event as it happens.

    The kinds are `memory`, `refresh`, `alert`, `version`, `lake`, and `lost` for a client that
    reads too slowly. The data of each is JSON.
    A comment is sent when nothing happens for 15 seconds.
    """
    async with services.events.subscribe() as events:
        condition = await services.published.condition()
        yield ServerSentEvent(event="hello", data=_hello(services, condition), retry=2000)
        async for event in events:
            yield ServerSentEvent(event=event.kind, data=event.data)


def _hello(services: Services, lake: Condition) -> dict[str, Any]:
    job = services.refresher.current
    return {
        "now": services.now().isoformat(timespec="milliseconds"),
        "release": __version__,
        "version": services.published.in_memory or lake.version,
        "lake": lake.as_dict(),
        "limit_mb": services.guard.limit_mb,
        "warning_percent": services.settings.memory_warning_percent,
        "critical_percent": services.settings.memory_critical_percent,
        "samples": [sample.as_dict() for sample in services.guard.samples()],
        "job": job.as_dict() if job else None,
        "alerts": [alert.as_dict() for alert in services.alerts.active()],
    }
