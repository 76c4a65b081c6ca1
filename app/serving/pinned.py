"""Versions that a request names, for a client that asks several times or several readers.

Besides the current one few are in memory, and none for long: a version that is in memory cannot be
pruned.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from app.serving.computing import DISK_HANGS
from app.serving.published import LOAD_SECONDS, Published, Version, load
from app.web import RolledBack, Unavailable
from pipelines import lake as lakes
from pipelines.errors import LakeError, Unknown
from pipelines.lake import Lake, layout, marks
from pipelines.universe import Universe

logger = logging.getLogger(__name__)

MOST: Final = 2
"""How many are in memory."""
HOLD_SECONDS: Final = 60.0
"""How long one stays in memory after it was asked for."""
CLOCKS: Final = timedelta(hours=1)
"""How much the clocks of two machines may differ."""
LATER_SECONDS: Final = 5
"""When a client may ask again for a version that is not here yet."""
REMEDY: Final = "begin again without version"


class Pinned:
    """Returns versions by their id; is called from the event loop alone."""

    def __init__(
        self, published: Published, universe: Universe, is_critical: Callable[[], bool]
    ) -> None:
        self._published: Final = published
        self._universe: Final = universe
        self._is_critical: Final = is_critical
        self._versions: Final[OrderedDict[str, Version]] = OrderedDict()
        self._ends: Final[dict[str, asyncio.TimerHandle]] = {}
        self._reading: Final = asyncio.Lock()

    async def version(self, name: str) -> Version:
        """Return a version that is not the current one.

        Raise `Unknown` if it is not kept, `RolledBack`, and `Unavailable` if it is not here yet,
        cannot be read, or memory is critical.
        """
        self._check_disk()
        try:
            async with asyncio.timeout(LOAD_SECONDS), self._reading:
                self._check_disk()  # it may have begun to hang while others were served
                await asyncio.to_thread(_check, self._published.root, name)
                version = self._versions.get(name) or await self._read(name)
        except TimeoutError:
            raise Unavailable(DISK_HANGS) from None
        self._keep(version)
        return version

    @property
    def held(self) -> list[str]:
        """The ids of the versions in memory, the one that was asked for last at the end."""
        return [*self._versions]

    def _check_disk(self) -> None:
        if self._published.hangs:
            raise Unavailable(DISK_HANGS)

    async def _read(self, name: str) -> Version:
        if self._is_critical():
            raise Unavailable(
                f"memory is critical, so version {name} is not read; try again later, or leave "
                "version out"
            )
        try:
            return await asyncio.to_thread(_loaded, self._published.root, name, self._universe)
        except (LakeError, OSError) as error:
            raise _unreadable(name, error) from error

    def _keep(self, version: Version) -> None:
        """Keep a version for some time, in place of the one that was asked for least recently."""
        self._versions[version.id] = version
        self._versions.move_to_end(version.id)
        if len(self._versions) > MOST:
            self._drop(next(iter(self._versions)))
        if timer := self._ends.pop(version.id, None):
            timer.cancel()
        loop = asyncio.get_running_loop()
        self._ends[version.id] = loop.call_later(HOLD_SECONDS, self._drop, version.id)

    def _drop(self, name: str) -> None:
        del self._versions[name]
        self._ends.pop(name).cancel()

    def close(self) -> None:
        """Give all versions back."""
        for name in [*self._versions]:
            self._drop(name)


def _loaded(root: Path, name: str, universe: Universe) -> Version:
    return load(Lake(root, name), universe)


def _check(root: Path, name: str) -> None:
    """Raise the error of a version that is not served, as far as folders and marks tell."""
    ids = lakes.version_ids(root)
    if name not in ids and max(ids, default="") < name < _latest():
        raise Unavailable(f"version {name} is not here yet; try again", LATER_SECONDS)
    if name not in ids:
        raise Unknown("version", name, ids[::-1])
    if marks.is_withdrawn(root, name):
        raise RolledBack(f"version {name} was rolled back; {REMEDY}")
    if told := marks.known_damage(root, name):
        raise _unreadable(name, told)


def _latest() -> str:
    """Return an id after all that have been made, by clocks that may differ."""
    return f"{datetime.now(UTC) + CLOCKS:{layout.ID_FORMAT}}"


def _unreadable(name: str, why: object) -> Unavailable:
    logger.warning("version %s was asked for, and cannot be read: %s", name, why)
    return Unavailable(f"version {name} cannot be read; {REMEDY}")
