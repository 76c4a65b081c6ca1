"""When the daily refresh is due, and that what was missed is made up for."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, cast

import pytest

from app.jobs.job import Job, new_job
from app.jobs.refresh import Refresher, Running, Stopping
from app.jobs.schedule import ATTEMPTS, DAILY, LONGEST_SLEEP, DueJob, Schedule, last_due, next_due
from pipelines.lake import MANIFEST, text
from pipelines.lake.publishing import point_current_to
from pipelines.settings import Settings
from tests.factories import manifest

NOW: Final = datetime(2026, 11, 24, 18, 30, tzinfo=UTC)
DUE: Final = datetime(2026, 11, 24, 17, tzinfo=UTC)


class Refreshes:
    """Stands for the refresher: notes what is started."""

    def __init__(self, *past: Job, error: Exception | None = None) -> None:
        self.past = list(past)
        self.error = error
        self.started: list[str] = []
        self.why: list[str] = []
        self.asked = asyncio.Event()

    def history(self) -> list[Job]:
        return self.past

    def start(self, trigger: Any, why: str) -> Job:
        self.started.append(trigger)
        self.why.append(why)
        self.asked.set()
        if self.error:
            raise self.error
        return new_job(trigger, NOW)


def past(status: Any, started: datetime, trigger: Any = "scheduled") -> Job:
    return Job(job_id=f"{started}", trigger=trigger, status=status, started_at=started)


def publish(lake: Path, made: datetime) -> None:
    folder = lake / "versions" / "v1"
    folder.mkdir(parents=True)
    (folder / MANIFEST).write_text(text(manifest("v1", created_at=made)))
    point_current_to(lake, "v1")


class Clock:
    """A clock that is turned by hand; whoever sleeps is woken at once to look at it."""

    def __init__(self) -> None:
        self.now = NOW
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


def run(
    lake: Path,
    refreshes: Refreshes,
    hour: int | None,
    body: Callable[[Schedule, Clock], None] = lambda _, __: None,
) -> Schedule:
    """A schedule from its start to its end, with time for what is due at once."""
    settings = Settings(lake=lake, sync_hour=hour)

    async def main() -> Schedule:
        clock = Clock()
        schedule = Schedule(
            settings, cast("Refresher", refreshes), now=lambda: clock.now, sleep=clock.sleep
        )
        schedule.start()
        body(schedule, clock)
        # What is due is started as soon as the loop runs; a second time round all has happened.
        for _ in range(20):
            await asyncio.sleep(0)
        schedule.close()
        await asyncio.sleep(0)
        assert not schedule.running
        return schedule

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("hour", "now", "due"),
    [
        (17, "2026-11-24T18:30", "2026-11-24T17:00"),
        (17, "2026-11-24T17:00", "2026-11-24T17:00"),
        (17, "2026-11-24T16:59", "2026-11-23T17:00"),
        (0, "2026-11-24T00:10", "2026-11-24T00:00"),
        (23, "2026-01-01T00:10", "2025-12-31T23:00"),
    ],
)
def test_the_last_time_is_today_or_yesterday(hour: int, now: str, due: str) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert last_due(hour, at) == datetime.fromisoformat(due).replace(tzinfo=UTC)


def test_nothing_is_scheduled_without_an_hour(tmp_path: Path) -> None:
    refreshes = Refreshes()

    def body(schedule: Schedule, _: Clock) -> None:
        assert not schedule.running
        assert schedule.jobs() == []

    run(tmp_path, refreshes, None, body)
    assert refreshes.started == []


def test_the_next_time_is_told(tmp_path: Path) -> None:
    publish(tmp_path, DUE + timedelta(minutes=1))
    clocks: list[Clock] = []

    def body(schedule: Schedule, clock: Clock) -> None:
        clocks.append(clock)
        assert schedule.running
        assert schedule.jobs() == [DueJob(DAILY, DUE + timedelta(days=1))]

    refreshes = Refreshes()
    schedule = run(tmp_path, refreshes, 17, body)
    assert refreshes.started == []
    assert schedule.jobs() == []
    assert set(clocks[0].slept) == {LONGEST_SLEEP}


@pytest.mark.parametrize("late", [timedelta(0), timedelta(days=3)], ids=["in time", "late"])
@pytest.mark.parametrize(
    "error",
    [None, Running(new_job("manual", NOW)), Stopping(), OSError(28, "No space left on device"),
     RuntimeError("a defect")],
    ids=["free", "running", "stopping", "full", "defect"],
)  # fmt: skip
def test_a_refresh_is_started_when_its_time_has_come(
    tmp_path: Path, late: timedelta, error: Exception | None, caplog: pytest.LogCaptureFixture
) -> None:
    publish(tmp_path, DUE + timedelta(minutes=1))
    refreshes, due = Refreshes(error=error), DUE + timedelta(days=1)

    async def main() -> None:
        clock = Clock()
        schedule = Schedule(
            Settings(lake=tmp_path, sync_hour=17),
            cast("Refresher", refreshes),
            now=lambda: clock.now,
            sleep=clock.sleep,
        )
        schedule.start()
        for now, started in ((due - timedelta(seconds=1), 0), (due + late, 1)):
            clock.now = now
            for _ in range(20):
                await asyncio.sleep(0)
            assert refreshes.started == ["scheduled"] * started
            assert refreshes.why == ["due daily at 17:00 UTC"] * started
        assert schedule.jobs() == [DueJob(DAILY, due + late + timedelta(days=1))]
        schedule.close()

    asyncio.run(main())
    assert ("the scheduled refresh is left out" in caplog.text) == (error is not None)


@pytest.mark.parametrize("late", ["2026-11-25T16:00", "2026-11-25T18:00"])
def test_the_next_time_is_after_now(late: str) -> None:
    at = datetime.fromisoformat(late).replace(tzinfo=UTC)
    assert next_due(17, at) == DUE + timedelta(days=1 if at.hour < 17 else 2)


@pytest.mark.parametrize(
    ("jobs", "made", "missed"),
    [
        ([], None, True),
        ([], DUE - timedelta(hours=1), True),
        ([], DUE + timedelta(hours=1), False),
        ([past("succeeded", DUE)], DUE - timedelta(hours=1), False),
        ([past("succeeded", DUE - timedelta(seconds=1))], DUE - timedelta(hours=1), True),
        ([past("failed", DUE)], DUE - timedelta(hours=1), True),
        ([past("failed", DUE), past("succeeded", DUE)], DUE - timedelta(hours=1), False),
        ([past("failed", DUE)] * ATTEMPTS, DUE - timedelta(hours=1), False),
        ([past("failed", DUE)] * (ATTEMPTS - 1), None, True),
        ([past("failed", DUE - timedelta(days=1))] * ATTEMPTS, None, True),
        ([past("failed", DUE, "outside")] * ATTEMPTS, None, True),
        ([past("succeeded", DUE, "outside")], DUE - timedelta(hours=1), False),
    ],
    ids=["nothing", "old version", "made by another", "unchanged since", "before it was due",
         "failed", "failed, then succeeded", "failed often", "failed twice", "failed yesterday",
         "failed outside", "unchanged outside"],
)  # fmt: skip
def test_what_was_missed_is_made_up_for_at_the_start(
    tmp_path: Path, jobs: list[Job], made: datetime | None, missed: bool
) -> None:
    if made:
        publish(tmp_path, made)
    refreshes = Refreshes(*jobs)
    run(tmp_path, refreshes, 17)
    assert refreshes.started == ["scheduled"] * missed
    assert refreshes.why == ["the refresh of 17:00 UTC was missed"] * missed


def test_a_damaged_version_counts_as_none(tmp_path: Path) -> None:
    publish(tmp_path, DUE + timedelta(hours=1))
    (tmp_path / "current" / MANIFEST).write_text("{")
    refreshes = Refreshes()
    run(tmp_path, refreshes, 17)
    assert refreshes.started == ["scheduled"]


def test_a_lake_whose_current_is_no_link_does_not_end_the_schedule(tmp_path: Path) -> None:
    (tmp_path / "current").mkdir()
    refreshes = Refreshes()
    seen: list[bool] = []

    async def main() -> None:
        settings = Settings(lake=tmp_path, sync_hour=17)
        schedule = Schedule(settings, cast("Refresher", refreshes), lambda: NOW)
        schedule.start()
        await asyncio.wait_for(refreshes.asked.wait(), 10)
        seen.append(schedule.running)
        schedule.close()

    asyncio.run(main())
    assert (refreshes.started, seen) == (["scheduled"], [True])
