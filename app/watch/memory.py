"""The memory guard: samples memory, and knows the level in force and the growth."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from app.watch.events import Events
from app.watch.growth import growth_per_hour
from app.watch.levels import LEVELS, Level, LevelHold
from pipelines import cgroup
from pipelines.errors import SettingsError
from pipelines.runtime import process_mb, resident_mb

logger = logging.getLogger(__name__)

DEFAULT_LIMIT_MB: Final = 1024.0
KEPT_SECONDS: Final = 15 * 60
MOST_SAMPLES: Final = 4 * KEPT_SECONDS
"""The samples stay small in number, however often memory is sampled."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Memory at one time, in MB; `child_mb` is null without a refresh, `cgroup_mb` without a limit.

    `usage_mb` counts against the limit: the usage of the control group where the limit is that of
    the group, else the service with its refresh. `level` is in force after this sample.
    """

    at: datetime
    process_mb: float
    child_mb: float | None
    cgroup_mb: float | None
    usage_mb: float
    limit_mb: float
    percent: float
    level: Level = Level.OK

    def as_dict(self) -> dict[str, JsonValue]:
        """The sample as JSON holds it, in tenths of a MB."""
        values = {
            name: round(value, 1) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }
        return values | {"at": self.at.isoformat(timespec="milliseconds")}


def effective_limit_mb(
    setting: float | None, root: Path = cgroup.ROOT, membership: Path = cgroup.MEMBERSHIP
) -> float:
    """The smaller limit of the setting and the control group, in MB; 1,024 without either."""
    group = cgroup.limiting(root, membership)
    limits = [] if setting is None else [setting]
    if group is not None:
        limits.append(group.limit_mb)
    return min(limits, default=DEFAULT_LIMIT_MB)


class Guard:
    """Samples memory, keeps the samples of a quarter of an hour, and knows the level in force."""

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
        self.child: Final = child
        self._floors: Final = (warning_percent, critical_percent)
        self._group: Final = cgroup.limiting(root)
        self._read, self._now, self._elapsed = read, now, elapsed
        self._samples: Final[deque[tuple[float, Sample]]] = deque(maxlen=MOST_SAMPLES)
        self._hold: Final = LevelHold(hold_seconds)
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
        """Read memory, keep the sample, and count it for the level."""
        at = self._elapsed()
        process, child, group = self._service_mb(), self._child_mb(), self._group_mb()
        usage = self._usage_mb(process + (child or 0.0), group)
        percent = 100 * usage / self.limit_mb
        level = self._hold.see(at, self._level_at(percent))
        sample = Sample(self._now(), process, child, group, usage, self.limit_mb, percent, level)
        self._keep(at, sample)
        return sample

    def trend_mb_per_hour(self) -> float | None:
        """The growth of the service itself, in MB an hour; None before there are ten minutes.

        The memory of a refresh comes and goes, and does not count.
        """
        return growth_per_hour((at, sample.process_mb) for at, sample in self._samples)

    async def run(self, events: Events, every: float = 1.0) -> None:
        """Sample for ever, and publish each sample."""
        failing = False
        while True:
            try:
                events.publish("memory", self.sample().as_dict())
                failing = False
            except OSError as error:
                # Such as too many open files: the guard must outlive the trouble that it tells of.
                if not failing:
                    logger.warning("memory cannot be read: %s; it is tried again", error.strerror)
                failing = True
            await asyncio.sleep(every)

    def _service_mb(self) -> float:
        size = self._read(None)
        return resident_mb() if size is None else size

    def _child_mb(self) -> float | None:
        pid = self.child()
        return None if pid is None else self._read(pid)

    def _group_mb(self) -> float | None:
        return self._group.used_mb() if self._group else None

    def _usage_mb(self, processes: float, group: float | None) -> float:
        """The usage of the control group where its limit is in force, else of the processes."""
        if self._group and group is not None and self.limit_mb >= self._group.limit_mb:
            return group
        return processes

    def _level_at(self, percent: float) -> Level:
        return LEVELS[sum(percent >= floor for floor in self._floors)]

    def _keep(self, at: float, sample: Sample) -> None:
        self.peak_mb = max(self.peak_mb, sample.usage_mb)
        self._samples.append((at, sample))
        while self._samples[0][0] < at - KEPT_SECONDS:
            self._samples.popleft()
