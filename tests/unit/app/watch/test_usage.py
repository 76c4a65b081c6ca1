"""Memory as people and `/system/memory` are told of it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict

import pytest

from app.watch.usage import memory_usage, situation
from tests.unit.app.watch.machine import Machine


def test_the_report_when_all_is_well(machine: Machine) -> None:
    guard = machine.guard()
    machine.at(guard, 0, 512.34)
    machine.at(guard, 1, 120.56)
    found = asdict(memory_usage(guard))
    (service,) = found.pop("processes")
    assert found == {
        "usage_mb": 120.6, "percent": 12.1, "available_mb": 879.4, "status": "OK",
        "action_needed": False, "recommendations": (), "limit_mb": 1000, "peak_mb": 512.3,
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
    found = memory_usage(guard)
    assert [process.name for process in found.processes] == ["service", "refresh"]
    assert found.processes[1].pid == sleeper
    assert found.available_mb == 0
    assert (found.status, found.action_needed) == ("CRITICAL", True)
    assert found.recommendations[0].startswith("published rankings are served")
    assert any("refresh is running" in line for line in found.recommendations)
    assert situation(guard.latest) == (
        "memory is at 130.0%, 1,300 of 1,000 MB (service 100 MB, refresh 1,200 MB)"
    )


def test_the_report_of_a_warning(machine: Machine) -> None:
    guard = machine.guard(hold=0)
    machine.at(guard, 0, 800)
    found = memory_usage(guard)
    assert (found.status, found.action_needed) == ("WARNING", True)
    assert len(found.recommendations) == 1


def test_a_process_that_is_gone_is_not_reported(machine: Machine, sleeper: int) -> None:
    machine.pid = sleeper
    guard = machine.guard()
    os.kill(sleeper, 9)
    os.waitid(os.P_PID, sleeper, os.WEXITED | os.WNOWAIT)
    assert [process.name for process in memory_usage(guard).processes] == ["service"]
