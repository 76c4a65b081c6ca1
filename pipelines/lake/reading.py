"""Errors of files that are read when a plan is collected, long after a version was opened."""

from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl

from pipelines.errors import LakeError


@contextmanager
def readable() -> Iterator[None]:
    """Raise `LakeError` where the files of a version cannot be read.

    A few kinds of damage make Polars panic, with an error that is no `Exception`.
    """
    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise LakeError(
            f"the files of the version cannot be read: {error}; "
            "see python -m pipelines.versions verify"
        ) from error
