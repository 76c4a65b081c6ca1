"""Looks at a disk by a thread of their own: one that hangs, such as NFS, may never answer.

Whoever asks waits for a time at most, and no longer at all while an earlier look hangs.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, Final, TypeVar

from pipelines.errors import LakeError

Found = TypeVar("Found")


class NoAnswer(LakeError):
    """A disk has not answered in time."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the disk of the lake gives no answer for {seconds:g} s")


class Aside:
    """A thread that looks, one look after the other; it holds up neither requests nor the end."""

    def __init__(self, name: str) -> None:
        self._name: Final = name
        self._looks: Final[SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None]] = (
            SimpleQueue()
        )
        self._thread: threading.Thread | None = None
        self._hanging: Future[Any] | None = None
        """The last look that gave no answer in time."""

    @property
    def hangs(self) -> bool:
        """True while a look that gave no answer in time goes on."""
        return self._hanging is not None and not self._hanging.done()

    def within(self, seconds: float, look: Callable[[], Found]) -> Found:
        """Return what a look finds; `NoAnswer` after some seconds, in which the caller waits."""
        future = self._begun(seconds, look)
        try:
            return future.result(seconds)
        except TimeoutError:
            if future.done():  # the look itself raised it
                raise
            raise self._given_up(future, seconds) from None

    async def ask(self, seconds: float, look: Callable[[], Found]) -> Found:
        """Return what a look finds; `NoAnswer` after some seconds, in which others go on."""
        future = self._begun(seconds, look)
        await asyncio.wait([asyncio.wrap_future(future)], timeout=seconds)
        if not future.done():
            raise self._given_up(future, seconds)
        return future.result()

    def close(self) -> None:
        """End the thread once it is free."""
        self._looks.put(None)

    def _begun(self, seconds: float, look: Callable[[], Found]) -> Future[Found]:
        if self.hangs:
            raise NoAnswer(seconds)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        future: Future[Found] = Future()
        self._looks.put((look, future))
        return future

    def _given_up(self, future: Future[Any], seconds: float) -> NoAnswer:
        self._hanging = future
        return NoAnswer(seconds)

    def _run(self) -> None:
        while self._answered():
            pass  # and nothing of the last answer is held, such as a version that may be pruned

    def _answered(self) -> bool:
        """Answer the next look; return False at the end."""
        if (asked := self._looks.get()) is None:
            return False
        look, future = asked
        if future.set_running_or_notify_cancel():
            try:
                found = look()
            except BaseException as error:  # noqa: BLE001 - it belongs to who asked
                future.set_exception(error)
            else:
                future.set_result(found)
        return True
