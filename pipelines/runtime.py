"""Memory of a process: how it is allocated, collected and measured.

Nothing heavy is imported here, for allocators read the environment when their library loads.
"""

import ctypes
import gc
import os
import resource
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Final

MB = 1e6

# ------------------------------------------------------------------- allocators and collector

JEMALLOC: Final = "_RJEM_MALLOC_CONF"
"""The settings of the allocator of Polars; of two settings of one name the last counts."""
POLARS_OWN: Final = "dirty_decay_ms:500,muzzy_decay_ms:1000"
"""The settings that Polars itself puts first as it loads, and that a child process inherits."""
ARENAS: Final = "MALLOC_ARENA_MAX"
"""How many arenas the C library has; it is read before any Python runs."""
M_ARENA_MAX: Final = -8
"""The same, to set at run time: a name of glibc's `mallopt`."""

SERVICE_ALLOCATORS: Final[Mapping[str, str]] = {
    ARENAS: "2",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    JEMALLOC: "dirty_decay_ms:1000,muzzy_decay_ms:1000",
}
"""The allocators of the service in its container: what is freed goes back to the system soon."""

EXPORT_ALLOCATORS: Final[Mapping[str, str]] = {
    ARENAS: "2",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    JEMALLOC: "narenas:1,dirty_decay_ms:100,muzzy_decay_ms:0",
    "OPENBLAS_NUM_THREADS": "1",  # nothing is multiplied there
}
"""The allocators of an export.

With such settings an export of 2.3 million prices peaked at 231 instead of 284 MB, and took 1.7
instead of 1.5 times as long as reading alone.
"""

LOW_MEMORY_ALLOCATORS: Final[Mapping[str, str]] = {
    ARENAS: "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    JEMALLOC: "dirty_decay_ms:0,muzzy_decay_ms:0,narenas:1",
    "MALLOC_TRIM_THRESHOLD_": "65536",
    "POLARS_MAX_THREADS": "1",
}
"""The allocators of an export that must do with little memory: what is freed goes back at once.

Six sorts of two million rows by Polars peaked at 211 instead of 413 MB.
"""


def without_allocators(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without our allocators, for a process that has settings of its own."""
    ours = SERVICE_ALLOCATORS.keys() | EXPORT_ALLOCATORS.keys() | LOW_MEMORY_ALLOCATORS.keys()
    return {name: value for name, value in environment.items() if name not in ours}


def prepare_export() -> None:
    """Prepare this process for an export, before Polars and Arrow load; set variables stay.

    No garbage is collected until all modules are loaded, for nothing of theirs is garbage.
    """
    gc.disable()
    if ARENAS not in os.environ and hasattr(ctypes.CDLL(None), "mallopt"):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, int(EXPORT_ALLOCATORS[ARENAS]))
    theirs = os.environ.get(JEMALLOC, "").removeprefix(POLARS_OWN).removeprefix(",")
    os.environ[JEMALLOC] = (
        f"{EXPORT_ALLOCATORS[JEMALLOC]},{theirs}" if theirs else EXPORT_ALLOCATORS[JEMALLOC]
    )
    for name in EXPORT_ALLOCATORS.keys() - {ARENAS, JEMALLOC}:
        os.environ.setdefault(name, EXPORT_ALLOCATORS[name])


def collect_nothing() -> None:
    """Collect no garbage until `keep_loaded`: of a service that starts, nothing is garbage."""
    gc.disable()


def keep_loaded() -> None:
    """Keep the garbage collector from what is loaded now, which stays until the end.

    All requests would wait while it looks through the libraries.
    """
    gc.freeze()
    gc.enable()


# ----------------------------------------------------------------------------------- signals

STOPPED: Final = 130
"""The exit code after Ctrl-C, as shells have it."""
EMPTY_STORE: Final = 3
"""The exit code of a pull from a store that nobody has pushed to."""


def stop_at_once() -> None:
    """Let Ctrl-C end this process with one line, while its modules load; `stop_in_order` ends it.

    A Ctrl-C that the caller ignores stays ignored.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _stop)


def stop_in_order() -> None:
    """Let Ctrl-C raise `KeyboardInterrupt` from here on, in place of `stop_at_once`."""
    if signal.getsignal(signal.SIGINT) is _stop:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _stop(_: int, __: FrameType | None) -> None:
    os.write(2, b"error: stopped\n")
    os._exit(STOPPED)


def end_in_order() -> None:
    """Let a signal to end raise `SystemExit`, so that what was begun is removed on the way out.

    A signal that the caller ignores, as `nohup` does, stays ignored.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _exit)


def _exit(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


# ------------------------------------------------------------------------------------ memory


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
