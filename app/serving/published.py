"""The version that is served: looked up for each request, read into memory once."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Final

import polars as pl

from app.watch import Aside, NoAnswer, check_version
from app.web import Unreadable
from pipelines import __version__
from pipelines import lake as lakes
from pipelines.errors import NothingPublished, StockRankError
from pipelines.lake import Condition, Lake, Manifest, Report, damage, layout
from pipelines.ranking import published_or_computed, rules_hash
from pipelines.universe import Universe

LinkState = tuple[int, int, int]
"""Inode and times of the link `current`; they differ after every replacement."""
NO_LINK: Final[LinkState] = (0, 0, 0)
REREAD_SECONDS: Final = 5.0
"""Seconds between two attempts to read a current version that cannot be read."""
FRESH_SECONDS: Final = 0.001
"""Seconds for which a look at the link holds: busy requests share one."""
LINK_SECONDS: Final = 0.25
"""Seconds for which requests wait for the link, once: on a disk that hangs the last look holds."""
ANSWER_SECONDS: Final = 5.0
"""Seconds after which a disk that gives no answer is said to hang."""
LOAD_SECONDS: Final = 60.0
"""The longest time in which a version is read into memory."""


@dataclass(frozen=True)
class Version:
    """A published version with its rankings in memory; it is not pruned while it is in use."""

    lake: Lake
    universe: Universe
    rankings: pl.DataFrame
    """All strategies on the newest date, as `pipelines.ranking.rankings` describes them."""
    newest: Mapping[str, date | None]
    """The day of the newest close of every stock, however old."""
    others: Mapping[Universe, pl.DataFrame] = field(default_factory=dict)
    """The rankings of the other universes that the version holds."""

    @property
    def id(self) -> str:
        """Return the id of the version."""
        return self.lake.version

    @cached_property
    def key(self) -> tuple[str, str, str]:
        """Return everything on which its answers depend: the version, the rules and the release."""
        return self.id, rules_hash(), __version__

    @property
    def manifest(self) -> Manifest:
        """Return the manifest of the version."""
        return self.lake.manifest

    @property
    def report(self) -> Report:
        """Return the integrity report that was made with the version."""
        return self.manifest.integrity

    @property
    def calendar(self) -> Sequence[date]:
        """Return the trading days of the report."""
        return self.report.calendar


class Published:
    """Returns the current version, and notices when another becomes current.

    Where that one cannot be read, or is gone, the version before is returned until it can.
    """

    def __init__(self, root: Path, universe: Universe) -> None:
        self.root: Final = root
        self._link: Final = layout.current(root)
        self._universe: Final = universe
        self._version: Version | None = None
        self._state: LinkState | None = None
        self._failed: LinkState | None = None
        """The state of the link at the last attempt that failed."""
        self._closed = False
        """Whether that attempt failed though the files are as they were written."""
        self._retry_at = 0.0
        self._reading: Final = asyncio.Lock()
        self._links: Final = Aside("lake-link")
        self._looks: Final = Aside("lake-condition")
        self._looked: LinkState = NO_LINK
        """The state of the link at the last look."""
        self._looked_at = -FRESH_SECONDS

    async def current(self) -> Version:
        """Return the version that `current` names; raise `NothingPublished` if there is none.

        `Unreadable` where it cannot be read, and no version before is in memory.
        """
        return self.loaded() or await self._read()

    def loaded(self) -> Version | None:
        """Return the version that `current` names if it is in memory; else None.

        For `REREAD_SECONDS` after a failed attempt, return the version before.
        """
        state = self._link_state()
        waits = state == self._failed and time.monotonic() < self._retry_at
        return self._version if state == self._state or waits else None

    @property
    def in_memory(self) -> str | None:
        """The id of the version in memory, whatever `current` names."""
        return self._version.id if self._version else None

    async def _read(self) -> Version:
        async with self._reading:
            if loaded := self.loaded():
                return loaded
            state = self._link_state()
            try:
                before = await self._looks.ask(ANSWER_SECONDS, self._condition_of)
                async with asyncio.timeout(LOAD_SECONDS):
                    version = await asyncio.to_thread(_load, self.root, self._universe)
            except (NoAnswer, TimeoutError) as error:
                self._failed, self._retry_at = state, time.monotonic() + REREAD_SECONDS
                return self._in_memory(error)
            except (StockRankError, OSError) as error:
                return await self._version_before(state, error, before)
            self._version, self._state, self._failed = version, state, None
            return version

    async def _version_before(
        self, state: LinkState, error: Exception, before: Condition
    ) -> Version:
        """Return the version before for `REREAD_SECONDS`; raise where there is none."""
        if state != self._failed or not self._closed:
            whole = await asyncio.to_thread(_is_whole, self.root)
            self._closed = whole and before.state == "readable"  # not mended meanwhile
        self._failed, self._retry_at = state, time.monotonic() + REREAD_SECONDS
        return self._in_memory(error)

    def _in_memory(self, error: Exception) -> Version:
        """Return the version in memory; raise where there is none."""
        if self._version is not None:
            return self._version
        if isinstance(error, NothingPublished):
            raise error
        raise Unreadable(str(error)) from error

    async def condition(self) -> Condition:
        """Return the condition of the lake, also as the last attempt to read it found it.

        A lake whose disk hangs is unreadable.
        """
        try:
            found = await self._looks.ask(ANSWER_SECONDS, self._condition_of)
        except NoAnswer as error:
            hangs = f"{error}; check the disk, or the network that it is on"
            return Condition("unreadable", self.in_memory, hangs)
        if found.state == "empty" and self._version is not None:
            gone = "the lake is gone with all its versions; put it back, or start a refresh"
            return Condition("unreadable", None, gone)
        if found.state == "readable" and self._closed and self._failed == self._link_state():
            closed = f"version {found.version} cannot be read; start a refresh, or roll back"
            return Condition("unreadable", found.version, closed)
        return found

    @property
    def hangs(self) -> bool:
        """True while the disk of the lake gives no answer."""
        return self._looks.hangs or self._links.hangs

    def close(self) -> None:
        """End the threads that look."""
        self._links.close()
        self._looks.close()

    def _condition_of(self) -> Condition:
        return lakes.condition_of(self.root)

    def _link_state(self) -> LinkState:
        """Return the state of the link; that of the last look where the disk hangs."""
        now = time.monotonic()
        if now - self._looked_at >= FRESH_SECONDS:
            with suppress(NoAnswer):
                self._looked = self._links.within(LINK_SECONDS, self._look_at_link)
                self._looked_at = now
        return self._looked

    def _look_at_link(self) -> LinkState:
        """Return the state of the link `current` itself; `NO_LINK` where it is not to be seen."""
        try:
            stat = self._link.lstat()
        except OSError:
            return NO_LINK
        return stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns


def collect(plan: pl.LazyFrame) -> pl.DataFrame:
    """Return the result of a plan; raise `LakeError` where the files cannot be read."""
    with lakes.readable():
        return plan.collect(engine="streaming")


def _load(root: Path, universe: Universe) -> Version:
    return load(Lake(root), universe)


def load(lake: Lake, universe: Universe) -> Version:
    """Read a version into memory."""
    rankings = collect(published_or_computed(lake, universe=universe))
    others = {
        other: collect(published_or_computed(lake, universe=other))
        for other in (lake.manifest.universe, *lake.manifest.other_universes)
        if other != universe
    }
    newest = collect(lake.stocks().select("ticker", "newest_date"))
    return Version(lake, universe, rankings, dict(newest.iter_rows()), others)


def _is_whole(root: Path) -> bool:
    """Compare the current version with its hashes, and mark it if it is damaged."""
    found = lakes.condition_of(root)
    if found.state != "readable" or not found.version:
        return False
    with suppress(StockRankError, OSError):
        return not check_version(root, found.version, damage.hashed)
    return False
