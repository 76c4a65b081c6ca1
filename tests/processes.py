"""Processes that others have started: which there are, and when they have ended."""

import time
from pathlib import Path


def children(pid: int) -> list[int]:
    """The processes that all threads of one have started."""
    texts = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(child) for text in texts for child in text.split()]


def is_gone(pid: int) -> bool:
    """Whether a process has ended, though nobody may have waited for it."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


def end_of(*pids: int, seconds: float = 30) -> None:
    """Wait for the end of processes that are not ours; fail if it does not come."""
    end = time.monotonic() + seconds
    while there := [pid for pid in pids if not is_gone(pid)]:
        assert time.monotonic() < end, f"still there: {there}"
        time.sleep(0.01)
