"""Memory of this process, read where the kernel counts it."""

import resource
import sys
from pathlib import Path

MB = 1e6


def _status_mb(field: str) -> float | None:
    """A field of /proc/self/status in MB; None where there is no such file."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except FileNotFoundError:
        return None
    return next(int(line.split()[1]) * 1024 / MB for line in lines if line.startswith(field))


def peak_mb() -> float:
    """The largest resident size of this process so far, in MB."""
    peak = _status_mb("VmHWM:")
    if peak is not None:
        return peak
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MB


def resident_mb() -> float:
    """The resident size of this process now, in MB; its peak where the kernel tells no more."""
    return _status_mb("VmRSS:") or peak_mb()
