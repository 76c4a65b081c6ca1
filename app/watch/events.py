"""Events of the service, for subscribers such as the dashboard's live stream."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Self

from pydantic import JsonValue

QUEUE: Final = 256
"""Events that wait for a subscriber before it loses the oldest: minutes of a busy service."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, with its data as JSON holds it; all subscribers share the data."""

    kind: str
    data: Mapping[str, JsonValue]


class Subscription(AsyncIterator[Event]):
    """The events since the subscription, in their order, until the source is closed.

    A subscriber that is too slow gets an event `lost` with a number in place of the events that
    were dropped. A wait may be cancelled, as by a timeout, and loses no event.
    """

    def __init__(self) -> None:
        self._waiting: Final[deque[Event]] = deque()
        self._lost = 0
        self._closed = False
        self._news: Final = asyncio.Event()

    def put(self, event: Event) -> None:
        """Add an event; never waits."""
        if len(self._waiting) == QUEUE:
            self._waiting.popleft()
            self._lost += 1
        self._waiting.append(event)
        self._news.set()

    def close(self) -> None:
        """End the iteration after the events that wait."""
        self._closed = True
        self._news.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while not self._waiting:
            if self._closed:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        if self._lost:
            lost, self._lost = self._lost, 0
            return Event("lost", {"events": lost})
        return self._waiting.popleft()


class Events:
    """Hands each event that is published to every subscriber; all in one event loop."""

    def __init__(self) -> None:
        self._subscriptions: Final[set[Subscription]] = set()
        self._closed = False

    def __len__(self) -> int:
        """The number of subscribers."""
        return len(self._subscriptions)

    def publish(self, kind: str, data: Mapping[str, JsonValue]) -> None:
        """Hand an event to every subscriber; never waits for one."""
        event = Event(kind, data)
        for subscription in self._subscriptions:
            subscription.put(event)

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[Subscription]:
        """The events from here on, until the block is left."""
        subscription = Subscription()
        if self._closed:
            subscription.close()
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    def close(self) -> None:
        """End all subscriptions, so that the streams of a server that stops come to an end."""
        self._closed = True
        for subscription in self._subscriptions:
            subscription.close()
