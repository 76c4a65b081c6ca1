"""The parts of a running service, built from its settings and ended in order."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from socket import gethostname
from tempfile import gettempdir
from typing import Final, TypeVar

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from app.jobs import Refresher, Remote, Research, Schedule
from app.serving import (
    DISK_HANGS,
    Cache,
    Computing,
    Pinned,
    Published,
    Version,
    kept_versions,
)
from app.watch import (
    ALERTS_FILE,
    UNKNOWN_DISK,
    Alerts,
    Aside,
    DiskUsage,
    Events,
    Guard,
    Level,
    NoAnswer,
    configured_channels,
    disk_usage,
    effective_limit_mb,
)
from app.web import KnownAnswer, KnownRequests, TaggedAnswer, Unavailable
from pipelines.lake import Lake, layout
from pipelines.ranking import Strategy, strategies_of
from pipelines.settings import Settings

Found = TypeVar("Found")

SYNCS: Final = RateLimitItemPerMinute(2)
"""How many refreshes may be requested."""
DISK_SECONDS: Final = 5.0
"""Seconds after which a disk is taken not to tell its room."""


@dataclass
class Services:
    """The parts of a running service; `running_services` builds and ends them."""

    settings: Settings
    strategies: Mapping[str, Strategy]
    """The strategies that are ranked, those of the house first; the settings declare the others."""
    published: Published
    pinned: Pinned
    cache: Cache
    computing: Computing
    guard: Guard
    events: Events
    alerts: Alerts
    refresher: Refresher
    schedule: Schedule
    research: Research
    remote: Remote
    requests: dict[tuple[str, str, int], int] = field(default_factory=dict)
    """Counts of answered requests by method, route and status."""
    known_requests: KnownRequests = field(default_factory=KnownRequests)
    probe: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="database-probe")
    )
    """The thread of the database check of `/health`; it takes none from the rankings."""
    rooms: Aside = field(default_factory=lambda: Aside("disk-room"))
    """The thread that asks for the room on the disks."""
    folders: Aside = field(default_factory=lambda: Aside("lake-folders"))
    """The thread that looks at the folders of the versions."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    _limiter: MovingWindowRateLimiter = field(
        default_factory=lambda: MovingWindowRateLimiter(MemoryStorage())
    )

    @property
    def today(self) -> date:
        """Return the day in UTC."""
        return self.now().date()

    async def disk(self) -> DiskUsage:
        """Return the room on the disks of the lake, and what a refresh needs; none if they hang."""
        version = self.published.loaded()
        manifest = version.manifest if version else None
        places = self.settings.lake, self.settings.source
        try:
            return await self.rooms.ask(DISK_SECONDS, partial(disk_usage, *places, manifest))
        except NoAnswer:
            return UNKNOWN_DISK

    def seconds_until_sync(self) -> int:
        """Count a request for a refresh and return 0; after too many, return the wait."""
        if self._limiter.hit(SYNCS):
            return 0
        reset = self._limiter.get_window_stats(SYNCS).reset_time
        return max(1, round(reset - datetime.now(UTC).timestamp()))

    def answer_to(self, known: KnownAnswer) -> TaggedAnswer | None:
        """Return a known answer; None where another version or day has come."""
        version = self.published.loaded()
        if version is None or (version.id, self.today) != (known.version, known.today):
            return None
        answer: TaggedAnswer | None = self.cache.get(known.key) if known.key in self.cache else None
        return answer

    async def version(self, name: str | None) -> Version:
        """Return the current version, or the one that a request names."""
        current = await self.published.current()
        return current if name in (None, current.id) else await self.pinned.version(name)

    async def kept_versions(self, version: Version) -> list[Lake]:
        """Return a version and those kept and not rolled back, newest first.

        Beside one that is not the current one, those that are older.
        """
        found = await self.seen(partial(kept_versions, version))
        is_current = version.id == self.published.in_memory
        return [one for one in found if is_current or one.version <= version.id]

    async def seen(self, look: Callable[[], Found]) -> Found:
        """Return what a look at the folders of the versions finds.

        Raise `Unavailable` where their disk gives no answer.
        """
        try:
            return await self.folders.ask(DISK_SECONDS, look)
        except NoAnswer:
            raise Unavailable(DISK_HANGS) from None


# ----------------------------------------------------------------------------------- building


def records_of(settings: Settings) -> Path:
    """Return the folder of what a service remembers.

    It is in the lake, but for a lake that another service writes to.
    """
    if not settings.owns_lake:
        return Path(gettempdir()) / f"stockrank-reader-{settings.port}"
    return layout.service(settings.lake)


def instance_of(settings: Settings) -> str | None:
    """Return the name of a service among several; None for one without a name that is alone."""
    if settings.instance or not (settings.is_reader or settings.remote):
        return settings.instance
    port = f":{settings.port}" if settings.port else ""
    return f"{gethostname()}{port}"


def build_services(settings: Settings) -> Services:
    """Build services that do not run yet."""
    events = Events()
    folder = records_of(settings)
    limit = effective_limit_mb(settings.memory_limit_mb)
    refresher = Refresher(settings, folder, events, limit)
    guard = Guard(
        limit,
        settings.memory_warning_percent,
        settings.memory_critical_percent,
        settings.memory_hold_seconds,
        child=refresher.child_pid,
    )
    cache, universe = Cache(), settings.chosen_universe()
    published = Published(settings.lake, universe)

    def is_critical() -> bool:
        return guard.level is Level.CRITICAL

    return Services(
        settings=settings,
        strategies=strategies_of(universe),
        published=published,
        pinned=Pinned(published, universe, is_critical),
        cache=cache,
        computing=Computing(cache, settings.computations, is_critical, lambda: published.hangs),
        guard=guard,
        events=events,
        alerts=Alerts(
            folder / ALERTS_FILE,
            configured_channels(settings),
            events,
            instance=instance_of(settings),
        ),
        refresher=refresher,
        schedule=Schedule(settings, refresher),
        research=Research(settings, limit, is_critical),
        remote=Remote(settings),
    )
