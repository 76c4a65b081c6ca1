"""The object store of a lake: a writer pushes each version to it, a reader pulls from it.

Each look is a process of its own, so that the service loads nothing of the store.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from app.jobs.environment import environment
from app.jobs.leash import leashed
from app.jobs.outcome import without_paths
from pipelines import lake as lakes
from pipelines.errors import LakeError
from pipelines.runtime import EMPTY_STORE
from pipelines.settings import Settings

logger = logging.getLogger(__name__)

COMMAND: Final = (sys.executable, "-m", "pipelines.remote")
LONGEST_SECONDS: Final = 900.0
"""Seconds after which a transfer is ended, and tried again at the next look."""


class Remote:
    """Keeps the lake and its store alike, with a look every `remote_seconds`, and when woken.

    Without a store it does nothing.
    """

    def __init__(self, settings: Settings, *, command: Sequence[str] = COMMAND) -> None:
        self._settings: Final = settings
        self._command: Final = list(command)
        self._news: Final = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._pushed: str | None = None
        """The version that was pushed last; a reader pushes none."""
        self.trouble: str | None = None
        """Why the last look failed; None where it did not."""

    def start(self) -> None:
        """Begin to look, in the event loop that is running."""
        if self._settings.remote is not None:
            self._task = asyncio.create_task(self._run())

    def wake(self) -> None:
        """Look at once, for another version is current."""
        self._news.set()

    async def close(self) -> None:
        """End the look that goes on; nothing is half done by it."""
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            self._news.clear()
            try:
                self._told(await self._look())
            except (LakeError, OSError) as error:
                self._told(str(error))
            with suppress(TimeoutError):
                # `asyncio.wait_for` of Python 3.11 forgets a cancellation that comes with the news.
                async with asyncio.timeout(self._settings.remote_seconds):
                    await self._news.wait()

    def _told(self, trouble: str | None) -> None:
        """Keep what a look said; log where it changed."""
        if trouble != self.trouble:
            if trouble:
                logger.warning("the object store: %s", trouble)
            else:
                logger.info("the object store answers again")
        self.trouble = trouble

    async def _look(self) -> str | None:
        """Push what is new, or pull; return what went wrong."""
        if self._settings.is_reader:
            return await self._do("pull")
        current = await asyncio.to_thread(lakes.current_id, self._settings.lake)
        if current in (None, self._pushed):
            return None
        trouble = await self._do("push")
        self._pushed = self._pushed if trouble else current
        return trouble

    async def _do(self, what: str) -> str | None:
        """Run a command, and return the error that it ended with."""
        words = [what, str(self._settings.remote), "--lake", str(self._settings.lake.resolve())]
        child = await asyncio.create_subprocess_exec(
            *leashed([*self._command, *words, "--config", os.devnull]),
            env=environment(self._settings), start_new_session=True,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                _, said = await child.communicate()
        except TimeoutError:
            return f"a {what} took more than {LONGEST_SECONDS:g} s and was ended"
        finally:
            if child.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                await child.wait()
        if child.returncode == 0 or (child.returncode == EMPTY_STORE and self._is_new()):
            return None
        return self._error_in(said.decode(errors="replace")) or f"the {what} was ended"

    def _is_new(self) -> bool:
        """Return True if the lake has no version: it waits for the first one of its writer."""
        return lakes.current_id(self._settings.lake) is None

    def _error_in(self, said: str) -> str | None:
        """Return the error that a command told last, without the addresses of store and lake."""
        lines = [line for line in said.splitlines() if line.strip()]
        told = lines[-1].removeprefix("error: ") if lines else ""
        url = str(self._settings.remote)
        told = told.replace(f"{url}: ", "").replace(url, "it")
        return without_paths(told, [self._settings.lake.resolve()]) or None
