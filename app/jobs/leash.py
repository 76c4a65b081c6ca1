"""A script that runs a command which ends with its parent process, however that ends.

`python app/jobs/leash.py PARENT COMMAND…`. On Linux the kernel kills the command when its parent is
gone. An export that outlived the service would hold the lake's lock and use memory unwatched, so
that the service could not refresh after its restart. Killing it costs nothing: a version is
published by one rename, and the next refresh removes the remains. The command gives way to the
service in the use of processors, and is the first to go where the system is short of memory.
"""

import ctypes
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

PR_SET_PDEATHSIG: Final = 1
NICENESS: Final = 10
FIRST_TO_GO: Final = "1000"


def leashed(command: list[str]) -> list[str]:
    """The command line with which this process starts the command on the leash."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def _run(parent: int, command: list[str]) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO)
    os.nice(NICENESS)
    # A parent that ended before the kernel was asked to watch it is not the parent any more.
    if os.getppid() == parent:
        os.execv(command[0], command)  # noqa: S606 - a list of our own, without a shell


if __name__ == "__main__":
    _run(int(sys.argv[1]), sys.argv[2:])
