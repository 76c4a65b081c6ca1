"""The version that is served: resolved once a request, read once a version."""

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

Place = tuple[int, int, int]
RETRY_SECONDS: Final = 5.0
"""Between two tries to read a current version that cannot be read."""


@dataclass(frozen=True)
class Version:
    """A published version with its rankings in memory; it is kept from pruning while it is used."""

    lake: Lake
    universe: Universe
    rankings: pl.DataFrame
    """All strategies on the newest date, as `pipelines.ranking.rankings` describes them."""
    newest: Mapping[str, date | None]
    """The day of the newest close of every stock, however old."""

    @property
    def id(self) -> str:
        """The id of the version."""
        return self.lake.version

    @cached_property
    def key(self) -> tuple[str, str, str]:
        """What answers from it depend on: the version, the rules and the release."""
        return self.id, rules_hash(), __version__

    @property
    def manifest(self) -> Manifest:
        """What the version holds."""
        return self.lake.manifest

    @property
    def report(self) -> Report:
        """The integrity report that was made when the version was."""
        return self.manifest.integrity

    @property
    def calendar(self) -> Sequence[date]:
        """The trading days that the report carries."""
        return self.report.calendar


class Published:
    """Hands out the current version, and notices when another one becomes current.

    Where that one cannot be read, the version before is handed out until another one can.
    """

    def __init__(self, root: Path, universe: Universe) -> None:
        self.root: Final = root
        self._link: Final = root / "current"
        self._universe: Final = universe
        self._version: Version | None = None
        self._place: Place | None = None
        self._unreadable: Place | None = None
        """The place of a version that could not be read when it was tried last."""
        self._retry_at = 0.0
        self._reading: Final = asyncio.Lock()

    async def current(self) -> Version:
        """The version that `current` names now; `NothingPublished` if there is none."""
        return self.known() or await self._read()

    def known(self) -> Version | None:
        """The version that `current` names now, where it was read before; else None.

        The version before, for some seconds, where that one could not be read.
        """
        place = self._look()
        waits = place == self._unreadable and time.monotonic() < self._retry_at
        return self._version if place is not None and (place == self._place or waits) else None

    async def _read(self) -> Version:
        async with self._reading:
            if known := self.known():
                return known
            place = self._look()
            if place is None:
                self._version = None
                raise NothingPublished(self.root)
            try:
                version = await asyncio.to_thread(_load, self.root, self._universe)
            except (StockRankError, OSError) as error:
                return self._instead(place, error)
            self._version, self._place, self._unreadable = version, place, None
            return version

    def _instead(self, place: Place, error: Exception) -> Version:
        """Return the version before; raise the error where there is none."""
        if self._version is None:
            raise error
        if place != self._unreadable:
            logger.warning("version %s is served still: %s", self._version.id, error)
        self._unreadable, self._retry_at = place, time.monotonic() + RETRY_SECONDS
        return self._version

    def problem(self) -> str | None:
        """Return the reason why the current version is not all there, or not served, if any."""
        try:
            version = self.version_id()
            if version is None:
                return "nothing is published; start a refresh"
            found = listing.problem_of(self.root, version)
        except LakeError:
            return "the current version cannot be told; the log of the service says why"
        if found is None and self._unreadable is not None and self._look() == self._unreadable:
            found = f"version {version} cannot be read"
        return f"{found}; start a refresh, or roll back" if found else None

    def _look(self) -> Place | None:
        """What changes whenever the link is replaced, without following it; None without one."""
        try:
            stat = self._link.lstat()
        except FileNotFoundError:
            return None
        return stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns

    def version_id(self) -> str | None:
        """The id of the current version, without reading it."""
        return lakes.current_id(self.root)


def collected(plan: pl.LazyFrame) -> pl.DataFrame:
    """The result of a plan over a version; `LakeError` where its files cannot be read."""
    try:
        return plan.collect(engine="streaming")
    except (pl.exceptions.PolarsError, OSError) as error:
        raise LakeError(
            f"the files of the version cannot be read: {error}; "
            "see python -m pipelines.versions verify"
        ) from error


def _load(root: Path, universe: Universe) -> Version:
    lake = Lake(root)
    rankings = collected(published_or_computed(lake, universe=universe))
    newest = collected(lake.stocks().select("ticker", "newest_date"))
    return Version(lake, universe, rankings, dict(newest.iter_rows()))
