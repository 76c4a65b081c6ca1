"""Frames are computed once for all who ask, a few at once, and refused where there is no room."""

import asyncio
from threading import Event

import polars as pl
import pytest

from app.serving import computing
from app.serving.cache import Cache
from app.serving.computing import WAITING_PER_SLOT, Computing
from app.web import Unavailable

PLAN = pl.LazyFrame({"x": [1, 2]})


def counting(calls: list[int]) -> pl.LazyFrame:
    """A plan that notes each run."""

    def note(frame: pl.DataFrame) -> pl.DataFrame:
        calls.append(1)
        return frame

    return PLAN.map_batches(note)


def test_a_frame_is_computed_once_for_all_who_ask() -> None:
    calls: list[int] = []
    one = Computing(Cache(), 1, lambda: False)

    async def main() -> list[pl.DataFrame]:
        plan = counting(calls)
        found = await asyncio.gather(*(one.frame("k", plan) for _ in range(5)))
        return [*found, await one.frame("k", plan)]

    found = asyncio.run(main())
    assert calls == [1]
    assert {id(frame) for frame in found} == {id(found[0])}


def test_only_work_that_sheds_is_refused_while_memory_is_critical() -> None:
    one = Computing(Cache(), 1, lambda: True)
    assert asyncio.run(one.frame("a", PLAN)).height == 2
    with pytest.raises(Unavailable, match="memory is critical, so only published rankings"):
        asyncio.run(one.frame("b", PLAN, sheds=True))
    assert asyncio.run(one.frame("a", PLAN, sheds=True)).height == 2  # from the cache


def test_more_than_may_wait_are_refused() -> None:
    one = Computing(Cache(), 1, lambda: False)
    most = 1 + WAITING_PER_SLOT

    async def main() -> list[object]:
        tasks = (one.frame(number, PLAN) for number in range(most + 1))
        return await asyncio.gather(*tasks, return_exceptions=True)

    *served, refused = asyncio.run(main())
    assert all(isinstance(frame, pl.DataFrame) for frame in served)
    assert isinstance(refused, Unavailable)
    assert (str(refused), refused.retry_seconds) == (
        "9 computations are under way; try again", 5,
    )  # fmt: skip


def test_a_client_that_goes_away_does_not_stop_the_work() -> None:
    calls: list[int] = []
    one = Computing(Cache(), 1, lambda: False)

    async def main() -> int:
        plan = counting(calls)
        first = asyncio.create_task(one.frame("k", plan))
        second = asyncio.create_task(one.frame("k", plan))
        await asyncio.sleep(0)
        first.cancel()
        return (await second).height

    assert (asyncio.run(main()), calls) == (2, [1])


def waiting(answer: Event) -> pl.LazyFrame:
    """A plan whose file is not read until there is an answer."""

    def wait(frame: pl.DataFrame) -> pl.DataFrame:
        answer.wait(10)
        return frame

    return PLAN.map_batches(wait)


def test_a_disk_that_hangs_is_told_to_who_waits_and_to_who_asks_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(computing, "LOOK_SECONDS", 0.01)
    answer, hanging = Event(), [False]
    one = Computing(Cache(), 1, lambda: False, lambda: hanging[0])

    async def main() -> None:
        plan = waiting(answer)
        first = asyncio.create_task(one.frame("a", plan))
        await asyncio.sleep(0.03)
        assert not first.done()
        hanging[0] = True
        for request in (first, one.frame("a", plan), one.frame("b", PLAN)):
            with pytest.raises(Unavailable, match="the disk of the lake gives no answer, so only"):
                await request
        hanging[0] = False
        answer.set()
        assert (await one.frame("a", plan)).height == 2
        hanging[0] = True
        assert (await one.frame("a", plan)).height == 2  # from the cache

    asyncio.run(main())


def test_a_request_waits_for_a_time_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(computing, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(computing, "LONGEST_LOOKS", 3)
    answer = Event()
    one = Computing(Cache(), 1, lambda: False)

    async def main() -> None:
        with pytest.raises(Unavailable, match=r"this was not computed within 0\.03 s; the disk is"):
            await one.frame("a", waiting(answer))
        answer.set()
        assert (await one.frame("a", PLAN)).height == 2

    asyncio.run(main())
