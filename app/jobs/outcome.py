"""The outcome of an export, from the end of its process, its log and what it printed."""

import re
import signal
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.jobs.child import Ended
from app.jobs.follow import Follower
from app.jobs.job import Failure
from pipelines.errors import FULL, DiskFull
from pipelines.lake import Manifest, parse, room_of

LEAST_ROOM: Final = 100_000
"""The free bytes below which a disk is full: a log of a refresh has some thousand."""
BACKTESTS: Final = "backtests"
"""The phase after the publication."""
VMSTAT: Final = Path("/proc/vmstat")
PATH: Final = re.compile(r"(?<![\w./-])/(?:[^\s/:;,'\"()]+/)+(?=[^\s/:;,'\"()])")
"""The folders in front of a file name."""


@dataclass(frozen=True)
class Attempt:
    """An export that has ended."""

    ended: Ended
    follower: Follower
    peak_mb: float | None
    log: Path
    kernel_killed: bool = False
    """True if the kernel ended processes for lack of memory meanwhile."""

    @property
    def lack(self) -> str | None:
        """A clause on the memory that it lacked; None unless it failed for that."""
        if self.manifest is not None:
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
        """The manifest of the version that it left as the current one; None if it failed.

        One that was ended afterwards, while it computed backtests, has published all the same.
        """
        if self.ended.code != 0 and self.follower.phase != BACKTESTS:
            return None
        with suppress(ValueError):
            return parse(self.ended.output)
        return None

    def failure(self, limit_mb: float) -> Failure:
        """The reason why it failed, with what to do."""
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
            minutes = (self.ended.silent or 0.0) / 60
            how = f"made no progress for {minutes:g} minutes and was ended"
            return Failure(self._broke(how), "Hung")
        if self.ended.code < 0:
            number = -self.ended.code
            how = f"was ended by signal {number} ({signal.strsignal(number)})"
            return Failure(self._broke(how), "Killed")
        return self._gave_up()

    def _gave_up(self) -> Failure:
        """The reason of an export that ended by itself."""
        if self.follower.error and self.follower.error_type:
            return Failure(self.follower.error, self.follower.error_type)
        if self._lacked_room():
            return full_disk(self.log)
        return Failure(self._broke(f"ended with exit code {self.ended.code}"), "Crashed")

    def _lacked_room(self) -> bool:
        """True if the export could not write its error: where its log is, the disk is full."""
        said = self.follower.said or ""
        return any(words in said for words in FULL) or room_of(self.log.parent).free < LEAST_ROOM

    def _broke(self, how: str) -> str:
        """A sentence for an export that ended without an error of its own in the log."""
        said = f": {self.follower.said}" if self.follower.said else ""
        return f"the export {how}{self._where()}{said}; {self._see()}"

    def _where(self) -> str:
        return f" in {self.follower.phase}" if self.follower.phase else ""

    def _see(self) -> str:
        return f"see {self.log.parent.name}/{self.log.name}, and try again"


def full_disk(file: Path) -> Failure:
    """The failure of a refresh for which there was no room on the disk of a file."""
    return Failure(
        f"the disk of {file.parent} is full; nothing was published, make room there, "
        "then try again",
        DiskFull.__name__,
    )


def without_paths(text: str, places: Iterable[Path]) -> str:
    """Shorten the paths in a text to names; a path inside a place begins with the place's name.

    Everyone may know why a refresh failed, but not where the service keeps its files.
    """
    known = {str(path) for place in places if place.name for path in (place, place.resolve())}
    for path in sorted(known, key=len, reverse=True):
        text = re.sub(rf"(?<![\w./-]){re.escape(path)}", path.rpartition("/")[2], text)
    return PATH.sub("", text)


def kernel_kills(vmstat: Path = VMSTAT) -> int:
    """The number of processes that the kernel has ended for lack of memory since it started."""
    try:
        lines = vmstat.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
