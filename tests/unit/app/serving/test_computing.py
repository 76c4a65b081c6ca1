"""Frames are computed once for all who ask, a few at once, and refused where there is no room."""

import asyncio

import polars as pl
import pytest

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
    computing = Computing(Cache(), 1, lambda: False)

    async def main() -> list[pl.DataFrame]:
        plan = counting(calls)
        found = await asyncio.gather(*(computing.frame("k", plan) for _ in range(5)))
        return [*found, await computing.frame("k", plan)]

    found = asyncio.run(main())
    assert calls == [1]
    assert {id(frame) for frame in found} == {id(found[0])}


def test_only_work_that_sheds_is_refused_while_memory_is_critical() -> None:
    computing = Computing(Cache(), 1, lambda: True)
    assert asyncio.run(computing.frame("a", PLAN)).height == 2
    with pytest.raises(Unavailable, match="memory is critical, so only published rankings"):
        asyncio.run(computing.frame("b", PLAN, sheds=True))
    assert asyncio.run(computing.frame("a", PLAN, sheds=True)).height == 2  # from the cache


def test_more_than_may_wait_are_refused() -> None:
    computing = Computing(Cache(), 1, lambda: False)
    most = 1 + WAITING_PER_SLOT

    async def main() -> list[object]:
        tasks = (computing.frame(number, PLAN) for number in range(most + 1))
        return await asyncio.gather(*tasks, return_exceptions=True)

    *served, refused = asyncio.run(main())
    assert all(isinstance(frame, pl.DataFrame) for frame in served)
    assert isinstance(refused, Unavailable)
    assert (str(refused), refused.retry_seconds) == (
        "9 computations are under way; try again", 5,
    )  # fmt: skip


def test_a_client_that_goes_away_does_not_stop_the_work() -> None:
    calls: list[int] = []
    computing = Computing(Cache(), 1, lambda: False)

    async def main() -> int:
        plan = counting(calls)
        first = asyncio.create_task(computing.frame("k", plan))
        second = asyncio.create_task(computing.frame("k", plan))
        await asyncio.sleep(0)
        first.cancel()
        return (await second).height

    assert (asyncio.run(main()), calls) == (2, [1])
