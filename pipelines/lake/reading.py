"""Errors of files that are read when a plan is collected, long after a version was opened."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import polars as pl

from pipelines.errors import LakeError
from pipelines.panics import stderr_held_back

BROKEN: Final = (pl.exceptions.PolarsError, pl.exceptions.PanicException)
"""What Polars raises at a file that is not as it was written; a panic is no `Exception`."""


@contextmanager
def readable() -> Iterator[None]:
    """Raise `LakeError` where the files of a version cannot be read.

    A few kinds of damage make Polars panic, with an error that is no `Exception` and a text on
    stderr, which is held back.
    """
    try:
        with stderr_held_back():
            yield
    except (*BROKEN, OSError) as error:
        raise LakeError(
            f"the files of the version cannot be read: {error}; "
            "see python -m pipelines.versions verify"
        ) from error
