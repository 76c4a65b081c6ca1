"""Errors of the disk below a lake, also those that come from libraries, as errors of the lake."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir

import polars as pl

from pipelines.errors import DiskFull, LakeError, is_disk_full, is_of_system


@contextmanager
def disk_errors(root: Path) -> Iterator[None]:
    """Raise `LakeError` in place of an error of the disk, also one that comes from a library."""
    try:
        yield
    except DiskFull:
        raise
    except Exception as error:
        if is_disk_full(error):
            raise DiskFull(_full(error, root)) from None
        if isinstance(error, OSError):
            where = error.filename or root
            raise LakeError(f"cannot write {where}: {error.strerror}") from None
        if isinstance(error, pl.exceptions.ComputeError) and is_of_system(error):
            raise LakeError(f"cannot write {root}: {' '.join(str(error).split())}") from None
        raise


def _full(error: Exception, root: Path) -> str:
    """Return a sentence; SQLite also sorts in the temporary folder, and does not say which it was.

    What the refresh had written is removed by now, so that the free room would tell nothing.
    """
    by_sqlite = "database or disk is full" in str(error)
    or_else = f", or that of {gettempdir()}," if by_sqlite else ""
    return (
        f"the disk of {root}{or_else} is full; nothing was published, make room there, then "
        "try again"
    )
