"""The version that is served: resolved once a request, read once a version."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import polars as pl

from pipelines import lake as lakes
from pipelines.errors import LakeError, NothingPublished
from pipelines.lake import Lake, Report, calendar_of
from pipelines.ranking import published_or_computed
from pipelines.universe import Universe

Place = tuple[int, int, int]


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

    @property
    def manifest(self) -> dict[str, Any]:
        """What the version holds."""
        return self.lake.manifest

    @cached_property
    def report(self) -> Report:
        """The integrity report that was made when the version was."""
        report: Report = self.manifest["integrity"]
        return report

    @cached_property
    def calendar(self) -> list[date]:
        """The trading days that the report carries."""
        return calendar_of(self.report)


class Published:
    """Hands out the current version, and notices when another one becomes current."""

    def __init__(self, root: Path, universe: Universe) -> None:
        self.root: Final = root
        self._link: Final = root / "current"
        self._universe: Final = universe
        self._version: Version | None = None
        self._place: Place | None = None
        self._reading: Final = asyncio.Lock()

    async def current(self) -> Version:
        """The version that `current` names now; `NothingPublished` if there is none."""
        return self.known() or await self._read()

    def known(self) -> Version | None:
        """The version that `current` names now, where it was read before; else None."""
        return self._version if self._look() == self._place else None

    async def _read(self) -> Version:
        async with self._reading:
            if known := self.known():
                return known
            self._version, place = None, self._look()
            if place is None:
                raise NothingPublished(self.root)
            version = await asyncio.to_thread(_load, self.root, self._universe)
            self._version, self._place = version, place
            return version

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
