"""Time and memory of a refresh, phase by phase."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pipelines.runtime import peak_mb, resident_mb

logger = logging.getLogger(__name__)


@dataclass
class Clock:
    """Time and memory by phase."""

    phases: list[dict[str, Any]] = field(default_factory=list)

    def begin(self, name: str) -> None:
        """Tell programs that follow the log what is done now; not part of a log for people."""
        logger.debug("%s begins", name, extra={"fields": {"begins": name}})

    @contextmanager
    def phase(self, name: str, datasets: dict[str, Any]) -> Iterator[None]:
        """Time a phase, note its memory, and log a line on it."""
        self.begin(name)
        before, start = resident_mb(), time.perf_counter()
        yield
        entry = {
            "phase": name,
            "rows": datasets.get(name, {}).get("rows"),
            "seconds": round(time.perf_counter() - start, 3),
            "before_mb": round(before, 1),
            # The kernel counts its peak less exactly than the size, and may give a lower one.
            "peak_mb": round(max(before, peak_mb()), 1),
        }
        self.phases.append(entry)
        logger.info("%(phase)s", entry, extra={"fields": entry})
