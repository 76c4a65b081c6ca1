"""Notices on their way to people. No channel makes the service wait, or fail."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from pipelines.errors import StockRankError

logger = logging.getLogger(__name__)

PAUSES: Final = (1.0, 5.0, 25.0)
"""Seconds before each repetition: a receiver that restarts is reached, one that is gone is not."""
MOST_WAITING: Final = 100

Sleep = Callable[[float], Awaitable[None]]


class Undelivered(StockRankError):
    """A notice did not arrive; `again` tells whether it may when it is sent once more."""

    def __init__(self, message: str, *, again: bool = False) -> None:
        super().__init__(message)
        self.again: Final = again


@dataclass(frozen=True)
class Notice:
    """What is told: a line for people, a text below it, and the same as data."""

    title: str
    text: str
    level: int
    data: dict[str, Any]


class Channel(Protocol):
    """A way to tell people."""

    @property
    def name(self) -> str:
        """What it is called in the log."""

    async def send(self, notice: Notice) -> None:
        """Try once; `Undelivered` says why not."""


class Outbox:
    """The notices on their way to one channel, one after the other, so that none overtakes.

    What does not arrive after all repetitions is logged, and the next is tried.
    """

    def __init__(
        self, channel: Channel, *, pauses: Sequence[float] = PAUSES, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._channel: Final = channel
        self._pauses: Final = tuple(pauses)
        self._sleep: Final = sleep
        self._waiting: Final[deque[Notice]] = deque()
        self._task: asyncio.Task[None] | None = None

    def put(self, notice: Notice) -> None:
        """Send a notice when those before it are sent; never waits."""
        if len(self._waiting) == MOST_WAITING:
            # The first is on its way.
            self._lost(self._waiting[1], "too many notices wait")
            del self._waiting[1]
        self._waiting.append(notice)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain())

    async def close(self, seconds: float) -> None:
        """Give what waits so long to be sent, and give up the rest."""
        if self._task:
            await asyncio.wait([self._task], timeout=seconds)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        while self._waiting:
            self._lost(self._waiting.popleft(), "the service stops")

    async def _drain(self) -> None:
        while self._waiting:
            # It stays first in line until it has arrived or was given up.
            notice = self._waiting[0]
            try:
                await self._deliver(notice)
            except Undelivered as error:
                self._lost(notice, str(error))
            except Exception:
                # A defect of a channel must not keep the next notice from being sent.
                logger.exception("%s failed", self._channel.name)
            self._waiting.popleft()

    async def _deliver(self, notice: Notice) -> None:
        """Send, and again after each pause where that may help."""
        for pause in self._pauses:
            try:
                return await self._channel.send(notice)
            except Undelivered as error:
                if not error.again:
                    raise
                logger.info("%s: %s; tried again in %g s", self._channel.name, error, pause)
            await self._sleep(pause)
        return await self._channel.send(notice)

    def _lost(self, notice: Notice, why: str) -> None:
        told = (self._channel.name, notice.title, why)
        logger.error("%s did not deliver %r: %s", *told)
