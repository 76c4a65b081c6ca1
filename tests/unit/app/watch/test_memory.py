"""The memory guard: limits and sizes from the kernel's files, levels with holds, growth."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.watch import cgroup
from app.watch.events import Events
from app.watch.memory import Guard, Level, Sample, effective_limit_mb, report, situation
from pipelines.errors import SettingsError
from pipelines.runtime import peak_mb, process_mb, resident_mb

START = datetime(2026, 11, 24, 17, tzinfo=UTC)
GROUPS = Path("nowhere")
FACTOR = 1.048576
"""A mebibyte in MB."""


@dataclass
class Machine:
    """Memory as a test sets it, and time that passes as it says."""

    process: float = 100.0
    child: float | None = None
    pid: int | None = None
    seconds: float = 0.0
    asked: list[int | None] = field(default_factory=list)

    def read(self, pid: int | None) -> float | None:
        self.asked.append(pid)
        return self.process if pid is None else self.child

    def guard(self, limit_mb: float = 1000, hold: float = 10, root: Path = GROUPS) -> Guard:
        return Guard(
            limit_mb, 75, 90, hold, child=lambda: self.pid, root=root, read=self.read,
            now=lambda: START + timedelta(seconds=self.seconds), elapsed=lambda: self.seconds,
        )  # fmt: skip

    def at(self, guard: Guard, seconds: float, process: float) -> Level:
        self.seconds, self.process = seconds, process
        sample = guard.sample()
        assert sample.level is guard.level
        return guard.level


@pytest.fixture
def machine() -> Machine:
    return Machine()


# ------------------------------------------------------------------------------------ groups


def write(folder: Path, **files: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in files.items():
        (folder / name.replace("__", ".")).write_text(f"{value}\n")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "cgroup"
    root.mkdir()
    return root


def membership(root: Path, *lines: str) -> Path:
    path = root.parent / "membership"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


MIB = 2**20


def test_the_limit_of_version_2(root: Path) -> None:
    write(root, memory__max=512 * MIB)
    assert effective_limit_mb(None, root, membership(root, "0::/")) == pytest.approx(512 * FACTOR)


def test_the_smallest_limit_up_the_tree_of_version_2(root: Path) -> None:
    write(root, cgroup__controllers="memory")
    write(root / "pod", memory__max=300 * MIB)
    write(root / "pod" / "slice", memory__max="max")
    write(root / "pod" / "slice" / "own", memory__max=400 * MIB)
    write(root / "other", memory__max=1 * MIB)
    found = cgroup.limiting(root, membership(root, "0::/pod/slice/own"))
    assert found
    assert found.path == root / "pod"
    assert found.limit_mb == pytest.approx(300 * FACTOR)


@pytest.mark.parametrize("own", ["/docker/1234", "/", "/../../elsewhere"])
def test_the_limit_of_version_1_also_where_only_the_own_group_is_mounted(
    root: Path, own: str
) -> None:
    write(root / "memory", memory__limit_in_bytes=256 * MIB)
    lines = ("5:cpu,cpuacct:/x", f"4:memory:{own}", "0::/")
    assert effective_limit_mb(None, root, membership(root, *lines)) == pytest.approx(256 * FACTOR)


def test_a_group_outside_of_what_is_mounted_is_not_looked_for(root: Path) -> None:
    write(root, memory__max=512 * MIB)
    write(root.parent, memory__max=1 * MIB)
    found = cgroup.limiting(root, membership(root, "0::/../elsewhere"))
    assert found
    assert found.path == root


def test_the_own_group_of_version_1(root: Path) -> None:
    write(root / "memory", memory__limit_in_bytes=0x7FFF_FFFF_FFFF_F000)
    write(root / "memory" / "docker", memory__limit_in_bytes=600 * MIB)
    lines = ("4:hugetlb,memory:/docker", "0::/")
    assert effective_limit_mb(None, root, membership(root, *lines)) == pytest.approx(600 * FACTOR)


def test_version_2_wins_over_version_1(root: Path) -> None:
    write(root, memory__max=512 * MIB)
    write(root / "memory", memory__limit_in_bytes=256 * MIB)
    found = cgroup.limiting(root, membership(root, "4:memory:/", "0::/"))
    assert found
    assert found.path == root


@pytest.mark.parametrize("limit", ["max", "", "0", "not a number"])
def test_no_limit_in_version_2(root: Path, limit: str) -> None:
    write(root, memory__max=limit)
    assert effective_limit_mb(None, root, membership(root, "0::/")) == 1024


def test_no_limit_without_any_file(root: Path) -> None:
    assert effective_limit_mb(None, root, root / "membership") == 1024
    assert effective_limit_mb(None, root / "absent", root / "membership") == 1024


def test_no_limit_in_version_1(root: Path) -> None:
    write(root / "memory", memory__limit_in_bytes=0x7FFF_FFFF_FFFF_F000)
    assert effective_limit_mb(None, root, membership(root, "4:memory:/")) == 1024


def test_the_setting_counts_unless_the_group_allows_less(root: Path) -> None:
    lines = membership(root, "0::/")
    assert effective_limit_mb(2000, root, lines) == 2000
    write(root, memory__max=1000 * MIB)
    assert effective_limit_mb(300, root, lines) == 300
    assert effective_limit_mb(2000, root, lines) == pytest.approx(1000 * FACTOR)


def test_cached_files_do_not_count_as_used(root: Path) -> None:
    stat = f"anon {60 * MIB}\nactive_file {20 * MIB}\ninactive_file {100 * MIB}\nslab 5"
    write(root, memory__max=200 * MIB, memory__current=190 * MIB, memory__stat=stat)
    found = cgroup.limiting(root, membership(root, "0::/"))
    assert found
    assert found.used_mb() == pytest.approx(70 * FACTOR)


def test_cached_files_of_groups_below_do_not_count_in_version_1(root: Path) -> None:
    stat = f"inactive_file {1 * MIB}\ntotal_inactive_file {90 * MIB}\ntotal_active_file {20 * MIB}"
    write(root / "memory", memory__limit_in_bytes=200 * MIB, memory__usage_in_bytes=190 * MIB,
          memory__stat=stat)  # fmt: skip
    found = cgroup.limiting(root, membership(root, "4:memory:/"))
    assert found
    assert found.used_mb() == pytest.approx(80 * FACTOR)


def test_usage_without_statistics_and_without_itself(root: Path) -> None:
    write(root, memory__max=200 * MIB, memory__current=50 * MIB)
    found = cgroup.limiting(root, membership(root, "0::/"))
    assert found
    assert found.used_mb() == pytest.approx(50 * FACTOR)
    (root / "memory.current").unlink()
    assert found.used_mb() is None


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


# ------------------------------------------------------------------------------------ levels


def test_the_levels_without_a_hold(machine: Machine) -> None:
    guard = machine.guard(hold=0)
    assert guard.level is Level.OK
    seen = [machine.at(guard, n, mb) for n, mb in enumerate((749, 750, 899, 900, 1500, 899, 0))]
    assert seen == ["OK", "WARNING", "WARNING", "CRITICAL", "CRITICAL", "WARNING", "OK"]


def test_a_level_counts_once_it_was_held_upwards(machine: Machine) -> None:
    guard = machine.guard()
    levels = [machine.at(guard, second, 950 if second >= 5 else 100) for second in range(20)]
    assert levels == ["OK"] * 15 + ["CRITICAL"] * 5


def test_a_level_counts_once_it_was_held_downwards(machine: Machine) -> None:
    guard = machine.guard()
    assert [machine.at(guard, second, 950) for second in (0, 10)] == ["OK", "CRITICAL"]
    levels = [machine.at(guard, second, 100) for second in range(11, 25)]
    assert levels == ["CRITICAL"] * 10 + ["OK"] * 4


def test_a_short_peak_and_a_short_dip_change_nothing(machine: Machine) -> None:
    guard = machine.guard()
    peaks = [machine.at(guard, s, 950 if s % 10 else 100) for s in range(100)]
    assert set(peaks) == {"OK"}
    held = [machine.at(guard, s, 950) for s in (100, 110, 120)]
    assert held[-1] is Level.CRITICAL
    dips = [machine.at(guard, s, 100 if s % 10 else 950) for s in range(121, 220)]
    assert set(dips) == {"CRITICAL"}


def test_memory_that_swings_between_two_levels_is_in_the_lower_going_up(machine: Machine) -> None:
    guard = machine.guard()
    levels = [machine.at(guard, s, 950 if s % 2 else 800) for s in range(30)]
    assert levels == ["OK"] * 10 + ["WARNING"] * 20


def test_memory_that_swings_between_two_levels_is_in_the_higher_going_down(
    machine: Machine,
) -> None:
    guard = machine.guard()
    machine.at(guard, 0, 950)
    machine.at(guard, 10, 950)
    levels = [machine.at(guard, s, 800 if s % 2 else 100) for s in range(11, 41)]
    assert levels == ["CRITICAL"] * 10 + ["WARNING"] * 20


def test_a_level_is_held_over_a_pause_of_the_clock(machine: Machine) -> None:
    guard = machine.guard()
    assert machine.at(guard, 0, 950) is Level.OK
    assert machine.at(guard, 3600, 950) is Level.CRITICAL
    assert machine.at(guard, 7200, 100) is Level.CRITICAL


def test_a_warning_that_is_not_below_critical_is_refused() -> None:
    for warning in (90, 95):
        with pytest.raises(SettingsError) as caught:
            Guard(1000, warning, 90, 10, child=lambda: None)
        assert f"memory_warning_percent {warning} is not below" in str(caught.value)


# ------------------------------------------------------------------------------------- trend


def trend(machine: Machine, size: Callable[[int], float], seconds: int = 900) -> float | None:
    guard = machine.guard()
    for second in range(seconds + 1):
        machine.at(guard, second, size(second))
    return guard.trend_mb_per_hour()


def test_a_steady_growth_is_measured(machine: Machine) -> None:
    assert trend(machine, lambda second: 100 + second / 36) == pytest.approx(100, rel=1e-6)


def test_noise_and_single_peaks_do_not_hide_the_growth(machine: Machine) -> None:
    def size(second: int) -> float:
        return 100 + second / 36 + (second * 7919 % 13) + 500 * (second % 97 == 0)

    assert trend(machine, size) == pytest.approx(100, rel=0.1)


@pytest.mark.parametrize("when", range(0, 900, 25))
def test_a_single_step_is_no_growth(machine: Machine, when: int) -> None:
    assert trend(machine, lambda second: 100 + 200 * (second > when)) == 0


def test_growth_that_turned_is_none(machine: Machine) -> None:
    assert trend(machine, lambda s: 100 + (s if s < 450 else 675 - s / 2)) == 0


def test_shrinking_is_a_negative_growth(machine: Machine) -> None:
    assert trend(machine, lambda second: 500 - second / 36) == pytest.approx(-100, rel=1e-6)


def test_a_refresh_does_not_count_as_growth(machine: Machine) -> None:
    guard = machine.guard()
    machine.pid = 77
    for second in range(900):
        machine.child = second
        machine.at(guard, second, 100)
    assert guard.trend_mb_per_hour() == 0


def test_there_is_no_trend_before_there_are_ten_minutes(machine: Machine) -> None:
    assert machine.guard().trend_mb_per_hour() is None
    assert trend(machine, float, seconds=590) is None
    assert trend(machine, float, seconds=610) == pytest.approx(3600)


# ------------------------------------------------------------------------------------ report


def test_the_report_when_all_is_well(machine: Machine) -> None:
    guard = machine.guard()
    machine.at(guard, 0, 512.34)
    machine.at(guard, 1, 120.56)
    found = report(guard)
    (service,) = found.pop("processes")
    assert found == {
        "usage_mb": 120.6, "percent": 12.1, "available_mb": 879.4, "status": "OK",
        "action_needed": False, "recommendations": [], "limit_mb": 1000, "peak_mb": 512.3,
    }  # fmt: skip
    assert service["name"] == "service"
    assert service["pid"] == os.getpid()
    assert 0 < service["resident_mb"] <= service["peak_mb"]


@pytest.fixture
def sleeper() -> Iterator[int]:
    command = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout
        child.stdout.readline()
        yield child.pid


def test_the_report_of_a_refresh_that_needs_much(machine: Machine, sleeper: int) -> None:
    guard = machine.guard(hold=0)
    machine.pid, machine.child = sleeper, 1200
    machine.at(guard, 0, 100)
    found = report(guard)
    assert [process["name"] for process in found["processes"]] == ["service", "refresh"]
    assert found["processes"][1]["pid"] == sleeper
    assert found["available_mb"] == 0
    assert (found["status"], found["action_needed"]) == ("CRITICAL", True)
    assert found["recommendations"][0].startswith("published rankings are served")
    assert any("refresh is running" in line for line in found["recommendations"])
    assert situation(guard.latest) == (
        "memory is at 130.0%, 1,300 of 1,000 MB (service 100 MB, refresh 1,200 MB)"
    )


def test_the_report_of_a_warning(machine: Machine) -> None:
    guard = machine.guard(hold=0)
    machine.at(guard, 0, 800)
    found = report(guard)
    assert (found["status"], found["action_needed"]) == ("WARNING", True)
    assert len(found["recommendations"]) == 1


def test_a_process_that_is_gone_is_not_reported(machine: Machine, sleeper: int) -> None:
    machine.pid = sleeper
    guard = machine.guard()
    os.kill(sleeper, 9)
    os.waitid(os.P_PID, sleeper, os.WEXITED | os.WNOWAIT)
    assert [process["name"] for process in report(guard)["processes"]] == ["service"]


# --------------------------------------------------------------------------------------- run


async def published(guard: Guard, count: int) -> list[dict[str, Any]]:
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
