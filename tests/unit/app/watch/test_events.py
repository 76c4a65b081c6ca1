"""Events: seen by every subscriber in their order; a slow one loses its oldest and is told."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from app.watch.events import QUEUE, Event, Events, Subscription


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a test in an event loop; one that waits for ever fails."""
    asyncio.run(asyncio.wait_for(main, 30))


async def numbers(subscription: Subscription, count: int) -> list[Any]:
    return [(await anext(subscription)).data["n"] for _ in range(count)]


def test_every_subscriber_sees_every_event_in_order() -> None:
    async def main() -> None:
        events = Events()
        async with events.subscribe() as one, events.subscribe() as two:
            for n in range(3):
                events.publish("memory", {"n": n})
            assert [await anext(one) for _ in range(3)] == [
                Event("memory", {"n": n}) for n in range(3)
            ]
            assert await numbers(two, 3) == [0, 1, 2]

    run(main())


def test_an_event_from_before_the_subscription_or_after_it_is_not_seen() -> None:
    async def main() -> None:
        events = Events()
        events.publish("memory", {"n": 0})
        async with events.subscribe() as subscription:
            assert len(events) == 1
            events.publish("memory", {"n": 1})
        assert len(events) == 0
        events.publish("memory", {"n": 2})
        subscription.close()
        assert [event.data["n"] async for event in subscription] == [1]

    run(main())


def test_a_subscription_ends_with_an_error_in_its_block() -> None:
    async def main() -> None:
        events = Events()
        with pytest.raises(RuntimeError):
            async with events.subscribe():
                raise RuntimeError
        assert len(events) == 0

    run(main())


def test_a_slow_subscriber_loses_its_oldest_events_and_is_told_once() -> None:
    async def main() -> None:
        events = Events()
        async with events.subscribe() as slow, events.subscribe() as quick:
            seen = []
            for n in range(QUEUE + 10):
                events.publish("memory", {"n": n})
                seen += await numbers(quick, 1)
            assert seen == list(range(QUEUE + 10))
            assert await anext(slow) == Event("lost", {"events": 10})
            assert await numbers(slow, QUEUE) == list(range(10, QUEUE + 10))
            events.publish("memory", {"n": "next"})
            assert await numbers(slow, 1) == ["next"]

    run(main())


def test_a_full_queue_has_lost_nothing() -> None:
    async def main() -> None:
        events = Events()
        async with events.subscribe() as slow:
            for n in range(QUEUE):
                events.publish("memory", {"n": n})
            assert await numbers(slow, QUEUE) == list(range(QUEUE))

    run(main())


def test_waiting_is_woken_and_can_be_given_up_without_a_loss() -> None:
    async def main() -> None:
        events = Events()
        async with events.subscribe() as subscription:
            for n in range(3):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(anext(subscription), 0.001)
                waiting = asyncio.ensure_future(anext(subscription))
                await asyncio.sleep(0)
                events.publish("memory", {"n": n})
                assert (await waiting).data == {"n": n}

    run(main())


def test_closing_ends_every_subscription_after_what_waits() -> None:
    async def main() -> None:
        events = Events()
        async with events.subscribe() as behind, events.subscribe() as waiting:
            ended = asyncio.ensure_future(anext(waiting, "end"))
            await asyncio.sleep(0)
            events.close()
            assert await ended == "end"
            behind.put(Event("memory", {"n": 1}))
            assert [event.data["n"] async for event in behind] == [1]
        async with events.subscribe() as late:
            assert [event async for event in late] == []

    run(main())
