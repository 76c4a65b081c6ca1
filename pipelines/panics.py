"""Libraries in Rust panic where they cannot read a value, and print that before Python knows of it.

That of connectorx comes while a batch is taken from a stream, in the thread that takes it; that of
Polars while a command collects a plan. Only then is stderr held back: otherwise every database with
one bad value would put a stack trace in the terminal, and a line that is not JSON in a log of JSON.
"""

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
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
    """Hold stderr back; pass on afterwards what was written to it, unless there was a panic."""
    with TemporaryFile() as aside:
        stderr, panic = os.dup(STDERR), False
        os.dup2(aside.fileno(), STDERR)
        try:
            yield
        except BaseException as error:
            panic = is_panic(error)
            raise
        finally:
            os.dup2(stderr, STDERR)
            os.close(stderr)
            aside.seek(0)
            _pass_on(aside.read(), panic=panic)


def _pass_on(written: bytes, *, panic: bool) -> None:
    if panic:
        logger.debug("%s", written.decode(errors="backslashreplace"))
    elif written:
        with open(STDERR, "wb", closefd=False) as stderr:
            stderr.write(written)
