"""Delivery through an outbox that sleeps without passing time."""

import asyncio
from dataclasses import dataclass, field

from app.watch.outbox import Channel, Notice, Outbox


@dataclass
class Pauses:
    """Sleeps without passing time."""

    slept: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


async def deliver(channel: Channel, *notices: Notice) -> list[float]:
    """Send through an outbox, and tell the pauses it made."""
    pauses = Pauses()
    box = Outbox(channel, sleep=pauses.sleep)
    for notice in notices:
        box.put(notice)
    await box.close(30)
    return pauses.slept
