"""The daily refresh, by the clock."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from app.jobs.refresh import Refresher
from pipelines import lake as lakes
from pipelines.errors import LakeError, StockRankError
from pipelines.settings import Settings

logger = logging.getLogger(__name__)

DAILY: Final = "daily-refresh"
ATTEMPTS: Final = 3
"""A start makes no more refreshes after this many since one was due: they may cause restarts."""

LONGEST_SLEEP: Final = 60.0
"""Seconds between looks at the clock, which goes on while the machine sleeps."""


@dataclass(frozen=True)
class DueJob:
    """A job that the clock starts, with the next time in UTC."""

    id: str
    next: datetime | None


class Schedule:
    """Refreshes daily at `sync_hour` UTC, and at the start if the last refresh was missed."""

    def __init__(
        self,
        settings: Settings,
        refresher: Refresher,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._settings: Final = settings
        self._refresher: Final = refresher
        self._now: Final = now
        self._sleep: Final = sleep
        self._next: datetime | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """True while refreshes are going to be started."""
        return self._task is not None and not self._task.done()

    def jobs(self) -> list[DueJob]:
        """Return the jobs that are going to be started; none where no hour is set."""
        return [DueJob(DAILY, self._next)] if self.running else []

    def start(self) -> None:
        """Start refreshes from now on, in the event loop that is running."""
        hour = self._settings.sync_hour
        if hour is not None:
            self._next = next_due(hour, self._now())
            self._task = asyncio.create_task(self._run(hour))

    def close(self) -> None:
        """Start no refresh any more; one that runs goes on."""
        if self._task:
            self._task.cancel()
            self._task = None

    async def _run(self, hour: int) -> None:
        if self._missed(last_due(hour, self._now())):
            self._refresh(f"the refresh of {hour}:00 UTC was missed")
        while True:
            await self._until(self._next or self._now())
            # However late it is, after a machine slept or was busy: one refresh, not one a day.
            self._next = next_due(hour, self._now())
            self._refresh(f"due daily at {hour}:00 UTC")

    async def _until(self, due: datetime) -> None:
        while (left := (due - self._now()).total_seconds()) > 0:
            await self._sleep(min(left, LONGEST_SLEEP))

    def _refresh(self, why: str) -> None:
        try:
            self._refresher.start("scheduled", why)
        except (StockRankError, OSError) as reason:
            logger.warning("the scheduled refresh is left out: %s", reason)
        except Exception:
            logger.exception("the scheduled refresh is left out; the next one is due as usual")

    def _missed(self, due: datetime) -> bool:
        """True if the refresh due then was not made, and has not been tried `ATTEMPTS` times."""
        since = [job for job in self._refresher.history() if job.started_at >= due]
        own = [job for job in since if job.trigger != "outside"]
        if any(job.status == "succeeded" for job in since) or len(own) >= ATTEMPTS:
            return False
        made = _published_at(self._settings)
        return made is None or made < due


def last_due(hour: int, now: datetime) -> datetime:
    """The last time at which it was that hour."""
    today = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    return today if today <= now else today - timedelta(days=1)


def next_due(hour: int, now: datetime) -> datetime:
    """Return the next time at which it will be that hour."""
    return last_due(hour, now) + timedelta(days=1)


def _published_at(settings: Settings) -> datetime | None:
    """The time at which the current version was made, by the service or a command."""
    try:
        version = lakes.current_id(settings.lake)
        manifest = lakes.manifest_of(settings.lake, version) if version else None
    except (LakeError, OSError) as error:
        logger.warning("the current version cannot be read: %s", error)
        return None
    return manifest.created_at if manifest else None
