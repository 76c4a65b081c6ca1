"""What became of an export, by how its process ended, what it logged and what it printed."""

import re
import signal
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from app.jobs.child import Ended
from app.jobs.follow import Follower
from pipelines.lake import Manifest, parse

VMSTAT: Final = Path("/proc/vmstat")
PATH: Final = re.compile(r"(?<![\w./-])/(?:[^\s/:;,'\"()]+/)+(?=[^\s/:;,'\"()])")
"""The folders before the name of a file."""


@dataclass(frozen=True)
class Failure:
    """Why a refresh failed: one sentence, and the class of the error."""

    error: str
    type: str


@dataclass(frozen=True)
class Attempt:
    """An export that has ended."""

    ended: Ended
    follower: Follower
    peak_mb: float | None
    log: Path
    kernel_killed: bool = False
    """Whether the kernel ended processes for lack of memory meanwhile."""

    @property
    def lack(self) -> str | None:
        """How much memory it needed, where it failed for that."""
        if self.ended.code == 0:
            return None
        if self.ended.over and self.ended.reason == "memory":
            used, allowed = self.ended.over
            return f"the export used {used:,.0f} MB of the {allowed:,.0f} MB that are left to it"
        if self.ended.code == -signal.SIGKILL and self.kernel_killed and not self.ended.reason:
            used = self.peak_mb or 0.0
            return f"the kernel ended the export, which used {used:,.0f} MB, for lack of memory"
        return None

    @property
    def manifest(self) -> Manifest | None:
        """The manifest of the version that it left as current; None if it failed."""
        if self.ended.code != 0:
            return None
        with suppress(ValueError):
            return parse(self.ended.output)
        return None

    def failure(self, limit_mb: float) -> Failure:
        """Why it failed."""
        if self.lack:
            return Failure(
                f"{self.lack}, also in low-memory mode; raise the memory limit of "
                f"{limit_mb:,.0f} MB, or run python -m pipelines.export on a larger machine",
                "OutOfMemory",
            )
        if self.ended.reason == "stopped":
            return Failure(
                "the service was stopped while the refresh ran; start it again", "Stopped"
            )
        if self.ended.reason == "silent":
            return Failure(self._broke("hung and was ended"), "Hung")
        if self.ended.code < 0:
            number = -self.ended.code
            how = f"was ended by signal {number} ({signal.strsignal(number)})"
            return Failure(self._broke(how), "Killed")
        if self.follower.error and self.follower.error_type:
            return Failure(self.follower.error, self.follower.error_type)
        return Failure(self._broke(f"ended with exit code {self.ended.code}"), "Crashed")

    def _broke(self, how: str) -> str:
        said = f": {self.follower.said}" if self.follower.said else ""
        return f"the export {how}{self._where()}{said}; {self._see()}"

    def _where(self) -> str:
        return f" in {self.follower.phase}" if self.follower.phase else ""

    def _see(self) -> str:
        return f"see {self.log.parent.name}/{self.log.name}, and try again"


def without_paths(text: str, places: Iterable[Path]) -> str:
    """The text with names in place of paths; of what is in a place, from its own name on.

    What went wrong is told to everyone who asks, and where the service keeps things is not.
    """
    known = {str(path) for place in places if place.name for path in (place, place.resolve())}
    for path in sorted(known, key=len, reverse=True):
        text = re.sub(rf"(?<![\w./-]){re.escape(path)}", path.rpartition("/")[2], text)
    return PATH.sub("", text)


def published(manifest: Manifest, before: str | None) -> dict[str, Any]:
    """What a job knows of the version that is current after its export."""
    rows = {name: entry.rows for name, entry in manifest.datasets.items()}
    return {
        "version": manifest.version,
        "unchanged": manifest.version == before,
        "datasets": rows,
        "rows": sum(rows.values()),
        "rejected": sum(entry.rejected_rows for entry in manifest.datasets.values()),
    }


def kernel_kills(vmstat: Path = VMSTAT) -> int:
    """How many processes the kernel has ended for lack of memory since it started."""
    try:
        lines = vmstat.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
