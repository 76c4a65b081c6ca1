"""The memory guard: how much of its limit the service uses, whether that is too much, and growth.

A level counts once memory has been there for a while, up as well as down, so that neither a short
peak nor a short dip changes what the service does.
"""

import asyncio
import logging
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import combinations, groupby
from pathlib import Path
from statistics import median
from typing import Any, Final

from app.watch import cgroup
from app.watch.events import Events
from pipelines.errors import SettingsError
from pipelines.runtime import process_mb, resident_mb

logger = logging.getLogger(__name__)

DEFAULT_LIMIT_MB: Final = 1024.0
KEPT_SECONDS: Final = 15 * 60
MOST_SAMPLES: Final = 4 * KEPT_SECONDS
"""However often memory is sampled, the samples themselves stay small."""
TREND_STEP_SECONDS: Final = 15
LEAST_TREND_SECONDS: Final = 10 * 60
"""A slope of fewer minutes tells of the last requests, not of a leak."""


class Level(StrEnum):
    """How near the limit memory is, in rising order."""

    OK = "OK"
    WARNING = "WARNING"
    CRITICAL = "CRITICAL"


LEVELS: Final = tuple(Level)


@dataclass(frozen=True, slots=True)
class Sample:
    """Memory at one time, in MB; `child_mb` is null without a refresh, `cgroup_mb` without a limit.

    `usage_mb` is what counts against the limit: what the control group uses where the limit is the
    group's, else the service with its refresh. `level` is the level in force after this sample.
    """

    at: datetime
    process_mb: float
    child_mb: float | None
    cgroup_mb: float | None
    usage_mb: float
    limit_mb: float
    percent: float
    level: Level = Level.OK

    def as_dict(self) -> dict[str, Any]:
        """The sample as JSON holds it, in tenths."""
        values = {
            name: round(value, 1) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }
        return values | {"at": self.at.isoformat(timespec="milliseconds")}


def effective_limit_mb(
    setting: float | None, root: Path = cgroup.ROOT, membership: Path = cgroup.MEMBERSHIP
) -> float:
    """The limit that is met first, in MB: the setting's or the control group's; else 1,024."""
    group = cgroup.limiting(root, membership)
    limits = [] if setting is None else [setting]
    if group is not None:
        limits.append(group.limit_mb)
    return min(limits, default=DEFAULT_LIMIT_MB)


class Guard:
    """Samples memory, keeps a quarter of an hour of it, and knows the level that is in force."""

    def __init__(  # noqa: PLR0913 - the last four are what tests replace
        self,
        limit_mb: float,
        warning_percent: float,
        critical_percent: float,
        hold_seconds: float,
        *,
        child: Callable[[], int | None],
        root: Path = cgroup.ROOT,
        read: Callable[[int | None], float | None] = process_mb,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        if warning_percent >= critical_percent:
            raise SettingsError(
                f"memory_warning_percent {warning_percent:g} is not below "
                f"memory_critical_percent {critical_percent:g}; lower it"
            )
        self.limit_mb: Final = limit_mb
        self.critical_percent: Final = critical_percent
        self.child: Final = child
        self._floors: Final = (warning_percent, critical_percent)
        self._group: Final = cgroup.limiting(root)
        self._read, self._now, self._elapsed = read, now, elapsed
        self._samples: Final[deque[tuple[float, Sample]]] = deque(maxlen=MOST_SAMPLES)
        self._hold: Final = _Hold(hold_seconds)
        self.peak_mb = 0.0

    @property
    def level(self) -> Level:
        """The level in force."""
        return self._hold.level

    def samples(self) -> list[Sample]:
        """The samples of the last quarter of an hour, oldest first."""
        return [sample for _, sample in self._samples]

    @property
    def latest(self) -> Sample:
        """The newest sample; the first is taken if there is none."""
        return self._samples[-1][1] if self._samples else self.sample()

    def sample(self) -> Sample:
        """Memory now, which is kept and counts for the level."""
        at = self._elapsed()
        process = self._read(None)
        if process is None:
            process = resident_mb()
        pid = self.child()
        child = None if pid is None else self._read(pid)
        group = self._group.used_mb() if self._group else None
        usage = process + (child or 0.0)
        if self._group and group is not None and self.limit_mb >= self._group.limit_mb:
            usage = group
        percent = 100 * usage / self.limit_mb
        level = self._hold.see(at, LEVELS[sum(percent >= floor for floor in self._floors)])
        sample = Sample(self._now(), process, child, group, usage, self.limit_mb, percent, level)
        self._keep(at, sample)
        return sample

    def _keep(self, at: float, sample: Sample) -> None:
        self.peak_mb = max(self.peak_mb, sample.usage_mb)
        self._samples.append((at, sample))
        while self._samples[0][0] < at - KEPT_SECONDS:
            self._samples.popleft()

    def trend_mb_per_hour(self) -> float | None:
        """How fast the service itself grows, in MB an hour; None before there are ten minutes.

        A refresh and its memory come and go, and do not count.
        """
        steps = groupby(self._samples, key=lambda kept: kept[0] // TREND_STEP_SECONDS)
        points = []
        for _, kept in steps:
            some = list(kept)
            points.append((some[0][0], median(sample.process_mb for _, sample in some)))
        if not points or points[-1][0] - points[0][0] < LEAST_TREND_SECONDS:
            return None
        return growth(points) * 3600

    async def run(self, events: Events, every: float = 1.0) -> None:
        """Sample for ever, and publish each sample."""
        failing = False
        while True:
            try:
                events.publish("memory", self.sample().as_dict())
                failing = False
            except OSError as error:
                # Such as too many open files: the guard must outlive what it warns of.
                if not failing:
                    logger.warning("memory cannot be read: %s; it is tried again", error.strerror)
                failing = True
            await asyncio.sleep(every)


class _Hold:
    """The level that memory has been at, or beyond, for long enough."""

    def __init__(self, seconds: float) -> None:
        self._seconds: Final = seconds
        self._seen: Final[deque[tuple[float, int]]] = deque()
        self.level = Level.OK

    def see(self, at: float, level: Level) -> Level:
        """The level in force, now that memory is at one.

        Upwards it is the lowest level of the time held, downwards the highest: memory that swings
        between warning and critical is in warning all the time.
        """
        seen = self._seen
        seen.append((at, LEVELS.index(level)))
        # The oldest that is needed is the one that was there when the time began.
        while len(seen) > 1 and seen[1][0] <= at - self._seconds:
            seen.popleft()
        if seen[0][0] <= at - self._seconds:
            numbers = [number for _, number in seen]
            held = min(max(LEVELS.index(self.level), min(numbers)), max(numbers))
            self.level = LEVELS[held]
        return self.level


Points = Sequence[tuple[float, float]]


def growth(points: Points) -> float:
    """The slope that the points keep up: the least of all and of both halves, 0 if they disagree.

    A single step, such as a cache that was filled, is in one half only, and is no growth.
    """
    middle = len(points) // 2
    slopes = [_slope(part) for part in (points, points[:middle], points[middle:])]
    least = min(slopes, key=abs)
    return least if min(slopes) * max(slopes) > 0 else 0.0


def _slope(points: Points) -> float:
    """The median of the slopes between all points (Theil and Sen), of two or more."""
    return median((y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in combinations(points, 2))


# ----------------------------------------------------------------------------------- telling


def situation(sample: Sample) -> str:
    """How much is used by whom, for people."""
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


def report(guard: Guard) -> dict[str, Any]:
    """What `/system/memory` answers, in MB; `percent` and `available_mb` are of the limit.

    `peak_mb` is the most that was in use since the start, of what counts against the limit.
    """
    sample = guard.latest
    return {
        "usage_mb": round(sample.usage_mb, 1),
        "percent": round(sample.percent, 1),
        "available_mb": round(max(0.0, guard.limit_mb - sample.usage_mb), 1),
        "status": guard.level.value,
        "action_needed": guard.level is not Level.OK,
        "recommendations": remedies(guard),
        "limit_mb": round(guard.limit_mb, 1),
        "peak_mb": round(guard.peak_mb, 1),
        "processes": _processes(guard),
    }


def _processes(guard: Guard) -> list[dict[str, Any]]:
    pids = {"service": os.getpid(), "refresh": guard.child()}
    sizes = (
        (name, pid, process_mb(pid), process_mb(pid, peak=True))
        for name, pid in pids.items()
        if pid
    )
    return [
        {"name": name, "pid": pid, "resident_mb": round(now, 1), "peak_mb": round(peak, 1)}
        for name, pid, now, peak in sizes
        if now is not None and peak is not None
    ]
