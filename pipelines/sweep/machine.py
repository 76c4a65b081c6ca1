"""How many processes of this machine a sweep is worth."""

import os
from pathlib import Path
from typing import Final

from pipelines import cgroup
from pipelines.runtime import MB

WORTH: Final = 1_000_000
"""Stocks times dates from which processes pay: one process ranks them in some seven seconds."""
A_PROCESS_MB: Final = 700.0
"""The memory that one needs for a block of an ordinary market."""
MEMINFO: Final = Path("/proc/meminfo")


def fitting(stocks: int, dates: int) -> int:
    """Return the number of processes for so many stocks and dates; 1 is this one alone."""
    if stocks * dates < WORTH:
        return 1
    free = free_mb()
    fit = processors() if free is None else int(free // A_PROCESS_MB)
    return max(1, min(processors(), fit))


def free_mb() -> float | None:
    """Return the memory that may still be taken, of the machine and of the container."""
    group = cgroup.limiting()
    used = group.used_mb() if group else None
    left = [group.limit_mb - used] if group and used is not None else []
    return min([*left, *_of_machine()], default=None)


def processors() -> int:
    """Return the number of processors that this process may use."""
    is_known = hasattr(os, "sched_getaffinity")
    return len(os.sched_getaffinity(0)) if is_known else os.cpu_count() or 1


def _of_machine() -> list[float]:
    try:
        lines = MEMINFO.read_text().splitlines()
    except OSError:
        return []
    return [int(x.split()[1]) * 1024 / MB for x in lines if x.startswith("MemAvailable:")]
