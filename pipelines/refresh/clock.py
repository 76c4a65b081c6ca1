"""Time and memory of a refresh, phase by phase."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

from pipelines.bars import STEP, Progress, silent
from pipelines.lake import Dataset, Phase, Step
from pipelines.runtime import peak_mb, resident_mb

logger = logging.getLogger(__name__)


@dataclass
class Clock:
    """The phases that have ended, in order; one that fails is not among them."""

    phases: list[Phase] = field(default_factory=list)
    progress: Progress = silent
    """Told of each step that begins."""

    def begin(self, step: Step) -> None:
        """Log the beginning of a step that is not timed."""
        self._begin(step)

    def _begin(self, name: str) -> None:
        """Log at debug level, for programs that follow the log; people see it as a bar."""
        logger.debug("%s begins", name, extra={"fields": {"begins": name}})
        self.progress(name, 0, STEP)

    def _start(self, name: str) -> tuple[float, float]:
        self._begin(name)
        return resident_mb(), time.perf_counter()

    @contextmanager
    def phase(self, step: Step) -> Iterator[None]:
        """Time a step that makes no dataset."""
        started = self._start(step)
        yield
        self._end(step, *started, rows=None)

    def making(self, name: str, make: Callable[[], Dataset]) -> Dataset:
        """Time the making of a dataset, and return it."""
        started = self._start(name)
        made = make()
        self._end(name, *started, rows=made.rows)
        return made

    def _end(self, name: str, before_mb: float, start: float, *, rows: int | None) -> None:
        phase = Phase(
            phase=name,
            rows=rows,
            seconds=round(time.perf_counter() - start, 3),
            before_mb=round(before_mb, 1),
            # The kernel counts its peak less exactly than the size, and may give a lower one.
            peak_mb=round(max(before_mb, peak_mb()), 1),
        )
        self.phases.append(phase)
        fields = asdict(phase)
        logger.info("%(phase)s", fields, extra={"fields": fields})
