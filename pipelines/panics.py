"""Libraries in Rust panic where they cannot read a value, and print that before Python knows of it.

That of connectorx comes while a batch is taken from a stream, in the thread that takes it; that of
Polars while the files of a version are read. Only then is stderr held back: otherwise every
database with one bad value would put a stack trace in the terminal, and a line that is not JSON in
a log of JSON.
"""

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from threading import Lock
from typing import Final, TypeVar

STDERR: Final = 2

BatchT = TypeVar("BatchT")

logger = logging.getLogger(__name__)


def is_panic(error: BaseException | None) -> bool:
    """Recognise a panic by its name, for no module exports the class."""
    return type(error).__name__ == "PanicException"


def quietly(stream: Iterable[BatchT]) -> Iterator[BatchT]:
    """Yield the batches of a stream; what a panic prints is logged at debug level."""
    batches = iter(stream)
    while True:
        with stderr_held_back():
            batch = next(batches, None)
        if batch is None:
            return
        yield batch


@contextmanager
def stderr_held_back() -> Iterator[None]:
    """Hold stderr back; pass on afterwards what was written to it, unless there was a panic.

    Of several threads that hold it back, the last one passes on what was written meanwhile.
    """
    HELD.begin()
    panic = False
    try:
        yield
    except BaseException as error:
        panic = is_panic(error)
        raise
    finally:
        HELD.end(panic=panic)


class _Held:
    """The stderr of this process, which threads hold back together."""

    def __init__(self) -> None:
        self._lock: Final = Lock()
        self._holders = 0
        self._panicked = False
        self._stderr = STDERR
        self._aside = STDERR

    def begin(self) -> None:
        """Hold it back, if it is not yet."""
        with self._lock:
            if self._holders == 0:
                self._stderr, self._aside, self._panicked = os.dup(STDERR), _nowhere(), False
                os.dup2(self._aside, STDERR)
            self._holders += 1

    def end(self, *, panic: bool) -> None:
        """Let it go, if nobody else holds it."""
        with self._lock:
            self._holders -= 1
            self._panicked |= panic
            if self._holders:
                return
            os.dup2(self._stderr, STDERR)
            os.close(self._stderr)
            os.lseek(self._aside, 0, os.SEEK_SET)
            with os.fdopen(self._aside, "rb") as aside:
                written = aside.read()
        _pass_on(written, panic=self._panicked)


HELD: Final = _Held()


def _nowhere() -> int:
    """Return a file without a name; in memory where the system can, for a disk may be full."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("stderr")
    with TemporaryFile() as aside:
        return os.dup(aside.fileno())


def _pass_on(written: bytes, *, panic: bool) -> None:
    if panic:
        logger.debug("%s", written.decode(errors="backslashreplace"))
    elif written:
        with open(STDERR, "wb", closefd=False) as stderr:
            stderr.write(written)
