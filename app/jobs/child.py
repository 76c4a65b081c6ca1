"""A command in a process of its own: follow its log, sample its memory, end it if need be.

The log goes to a file, which is read as it grows: unlike a pipe, a file does not fill up, and does
not stay open because a child of the command still holds it.
"""

import asyncio
import os
import signal
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, Final, Literal

from app.jobs.leash import leashed
from pipelines.runtime import process_mb

SAMPLE_SECONDS: Final = 0.2
KILL_SECONDS: Final = 10.0
"""A process that is there so long after it was killed waits for a disk that does not answer."""

Reason = Literal["memory", "silent", "stopped"]


@dataclass(frozen=True)
class Ended:
    """How a command ended: `code` is its exit code, or minus the signal that ended it."""

    code: int
    output: bytes
    reason: Reason | None = None  # why the service ended it; None if it did not
    over: tuple[float, float] | None = None  # MB used and allowed, where it was ended for memory
    silent: float | None = None  # seconds without a line of its log, where it was ended for that


class Child:
    """Runs one command at a time."""

    def __init__(
        self,
        budget_mb: Callable[[], float],
        *,
        silent_seconds: float,
        kill_seconds: float = KILL_SECONDS,
        sample_seconds: float = SAMPLE_SECONDS,
    ) -> None:
        self._budget_mb: Final = budget_mb
        self._silent_seconds: Final = silent_seconds
        self._kill_seconds: Final = kill_seconds
        self._sample_seconds: Final = sample_seconds
        self._process: Process | None = None
        self._reason: Reason | None = None
        self._over: tuple[float, float] | None = None
        self._silent: float | None = None
        self._killed: float | None = None
        self.peak_mb: float | None = None
        """The largest resident size of the last command so far."""

    @property
    def pid(self) -> int | None:
        """The process id of the command; None while none runs."""
        return self._process.pid if self._process else None

    def stop(self, reason: Reason = "stopped") -> None:
        """End the command with all its children; if none runs, the next one as soon as it starts.

        It is killed, not asked to end: that would take time, in which memory may run out. A killed
        export leaves the lake as it was.
        """
        if reason == "stopped" or self._reason is None:
            self._reason = reason
        self._kill()

    async def run(
        self,
        command: list[str],
        env: Mapping[str, str],
        log: Path,
        see: Callable[[list[str]], None],
    ) -> Ended:
        """Run a command to its end; `see` gets the new lines of its log as they come.

        Raise `OSError` where it cannot be started.
        """
        self._over = self.peak_mb = self._silent = self._killed = None
        if self._reason != "stopped":
            self._reason = None
        with TemporaryFile() as output, log.open("ab") as written, log.open("rb") as read:
            read.seek(0, os.SEEK_END)
            process = await asyncio.create_subprocess_exec(
                *leashed(command), stdin=DEVNULL, stdout=output, stderr=written,
                env=env, start_new_session=True,
            )  # fmt: skip
            self._process = process
            try:
                await self._watch(process, _Lines(read), see)
            finally:
                self._kill()  # also the children that it left running
                self._process = None
            output.seek(0)
            code = -signal.SIGKILL if process.returncode is None else process.returncode
            return Ended(code, output.read(), self._reason, self._over, self._silent)

    async def _watch(
        self, process: Process, lines: "_Lines", see: Callable[[list[str]], None]
    ) -> None:
        """Follow a process until it has ended; end it where it is silent for too long.

        An export logs every phase and every batch of rows: one that logs nothing makes no progress.
        """
        heard, ended = time.monotonic(), asyncio.ensure_future(process.wait())
        if self._reason:
            self._kill()
        while True:
            done, _ = await asyncio.wait({ended}, timeout=self._sample_seconds)
            self._sample(process.pid)
            new = lines.new(whole=not done)
            see(new)
            if done or self._outlives_its_kill():
                return
            if new:
                heard = time.monotonic()
            elif time.monotonic() - heard > self._silent_seconds:
                self._silent = self._silent_seconds
                self.stop("silent")

    def _sample(self, pid: int) -> None:
        """Note the memory of a process, and end it where it uses more than its budget."""
        peak, used = process_mb(pid, peak=True), process_mb(pid)
        if peak is None or used is None:
            return
        self.peak_mb = max(peak, used, self.peak_mb or 0.0)
        budget = self._budget_mb()
        if used > budget and self._reason is None:
            self._over = (used, budget)
            self.stop("memory")

    def _outlives_its_kill(self) -> bool:
        killed = self._killed
        return killed is not None and time.monotonic() - killed > self._kill_seconds

    def _kill(self) -> None:
        if self._process is not None:
            self._killed = self._killed or time.monotonic()
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)


class _Lines:
    """The lines of a file that grows."""

    def __init__(self, file: BinaryIO) -> None:
        self._file: Final = file
        self._begun = b""

    def new(self, *, whole: bool) -> list[str]:
        """The lines since the last call: only `whole` ones, or also one that is not complete."""
        *lines, self._begun = (self._begun + self._file.read()).split(b"\n")
        if not whole:
            lines.append(self._begun)
        return [line.decode(errors="replace") for line in lines]
