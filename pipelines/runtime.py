"""Memory of a process, read where the kernel counts it."""

import resource
import sys
from pathlib import Path

MB = 1e6


def process_mb(pid: int | None = None, *, peak: bool = False) -> float | None:
    """The resident size of a process, this one by default, in MB now or at its peak.

    None where the process is gone, or the kernel has no such file.
    """
    field = "VmHWM:" if peak else "VmRSS:"
    try:
        lines = Path(f"/proc/{pid or 'self'}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # A process that has ended, but was not waited for, has the file without its sizes.
    sizes = (int(line.split()[1]) * 1024 / MB for line in lines if line.startswith(field))
    return next(sizes, None)


def peak_mb() -> float:
    """The largest resident size of this process so far, in MB."""
    peak = process_mb(peak=True)
    if peak is not None:
        return peak
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MB


def resident_mb() -> float:
    """The resident size of this process now, in MB; its peak where the kernel tells no more."""
    return process_mb() or peak_mb()
