"""The running of a service: its parts are started, watched over, and ended in order."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Final

from app.services import Services, build_services
from app.serving import Version, both_tops
from app.watch import DamageCheck, rules, version_rules
from app.web import Unreadable
from pipelines.errors import LakeError, NothingPublished, StockRankError
from pipelines.lake import Condition, kept, layout, listing, marks
from pipelines.settings import Settings

logger = logging.getLogger(__name__)

WATCH_SECONDS: Final = 1.0
PART_SECONDS: Final = 60.0
"""The longest time for a part of a look, for a disk may begin to hang in the middle of it."""
RULES_EVERY: Final = 5
"""How many looks at `current` there are for one at the rules of the alerts, if nothing changes."""


@asynccontextmanager
async def running_services(settings: Settings) -> AsyncIterator[Services]:
    """Run services until the block is left."""
    services = build_services(settings)
    if settings.api_token is None:
        logger.warning("no STOCKRANK_API_TOKEN is set: only this machine may change state")
    if not settings.is_reader:
        await services.refresher.clean()
        services.schedule.start()
    services.remote.start()
    with suppress(OSError):  # what cannot be made is an alert
        settings.lake.mkdir(parents=True, exist_ok=True)
    damage = DamageCheck(settings.lake, settings.damage_check_hours)
    if settings.owns_lake:
        damage.start()
    loops: list[Coroutine[Any, Any, None]] = [
        services.guard.run(services.events),
        _watch(services),
    ]
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        yield services
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await _end(services, damage)


async def _end(services: Services, damage: DamageCheck) -> None:
    services.events.close()
    services.schedule.close()
    if services.settings.owns_lake:
        await asyncio.to_thread(damage.close)
    await services.refresher.close()
    await services.research.close()
    await services.remote.close()
    await services.alerts.close()
    services.probe.shutdown(wait=False, cancel_futures=True)
    services.pinned.close()
    services.published.close()
    services.rooms.close()
    services.folders.close()


# ------------------------------------------------------------------------------------ watching


async def _watch(services: Services) -> None:
    """Watch for new versions and for conditions that deserve an alert; no error ends it."""
    watch, known = _Watch(services), ""
    for look in count():
        trouble = await watch.look(all_rules=look % RULES_EVERY == 0)
        told = str(trouble or "")
        if trouble and told != known:
            expected = isinstance(trouble, StockRankError | OSError)
            logger.warning(
                "a part of the watch fails: %s", told, exc_info=None if expected else trouble
            )
        known = told
        delivery = rules.alerts_undelivered(services.alerts.undelivered())
        services.alerts.observe_all([rules.watch_failed(trouble), delivery])
        await asyncio.sleep(WATCH_SECONDS)


async def _error_of(part: Callable[[], Awaitable[None]]) -> Exception | None:
    """Return the error of a part of the watch; None also where an alert tells of it already."""
    try:
        async with asyncio.timeout(PART_SECONDS):
            await part()
    except Unreadable:
        return None
    except TimeoutError:
        return LakeError(f"a look at the lake took more than {PART_SECONDS:g} s")
    except Exception as error:  # noqa: BLE001 - whatever it is, the watch goes on and tells of it
        return error
    return None


class _Watch:
    """Follows the current version, and observes the rules of the alerts."""

    def __init__(self, services: Services) -> None:
        self._services: Final = services
        self._version: Version | None = None
        self._looked = False
        """Whether anything was looked for in the lake yet."""
        self._compared: str | None = None
        """The version that was compared last; a comparison that fails is repeated at each look."""
        self._made: datetime | None = None
        """The time at which the newest version was made."""
        self._last_news: tuple[object, ...] = ()
        self._condition = Condition("empty")

    async def look(self, *, all_rules: bool) -> Exception | None:
        """Look at everything, whatever one part meets, and return the first error.

        For example of a version that is pruned while it is read: the next look finds another. While
        the disk of the lake hangs, nothing else is asked of it.
        """
        parts: dict[Callable[[], Awaitable[None]], bool] = {
            self.check_version: True,
            self.observe_lake: False,
            self._take_in: True,
            partial(self._observe_news, all_rules=all_rules): False,
            partial(self._observe_files, all_rules=all_rules): True,
        }
        errors = [
            await _error_of(part)
            for part, is_of_lake in parts.items()
            if not (is_of_lake and self._services.published.hangs)
        ]
        return next(filter(None, errors), None)

    async def _take_in(self) -> None:
        """Take in what other processes have done; what they did is no business of a reader."""
        alerts, remote = self._services.alerts, self._services.remote
        alerts.observe_all([rules.remote_failing(remote.trouble)])
        if not self._services.settings.is_reader:
            await self._services.refresher.take_in()

    async def _observe_news(self, *, all_rules: bool) -> None:
        if self.has_news() or all_rules:
            await self.observe_rules()

    async def _observe_files(self, *, all_rules: bool) -> None:
        """Observe damage of the records and of the versions that are kept."""
        if not (all_rules and self._services.settings.owns_lake):
            return
        alerts = self._services.alerts
        alerts.observe_all([rules.records_damaged(await asyncio.to_thread(self._records))])
        damage = await asyncio.to_thread(_damage_of_kept, self._services.published.root)
        alerts.observe_all([rules.kept_version_damaged(damage)])

    async def check_version(self) -> None:
        """Announce a version that became current, and compare it with the one before."""
        services = self._services
        try:
            version = await services.published.current()
        except NothingPublished as nothing:
            if self._version or not self._looked:
                logger.warning("%s, or start a refresh with POST /data/sync-now", nothing)
            self._version, self._looked = None, True
            return
        self._looked = True
        if self._version is None or self._version.id != version.id:
            self._version = version
            logger.info("version %s is served, with closes of %s", version.id, version.lake.as_of)
            data = {"version": version.id, "as_of": version.lake.as_of.isoformat()}
            services.events.publish("version", data)
            if not services.settings.is_reader:
                services.remote.wake()
        found = await services.research.take_in(version.key, version.manifest.strategies)
        services.alerts.observe_all([rules.backtests_failed(found)])
        if self._compared != version.id and not services.settings.is_reader:
            await self._compare(version)
            self._made = await asyncio.to_thread(_last_made, services.published.root)
            self._compared = version.id

    async def _compare(self, version: Version) -> None:
        """Observe the alerts of a version against the one before it."""
        kept = await self._services.kept_versions(version)
        before = next((v for v in kept if v.version < version.id), None)
        tops, tops_before = await asyncio.to_thread(both_tops, version, before)
        manifest = before.manifest if before else None
        self._services.alerts.observe_all(
            version_rules.of_version(version.manifest, manifest, tops, tops_before)
        )

    def has_news(self) -> bool:
        """Return true if a refresh ended or another version became current since the last call."""
        before = self._last_news
        self._last_news = (
            self._version and self._version.id,
            *self._services.refresher.history()[:1],
        )
        return self._last_news != before

    async def observe_lake(self) -> None:
        """Observe the condition of the lake, and announce that it changed; log a roll-back."""
        services = self._services
        condition = await services.published.condition()
        services.alerts.observe_all(rules.of_lake(condition, services.published.in_memory))
        if condition != self._condition:
            back, self._condition = self._condition.rolled_back, condition
            if condition.rolled_back and condition.rolled_back != back:
                ids = condition.rolled_back, condition.version
                logger.info("version %s was rolled back; version %s is served in its place", *ids)
            services.events.publish("lake", condition.as_dict())

    def _records(self) -> list[str]:
        found = self._services.alerts.trouble()
        return [*([found] if found else []), *self._services.refresher.trouble()]

    async def observe_rules(self) -> None:
        """Observe memory, the last refreshes, and the age of the data."""
        services, alerts = self._services, self._services.alerts
        alerts.observe_all(rules.of_memory(services.guard))
        if services.settings.is_reader:
            return
        alerts.observe_all(rules.of_jobs(services.refresher.history(), self._made))
        alerts.observe_all([rules.disk_low(await services.disk())])
        report = self._version.report if self._version else None
        if report or self._condition.state == "empty":
            alerts.observe_all([rules.refresh_overdue(report, services.today)])


def _damage_of_kept(root: Path) -> dict[str, str]:
    """Return the damage of the versions that are kept beside the current one."""
    current = None
    with suppress(LakeError):  # of which another alert tells
        current = layout.current_id(root)
    found = {v: told for v, told in marks.damaged(root).items() if layout.version(root, v).exists()}
    found |= dict.fromkeys(kept.missing(root), "its folder is missing")
    return {version: told for version, told in sorted(found.items()) if version != current}


def _last_made(root: Path) -> datetime | None:
    """Return the time at which the newest version was made, even if it was rolled back since."""
    for listed in reversed(listing.listed(root)):
        if listed.manifest:
            return listed.manifest.created_at
    return None
