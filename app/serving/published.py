"""The version that is served: looked up for each request, read into memory once."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Final

import polars as pl

from pipelines import __version__
from pipelines import lake as lakes
from pipelines.errors import LakeError, NothingPublished, StockRankError
from pipelines.lake import Lake, Manifest, Report, listing
from pipelines.ranking import published_or_computed, rules_hash
from pipelines.universe import Universe

logger = logging.getLogger(__name__)

LinkState = tuple[int, int, int]
"""Inode and times of the link `current`; they differ after every replacement."""
REREAD_SECONDS: Final = 5.0
"""Seconds between two attempts to read a current version that cannot be read."""


@dataclass(frozen=True)
class Version:
    """A published version with its rankings in memory; it is not pruned while it is in use."""

    lake: Lake
    universe: Universe
    rankings: pl.DataFrame
    """All strategies on the newest date, as `pipelines.ranking.rankings` describes them."""
    newest: Mapping[str, date | None]
    """The day of the newest close of every stock, however old."""

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

    Where that one cannot be read, the version before is returned until it can.
    """

    def __init__(self, root: Path, universe: Universe) -> None:
        self.root: Final = root
        self._link: Final = root / "current"
        self._universe: Final = universe
        self._version: Version | None = None
        self._state: LinkState | None = None
        self._unreadable: LinkState | None = None
        """The state of the link at the last attempt that failed."""
        self._retry_at = 0.0
        self._reading: Final = asyncio.Lock()

    async def current(self) -> Version:
        """Return the version that `current` names; raise `NothingPublished` if there is none."""
        return self.loaded() or await self._read()

    def loaded(self) -> Version | None:
        """Return the version that `current` names if it is in memory; else None.

        For `REREAD_SECONDS` after a failed attempt, return the version before.
        """
        state = self._link_state()
        waits = state == self._unreadable and time.monotonic() < self._retry_at
        return self._version if state is not None and (state == self._state or waits) else None

    async def _read(self) -> Version:
        async with self._reading:
            if loaded := self.loaded():
                return loaded
            state = self._link_state()
            if state is None:
                self._version = None
                raise NothingPublished(self.root)
            try:
                version = await asyncio.to_thread(_load, self.root, self._universe)
            except (StockRankError, OSError) as error:
                return self._version_before(state, error)
            self._version, self._state, self._unreadable = version, state, None
            return version

    def _version_before(self, state: LinkState, error: Exception) -> Version:
        """Return the version before for `REREAD_SECONDS`; raise the error where there is none."""
        if self._version is None:
            raise error
        if state != self._unreadable:
            logger.warning("version %s is still served: %s", self._version.id, error)
        self._unreadable, self._retry_at = state, time.monotonic() + REREAD_SECONDS
        return self._version

    def problem(self) -> str | None:
        """Return the reason why the current version is not served in full; None where it is."""
        if self._link_state() is None:
            return "nothing is published; start a refresh"
        return self.damage()

    def damage(self) -> str | None:
        """Return the damage of the current version, with the remedy; None where it has none."""
        try:
            version = self.version_id()
            if version is None:
                return None
            found = listing.problem_of(self.root, version)
        except (LakeError, OSError):
            return "the current version cannot be determined; the log of the service says why"
        if (
            found is None
            and self._unreadable is not None
            and self._link_state() == self._unreadable
        ):
            found = f"version {version} cannot be read"
        return f"{found}; start a refresh, or roll back" if found else None

    def _link_state(self) -> LinkState | None:
        """Return the state of the link `current` itself; None where there is none."""
        try:
            stat = self._link.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns

    def version_id(self) -> str | None:
        """Return the id of the current version, without reading it."""
        return lakes.current_id(self.root)


def collect(plan: pl.LazyFrame) -> pl.DataFrame:
    """Return the result of a plan; raise `LakeError` where the files cannot be read."""
    try:
        return plan.collect(engine="streaming")
    except (pl.exceptions.PolarsError, OSError) as error:
        raise LakeError(
            f"the files of the version cannot be read: {error}; "
            "see python -m pipelines.versions verify"
        ) from error


def _load(root: Path, universe: Universe) -> Version:
    lake = Lake(root)
    rankings = collect(published_or_computed(lake, universe=universe))
    newest = collect(lake.stocks().select("ticker", "newest_date"))
    return Version(lake, universe, rankings, dict(newest.iter_rows()))
