"""Notices on their way to people. No channel makes the service wait or fail."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from pydantic import JsonValue

from pipelines.errors import StockRankError

logger = logging.getLogger(__name__)

PAUSES: Final = (1.0, 5.0, 25.0)
"""Seconds before each further try: enough for a receiver that restarts."""
MOST_WAITING: Final = 100
"""Notices that wait for a channel before the oldest is given up."""

Sleep = Callable[[float], Awaitable[None]]


class Undelivered(StockRankError):
    """A notice did not arrive; `again` is true where another try may succeed."""

    def __init__(self, message: str, *, again: bool = False) -> None:
        super().__init__(message)
        self.again: Final = again


@dataclass(frozen=True)
class Notice:
    """A message to people: a title, a text below it, and the same content as data."""

    title: str
    text: str
    level: int
    data: dict[str, JsonValue]


class Channel(Protocol):
    """A way to reach people."""

    @property
    def name(self) -> str:
        """The name of the channel in the log."""

    async def send(self, notice: Notice) -> None:
        """Send a notice once; `Undelivered` where it does not arrive."""


class Outbox:
    """Sends notices through one channel, one after the other, in their order.

    A notice that does not arrive after all tries is logged, and the next one is sent.
    `undelivered` is then more than 0, until a notice arrives.
    """

    def __init__(
        self, channel: Channel, *, pauses: Sequence[float] = PAUSES, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._channel: Final = channel
        self._pauses: Final = tuple(pauses)
        self._sleep: Final = sleep
        self._waiting: Final[deque[Notice]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._lost = 0
        """Notices that were given up since the last one that arrived."""
        self._fails = False
        """Whether the last try failed."""

    @property
    def name(self) -> str:
        """The name of the channel."""
        return self._channel.name

    @property
    def undelivered(self) -> int:
        """How many notices have not arrived since the last one that did; 0 if the last try did."""
        return self._lost + len(self._waiting) * self._fails

    def put(self, notice: Notice) -> None:
        """Add a notice, which is sent after those before it; never waits."""
        if len(self._waiting) == MOST_WAITING:
            # The first is being sent.
            self._give_up(self._waiting[1], "too many notices wait")
            del self._waiting[1]
        self._waiting.append(notice)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain())

    async def close(self, seconds: float) -> None:
        """Wait some seconds for the notices to be sent, and give up the rest."""
        if self._task:
            await asyncio.wait([self._task], timeout=seconds)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        while self._waiting:
            self._give_up(self._waiting.popleft(), "the service stops")

    async def _drain(self) -> None:
        while self._waiting:
            # It stays first until it has arrived or is given up.
            notice = self._waiting[0]
            try:
                await self._deliver(notice)
            except Undelivered as error:
                self._give_up(notice, str(error))
            except Exception:
                # A defect of a channel must not stop the next notice.
                self._lost += 1
                logger.exception("%s failed", self._channel.name)
            else:
                self._lost = 0
            self._waiting.popleft()

    async def _deliver(self, notice: Notice) -> None:
        """Send a notice, and again after each pause where another try may succeed."""
        for pause in self._pauses:
            try:
                return await self._try(notice)
            except Undelivered as error:
                if not error.again:
                    raise
                logger.info("%s: %s; tried again in %g s", self._channel.name, error, pause)
            await self._sleep(pause)
        return await self._try(notice)

    async def _try(self, notice: Notice) -> None:
        """Send a notice, and keep whether that failed."""
        try:
            await self._channel.send(notice)
        except Exception:
            self._fails = True
            raise
        self._fails = False

    def _give_up(self, notice: Notice, reason: str) -> None:
        self._lost += 1
        values = (self._channel.name, notice.title, reason)
        logger.error("%s did not deliver %r: %s", *values)
