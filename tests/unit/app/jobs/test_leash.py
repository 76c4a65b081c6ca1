"""A command that ends with its parent, and gives way to it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.jobs import leash
from app.jobs.leash import FIRST_TO_GO, NICENESS, leashed

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
    for _ in range(500):
        if ended(pid):
            return
        time.sleep(0.01)
    pytest.fail(f"process {pid} outlived its parent")


def ended(pid: int) -> bool:
    """A process that is gone, or that nobody has waited for yet."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"
