"""Folders below the lake for a short time, for example of a copy of the database."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.lake import layout
from pipelines.lake.publishing import pointing


@contextmanager
def scratch(root: Path) -> Iterator[Path]:
    """Make a folder, and remove it at the end; the lock in it tells that it is in use."""
    folder = layout.new_scratch(root)
    with pointing(root):  # nobody takes it for left over before it is locked
        folder.mkdir()
        lock = layout.scratch_lock(folder).open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        with lock:
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
