"""The memory of a process, as the kernel counts it."""

import resource
import sys
from pathlib import Path

MB = 1e6


def process_mb(pid: int | None = None, *, peak: bool = False) -> float | None:
    """Return the resident size of a process, of this one by default, now or at its peak.

    None if the process is gone, or the system has no `/proc`.
    """
    field = "VmHWM:" if peak else "VmRSS:"
    try:
        lines = Path(f"/proc/{pid or 'self'}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The file of a process that ended, but was not waited for, has no sizes.
    sizes = (int(line.split()[1]) * 1024 / MB for line in lines if line.startswith(field))
    return next(sizes, None)


def peak_mb() -> float:
    """Return the largest resident size of this process so far."""
    peak = process_mb(peak=True)
    if peak is not None:
        return peak
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MB


def resident_mb() -> float:
    """Return the resident size of this process, its peak on a system without `/proc`."""
    return process_mb() or peak_mb()
