"""Memory in the words and figures that people and `/system/memory` get."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from app.watch.levels import Level
from app.watch.memory import Guard, Sample
from pipelines.runtime import process_mb


@dataclass(frozen=True)
class ProcessMemory:
    """The resident size of a process and its peak, in MB."""

    name: str
    pid: int
    resident_mb: float
    peak_mb: float


@dataclass(frozen=True)
class MemoryUsage:
    """Memory against its limit, in MB; `percent` and `available_mb` are of the limit.

    `peak_mb` is the highest `usage_mb` since the start of the service.
    """

    usage_mb: float
    percent: float
    available_mb: float
    status: Level
    action_needed: bool
    recommendations: tuple[str, ...]
    limit_mb: float
    peak_mb: float
    processes: tuple[ProcessMemory, ...]


def memory_usage(guard: Guard) -> MemoryUsage:
    """The newest sample against the limit, with what to do about it."""
    sample = guard.latest
    return MemoryUsage(
        usage_mb=round(sample.usage_mb, 1),
        percent=round(sample.percent, 1),
        available_mb=round(max(0.0, guard.limit_mb - sample.usage_mb), 1),
        status=guard.level,
        action_needed=guard.level is not Level.OK,
        recommendations=tuple(remedies(guard)),
        limit_mb=round(guard.limit_mb, 1),
        peak_mb=round(guard.peak_mb, 1),
        processes=tuple(_processes(guard)),
    )


def _processes(guard: Guard) -> Iterator[ProcessMemory]:
    """The service, and the refresh where one runs and has not ended meanwhile."""
    for name, pid in (("service", os.getpid()), ("refresh", guard.child())):
        if pid is None:
            continue
        resident, peak = process_mb(pid), process_mb(pid, peak=True)
        if resident is not None and peak is not None:
            yield ProcessMemory(name, pid, round(resident, 1), round(peak, 1))


def situation(sample: Sample) -> str:
    """A sentence on how much memory the service and its refresh use."""
    parts = [f"service {sample.process_mb:,.0f} MB"]
    if sample.child_mb is not None:
        parts.append(f"refresh {sample.child_mb:,.0f} MB")
    used = f"{sample.usage_mb:,.0f} of {sample.limit_mb:,.0f} MB"
    return f"memory is at {sample.percent:.1f}%, {used} ({', '.join(parts)})"


def remedies(guard: Guard) -> list[str]:
    """What to do about the level in force; empty where it is OK."""
    if guard.level is Level.OK:
        return []
    found = []
    if guard.level is Level.CRITICAL:
        found.append("published rankings are served, new computations are refused until it falls")
    if guard.latest.child_mb is not None:
        found.append("a refresh is running; its memory is given back when it ends")
    found.append(
        "raise the container's limit and STOCKRANK_MEMORY_LIMIT_MB, or lower STOCKRANK_COMPUTATIONS"
    )
    return found
