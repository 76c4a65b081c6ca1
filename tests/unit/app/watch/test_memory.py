"""The memory guard: processes from the kernel's files, samples, and what it publishes."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import JsonValue

from app.watch.events import Events
from app.watch.levels import Level
from app.watch.memory import Guard, Sample
from pipelines.errors import SettingsError
from pipelines.runtime import peak_mb, process_mb, resident_mb
from tests.unit.app.watch.machine import START, Machine, write

# --------------------------------------------------------------------------------- processes


def test_the_size_of_another_process_until_it_is_gone() -> None:
    code = "import sys; x = b'1' * 200_000_000; del x; print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout
        child.stdout.readline()
        now, peak = process_mb(child.pid), process_mb(child.pid, peak=True)
        assert now
        assert peak
        assert 200 < peak < 260
        assert 3 < now < 60
        child.kill()
        # Ended, and not waited for yet: the kernel still lists it, without sizes.
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert process_mb(child.pid) is None
        child.wait()
    assert process_mb(child.pid) is None


def test_the_size_of_this_process() -> None:
    assert process_mb() == pytest.approx(process_mb(os.getpid()), rel=0.2)
    assert 0 < resident_mb() <= peak_mb()


# ----------------------------------------------------------------------------------- samples


def test_a_sample_without_a_refresh_or_a_group(machine: Machine) -> None:
    machine.seconds = 1.25
    sample = machine.guard().sample()
    assert sample == Sample(
        at=START + timedelta(seconds=1.25), process_mb=100, child_mb=None, cgroup_mb=None,
        usage_mb=100, limit_mb=1000, percent=10, level=Level.OK,
    )  # fmt: skip
    assert sample.as_dict() == {
        "at": "2026-11-24T17:00:01.250+00:00", "process_mb": 100, "child_mb": None,
        "cgroup_mb": None, "usage_mb": 100, "limit_mb": 1000, "percent": 10, "level": "OK",
    }  # fmt: skip


def test_a_sample_with_a_refresh(machine: Machine) -> None:
    machine.pid, machine.child = 77, 250.06
    sample = machine.guard().sample()
    assert (sample.child_mb, sample.usage_mb) == (250.06, pytest.approx(350.06))
    assert sample.as_dict()["usage_mb"] == 350.1
    assert machine.asked == [None, 77]


def test_a_refresh_that_has_just_ended(machine: Machine) -> None:
    machine.pid, machine.child = 77, None
    sample = machine.guard().sample()
    assert (sample.child_mb, sample.usage_mb) == (None, 100)


def test_the_group_counts_where_its_limit_does(machine: Machine, root: Path) -> None:
    write(root, memory__max=1_000_000_000, memory__current=400_000_000)
    machine.pid, machine.child = 77, 50
    by_group, by_setting = machine.guard(1000, root=root), machine.guard(999, root=root)
    assert by_group.sample().usage_mb == 400
    assert by_group.latest.percent == 40
    assert by_setting.sample().usage_mb == 150
    assert by_setting.latest.cgroup_mb == 400
    (root / "memory.current").unlink()
    assert by_group.sample().usage_mb == 150


def test_samples_are_kept_for_a_quarter_of_an_hour(machine: Machine) -> None:
    guard = machine.guard()
    for second in range(0, 2000, 10):
        machine.at(guard, second, second)
    assert [sample.process_mb for sample in guard.samples()] == list(range(1090, 2000, 10))
    assert guard.latest == guard.samples()[-1]


def test_samples_do_not_grow_without_bound(machine: Machine) -> None:
    guard = machine.guard()
    for at in range(5000):
        machine.at(guard, at / 100, 100)
    assert len(guard.samples()) == 3600


def test_the_latest_sample_is_taken_if_there_is_none(machine: Machine) -> None:
    guard = machine.guard()
    assert guard.latest.process_mb == 100
    machine.process = 200
    assert guard.latest.process_mb == 100
    assert len(guard.samples()) == 1


def test_a_warning_that_is_not_below_critical_is_refused() -> None:
    for warning in (90, 95):
        with pytest.raises(SettingsError) as caught:
            Guard(1000, warning, 90, 10, child=lambda: None)
        assert f"memory_warning_percent {warning} is not below" in str(caught.value)


# --------------------------------------------------------------------------------------- run


async def published(guard: Guard, count: int) -> list[Mapping[str, JsonValue]]:
    events = Events()
    async with events.subscribe() as subscription:
        running = asyncio.create_task(guard.run(events, every=0))
        found = [await anext(subscription) for _ in range(count)]
        running.cancel()
    assert {event.kind for event in found} == {"memory"}
    return [event.data for event in found]


def test_samples_are_published_as_they_are_taken(machine: Machine) -> None:
    guard = machine.guard()
    found = asyncio.run(asyncio.wait_for(published(guard, 3), 30))
    assert found == [sample.as_dict() for sample in guard.samples()][:3]


def test_the_guard_outlives_a_failure_to_read(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    read, calls = machine.read, iter(range(100))

    def failing(pid: int | None) -> float | None:
        if next(calls) in (1, 2, 4):
            raise OSError(24, "Too many open files")
        return read(pid)

    monkeypatch.setattr(machine, "read", failing)
    assert len(asyncio.run(asyncio.wait_for(published(machine.guard(), 3), 30))) == 3
    told = "memory cannot be read: Too many open files; it is tried again"
    assert caplog.messages == [told, told]
