"""The order and the patience of an outbox."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from app.watch import outbox
from app.watch.outbox import Notice, Outbox, Undelivered
from tests.unit.app.watch.delivery import deliver


@dataclass
class Slow:
    """A channel that fails as it is told, and waits for a test."""

    failures: Sequence[Exception] = ()
    name: str = "slow"
    sent: list[str] = field(default_factory=list)
    tried: int = 0
    free: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, notice: Notice) -> None:
        await self.free.wait()
        self.tried += 1
        if self.tried <= len(self.failures):
            raise self.failures[self.tried - 1]
        self.sent.append(notice.title)


def titled(*titles: object) -> list[Notice]:
    return [Notice(str(title), "", logging.INFO, {}) for title in titles]


def test_a_notice_does_not_overtake_one_that_is_tried_again() -> None:
    async def main() -> None:
        channel = Slow([Undelivered("busy", again=True)] * 2)
        channel.free.set()
        assert await deliver(channel, *titled("firing", "resolved")) == [1, 5]
        assert channel.sent == ["firing", "resolved"]

    asyncio.run(main())


def test_putting_does_not_wait_and_an_empty_outbox_starts_again() -> None:
    async def main() -> None:
        channel = Slow()
        box = Outbox(channel)
        (one, two) = titled("one", "two")
        box.put(one)
        await asyncio.sleep(0.01)
        assert channel.sent == []
        channel.free.set()
        await box.close(30)
        box.put(two)
        await box.close(30)
        assert channel.sent == ["one", "two"]

    asyncio.run(main())


def test_a_defect_of_a_channel_does_not_stop_the_next_notice(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        channel = Slow([KeyError("defect")])
        channel.free.set()
        await deliver(channel, *titled("one", "two"))
        assert channel.sent == ["two"]

    asyncio.run(main())
    assert caplog.messages == ["slow failed"]
    assert "KeyError: 'defect'" in caplog.text


def test_notices_are_missing_from_the_first_try_that_fails_to_the_next_that_arrives() -> None:
    async def main() -> None:
        down = Undelivered("down", again=True)
        channel = Slow([down, Undelivered("refused"), down])
        channel.free.set()
        seen = []

        async def sleep(_: float) -> None:
            seen.append(box.undelivered)

        box = Outbox(channel, pauses=[1], sleep=sleep)
        (one, two, three) = titled("one", "two", "three")
        box.put(one)
        box.put(two)
        assert box.undelivered == 0  # nothing has failed yet
        await box.close(30)
        # Both wait while the first is tried; it is given up, and the second fails once as well.
        assert (seen, channel.sent, box.undelivered) == ([2, 2], ["two"], 0)
        box.put(three)
        await box.close(30)
        assert channel.sent == ["two", "three"]

    asyncio.run(main())


def test_a_notice_that_is_given_up_is_missing_until_another_arrives() -> None:
    async def main() -> None:
        channel = Slow([Undelivered("refused"), KeyError("defect")])
        channel.free.set()
        box, missing = Outbox(channel), []
        for notice in titled("one", "two", "three"):
            box.put(notice)
            await box.close(30)
            missing.append(box.undelivered)
        assert missing == [1, 2, 0]

    asyncio.run(main())


def test_too_many_notices_cost_the_oldest_that_waits(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        channel = Slow()
        box = Outbox(channel)
        for notice in titled(*range(outbox.MOST_WAITING + 2)):
            box.put(notice)
            await asyncio.sleep(0)
        channel.free.set()
        await box.close(30)
        assert channel.sent == ["0", *(str(n) for n in range(3, outbox.MOST_WAITING + 2))]

    asyncio.run(main())
    assert caplog.messages == [f"slow did not deliver '{n}': too many notices wait" for n in (1, 2)]


def test_what_is_not_sent_when_the_service_stops_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        channel = Slow()
        box = Outbox(channel)
        for notice in titled("one", "two"):
            box.put(notice)
        await box.close(0.01)
        assert channel.sent == []
        await Outbox(channel).close(0.01)

    asyncio.run(main())
    assert caplog.messages == [
        f"slow did not deliver {n!r}: the service stops" for n in ("one", "two")
    ]
