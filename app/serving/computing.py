"""Compute frames in threads: a few at a time, each once for all requests, cached by version."""

import asyncio
from collections.abc import Callable, Hashable
from datetime import date
from typing import Final

import polars as pl

from app.serving.cache import Cache
from app.serving.published import Version, collect
from app.web import Unavailable
from pipelines.ranking import Strategy, rankings
from pipelines.universe import Universe

WAITING_PER_SLOT: Final = 8
"""Computations that may wait for each one that runs; further ones are refused."""
LOOK_SECONDS: Final = 0.5
"""Seconds between two looks whether the disk hangs, while a request waits."""
LONGEST_LOOKS: Final = 120
"""Looks after which a request waits no longer."""
DISK_HANGS: Final = (
    "the disk of the lake gives no answer, so only what is in memory is served; check the disk, or "
    "the network that it is on"
)
BYTES_PER_VALUE_BYTE: Final = 2
"""Memory that a frame takes for each byte of its values: it has small columns in many chunks."""


class Computing:
    """Computes frames outside the event loop; is called from the event loop alone."""

    def __init__(
        self, cache: Cache, at_once: int, is_critical: Callable[[], bool],
        hangs: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        """Compute `at_once` frames; `hangs` says whether the disk of the lake gives no answer."""
        self._cache: Final = cache
        self._slots: Final = asyncio.Semaphore(at_once)
        self._max_under_way: Final = at_once * (1 + WAITING_PER_SLOT)
        self._under_way: Final[dict[Hashable, asyncio.Task[pl.DataFrame]]] = {}
        self._is_critical: Final = is_critical
        self._hangs: Final = hangs

    async def rankings(self, version: Version, universe: Universe, as_of: date) -> pl.DataFrame:
        """Return all rankings of a universe on a date: the published ones, or computed on demand.

        Raise `Unavailable` where they must be computed and memory is critical or too many wait.
        """
        if as_of == version.lake.as_of:
            if universe == version.universe:
                return version.rankings
            if universe in version.others:
                return version.others[universe]
        plan = rankings(version.lake, as_of=as_of, universe=universe)
        return await self.frame((*version.key, universe, as_of), plan, sheds=True)

    async def preview(
        self, version: Version, universe: Universe, as_of: date, strategy: Strategy
    ) -> pl.DataFrame:
        """Return the ranking of a strategy that is not among those of the service.

        Raise `Unavailable` as `rankings` does.
        """
        plan = rankings(version.lake, as_of=as_of, universe=universe, strategies=[strategy])
        key = (*version.key, universe, as_of, strategy.definition)
        return await self.frame(key, plan, sheds=True)

    async def frame(
        self, key: Hashable, plan: pl.LazyFrame, *, sheds: bool = False
    ) -> pl.DataFrame:
        """Return the result of a plan, computed once for each key.

        Raise `Unavailable` where the disk hangs, and with `sheds` while memory is critical.
        """
        cached: pl.DataFrame | None = self._cache.get(key)
        if cached is not None:
            return cached
        if key not in self._under_way:
            self._check_room(sheds=sheds)
            task = asyncio.create_task(self._collect(key, plan))
            self._under_way[key] = task
            task.add_done_callback(lambda _: self._under_way.pop(key))
        return await self._result(self._under_way[key])

    async def _result(self, task: asyncio.Task[pl.DataFrame]) -> pl.DataFrame:
        """Return what a task computes; raise `Unavailable` where it does not come in time.

        The task goes on: a client that goes away must not cancel the work for which others wait.
        """
        for _ in range(LONGEST_LOOKS):
            done, _ = await asyncio.wait({task}, timeout=LOOK_SECONDS)
            if done:
                return task.result()
            self._check_disk()
        raise Unavailable(
            f"this was not computed within {LONGEST_LOOKS * LOOK_SECONDS:g} s; the disk is slow, "
            "or the machine is; try again later"
        )

    def _check_disk(self) -> None:
        if self._hangs():
            raise Unavailable(DISK_HANGS)

    def _check_room(self, *, sheds: bool) -> None:
        self._check_disk()
        if sheds and self._is_critical():
            raise Unavailable(
                "memory is critical, so only published rankings are served; try again later"
            )
        if len(self._under_way) >= self._max_under_way:
            raise Unavailable(f"{self._max_under_way} computations are under way; try again", 5)

    async def _collect(self, key: Hashable, plan: pl.LazyFrame) -> pl.DataFrame:
        async with self._slots:
            frame = await asyncio.to_thread(collect, plan)
        self._cache.put(key, frame, BYTES_PER_VALUE_BYTE * int(frame.estimated_size()))
        return frame
