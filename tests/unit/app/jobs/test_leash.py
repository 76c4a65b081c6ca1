"""A command that ends with its parent, and gives way to it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.jobs import leash
from app.jobs.leash import FIRST_TO_GO, NICENESS, leashed
from tests.processes import end_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a leash")

PARENT = """
import subprocess, sys
from app.jobs.leash import leashed
code = "import time; print('ready', flush=True); time.sleep(60)"
child = subprocess.Popen(leashed([sys.executable, "-c", code]), stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
sys.stdin.read()
"""


def output(code: str) -> list[str]:
    command = leashed([sys.executable, "-c", code])
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_the_command_gives_way_to_the_service() -> None:
    score_file = "open('/proc/self/oom_score_adj')"
    nice, score, parent = output(
        f"import os; print(os.nice(0), {score_file}.read().strip(), os.getppid())"
    )
    assert int(nice) == min(19, os.nice(0) + NICENESS)
    assert score == FIRST_TO_GO
    assert int(parent) == os.getpid()


def test_a_command_without_its_parent_is_not_started() -> None:
    stranger = "1" if os.getpid() != 1 else "2"
    command = [sys.executable, leash.__file__, stranger, sys.executable, "-c", "print('ran')"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == ""


def test_the_command_ends_with_a_parent_that_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[4],
    ) as parent:  # fmt: skip
        assert parent.stdout
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    end_of(pid)
