"""The daily refresh, by the clock."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger

from app.jobs.refresh import Refresher, Running, Stopping
from pipelines import lake as lakes
from pipelines.errors import LakeError
from pipelines.settings import Settings

logger = logging.getLogger(__name__)

DAILY: Final = "daily-refresh"
ATTEMPTS: Final = 3
"""Refreshes since one was due, after which a start makes no more: they may be why it restarts."""


class Schedule:
    """Refreshes once a day at `sync_hour` UTC, and at the start where the last time was missed."""

    def __init__(
        self,
        settings: Settings,
        refresher: Refresher,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings: Final = settings
        self._refresher: Final = refresher
        self._now: Final = now
        self._scheduler: Final = AsyncIOScheduler(timezone=UTC)

    @property
    def running(self) -> bool:
        """Whether a refresh is going to be started."""
        return bool(self._scheduler.running and self._scheduler.get_jobs())

    def jobs(self) -> list[dict[str, Any]]:
        """What is scheduled, as `{id, next}` with the next time in UTC."""
        return [{"id": job.id, "next": job.next_run_time} for job in self._scheduler.get_jobs()]

    def start(self) -> None:
        """From now on refreshes are started, in the event loop that is running."""
        hour = self._settings.sync_hour
        if hour is None:
            return
        self._scheduler.start()
        # However late it comes, after a machine slept or was busy: it is run, and once.
        self._scheduler.add_job(
            self._refresh, CronTrigger(hour=hour, timezone=UTC), id=DAILY,
            coalesce=True, max_instances=1, misfire_grace_time=None,
        )  # fmt: skip
        if self._missed(last_due(hour, self._now())):
            logger.info("the refresh of %s:00 UTC was missed and is made up for", hour)
            self._scheduler.add_job(self._refresh, id="missed-refresh")

    def close(self) -> None:
        """No refresh is started any more; one that runs goes on."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    async def _refresh(self) -> None:
        """In the event loop, for a function would be run in a thread."""
        try:
            self._refresher.start("scheduled")
        except (Running, Stopping) as reason:
            logger.info("the scheduled refresh is left out: %s", reason)

    def _missed(self, due: datetime) -> bool:
        """Whether nothing has refreshed the lake since then, as often as it was tried."""
        since = [job for job in self._refresher.history() if job.started_at >= due]
        if any(job.status == "succeeded" for job in since) or len(since) >= ATTEMPTS:
            return False
        made = _published_at(self._settings)
        return made is None or made < due


def last_due(hour: int, now: datetime) -> datetime:
    """The last time at which it was that hour."""
    today = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    return today if today <= now else today - timedelta(days=1)


def _published_at(settings: Settings) -> datetime | None:
    """When the current version was made, by whomever."""
    version = lakes.current_id(settings.lake)
    try:
        manifest = lakes.manifest_of(settings.lake, version) if version else None
    except (LakeError, OSError, ValueError) as error:
        logger.warning("version %s cannot be read: %s", version, error)
        return None
    return manifest.created_at if manifest else None
