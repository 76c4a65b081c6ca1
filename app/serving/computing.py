"""Work in threads: few at once, each once however many ask, its result cached by version."""

import asyncio
from collections.abc import Callable, Hashable
from datetime import date
from typing import Final

import polars as pl

from app.serving.cache import Cache
from app.serving.published import Version, collected
from app.web import Unavailable
from pipelines.ranking import rankings
from pipelines.universe import Universe

WAITING_PER_PLACE: Final = 8
"""So many may wait for each that is computed; more are sent away."""
TAKES: Final = 2
"""So many times the bytes of its values does a frame take: small columns in many chunks."""


class Computing:
    """Runs what an answer needs outside the event loop; used by the event loop alone."""

    def __init__(self, cache: Cache, at_once: int, is_critical: Callable[[], bool]) -> None:
        self._cache: Final = cache
        self._places: Final = asyncio.Semaphore(at_once)
        self._most: Final = at_once * (1 + WAITING_PER_PLACE)
        self._under_way: Final[dict[Hashable, asyncio.Task[pl.DataFrame]]] = {}
        self._is_critical: Final = is_critical

    async def rankings(self, version: Version, universe: Universe, as_of: date) -> pl.DataFrame:
        """All rankings of a universe on a date: the published ones, or computed on demand.

        `Unavailable` when they would have to be computed while memory is critical or too many wait.
        """
        if universe == version.universe and as_of == version.lake.as_of:
            return version.rankings
        plan = rankings(version.lake, as_of=as_of, universe=universe)
        return await self.frame((*version.key, universe, as_of), plan, sheds=True)

    async def frame(
        self, key: Hashable, plan: pl.LazyFrame, *, sheds: bool = False
    ) -> pl.DataFrame:
        """The result of a plan, computed once for a key; one that sheds is refused in need."""
        kept: pl.DataFrame | None = self._cache.get(key)
        if kept is not None:
            return kept
        if key not in self._under_way:
            self._refuse(sheds=sheds)
            task = asyncio.create_task(self._collect(key, plan))
            self._under_way[key] = task
            task.add_done_callback(lambda _: self._under_way.pop(key))
        # Whoever stops waiting does not stop the work that others wait for.
        return await asyncio.shield(self._under_way[key])

    def _refuse(self, *, sheds: bool) -> None:
        if sheds and self._is_critical():
            raise Unavailable(
                "memory is critical, so only published rankings are served; try again later"
            )
        if len(self._under_way) >= self._most:
            raise Unavailable(f"{self._most} computations are under way; try again", 5)

    async def _collect(self, key: Hashable, plan: pl.LazyFrame) -> pl.DataFrame:
        async with self._places:
            frame = await asyncio.to_thread(collected, plan)
        self._cache.put(key, frame, TAKES * int(frame.estimated_size()))
        return frame
