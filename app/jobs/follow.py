"""The progress of an export and its error, read from the lines of its JSON log."""

import json
from itertools import accumulate
from typing import Any, Final

from pipelines.lake import PHASES

READING: Final = 0.8
"""The share of reading in a phase that reads rows; the rest writes files."""

_DONE_BEFORE: Final = dict(zip(PHASES, accumulate(PHASES.values(), initial=0.0), strict=False))


class Follower:
    """The state of an export by its log so far; `progress` goes from a floor to 1, never back."""

    def __init__(self, floor: float = 0.0) -> None:
        self._floor: Final = floor
        self._rows: Final[dict[str, int]] = {}
        self.progress = floor
        self.phase: str | None = None
        self.peak_mb: float | None = None
        """The largest resident size at the end of a phase."""
        self.error: str | None = None
        self.error_type: str | None = None
        self.said: str | None = None
        """The last line that is no JSON, such as the end of a traceback."""

    @property
    def rows(self) -> int | None:
        """The rows of the source that were read, or taken from the version before."""
        return sum(self._rows.values()) if self._rows else None

    def see(self, line: str) -> None:
        """Take in a line."""
        entry = _entry(line)
        if entry is None:
            self.said = line.strip() or self.said
        elif "begins" in entry:
            self.phase = entry["begins"]
            self._advance(0.0)
        elif "table" in entry:
            self._rows[entry["table"]] = entry["done"]
            self._advance(READING * entry["done"] / max(1, entry["total"]))
        elif "phase" in entry and entry["phase"] in PHASES:  # others have processes of their own
            self.peak_mb = max(entry["peak_mb"], self.peak_mb or 0.0)
            self._advance(1.0)
        elif "error" in entry:
            self.error, self.error_type = entry["error"], entry["type"]

    def _advance(self, share: float) -> None:
        """Move on to a share of the phase; a table that is read again sets nothing back."""
        if self.phase is not None and self.phase in PHASES:
            done = _DONE_BEFORE[self.phase] + share * PHASES[self.phase]
            self.progress = max(self.progress, self._floor + (1 - self._floor) * done)


def _entry(line: str) -> dict[str, Any] | None:
    """The fields of a log line; None for any other text."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
