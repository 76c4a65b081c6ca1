"""Errors of files that are read when a plan is collected, long after a version was opened."""

from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl

from pipelines.errors import LakeError


@contextmanager
def readable() -> Iterator[None]:
    """Raise `LakeError` where the files of a version cannot be read."""
    try:
        yield
    except (pl.exceptions.PolarsError, OSError) as error:
        raise LakeError(
            f"the files of the version cannot be read: {error}; "
            "see python -m pipelines.versions verify"
        ) from error
