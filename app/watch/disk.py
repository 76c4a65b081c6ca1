"""The disk of the lake: its room against what a refresh needs, and whether it answers at all."""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pipelines import lake as lakes
from pipelines.lake import MANIFEST, Manifest, layout
from pipelines.place import Place
from pipelines.runtime import MB

logger = logging.getLogger(__name__)

START_SECONDS: Final = 5.0
"""A start tells after so long that the disk gives no answer."""
AGAIN_SECONDS: Final = 60.0
"""It tells so again after so long."""


@dataclass(frozen=True)
class FolderRoom:
    """The room on the disk of a folder, in MB: the lake's, or the one that a refresh works in."""

    name: Literal["lake", "work"]
    free_mb: float
    total_mb: float


@dataclass(frozen=True)
class DiskUsage:
    """The room of the folders against the need of the next refresh, in MB.

    What a refresh that runs, or was killed, has written counts as free: it is given back. The need
    is null where the database is not there. No folder is listed where the system does not tell.
    """

    folders: tuple[FolderRoom, ...]
    copy_mb: float | None
    files_mb: float | None
    needed_mb: float | None
    enough: bool | None


UNKNOWN_DISK: Final = DiskUsage((), None, None, None, None)
"""That of a disk that does not answer."""


def disk_usage(root: Path, database: Place, current: Manifest | None) -> DiskUsage:
    """The room on the disks of a lake; the need follows from its database and current version."""
    needed, folders = lakes.need_of(database, current), _folders(root)
    free = folders[-1].free_mb if folders else None
    return DiskUsage(
        folders=folders,
        copy_mb=_mb(needed.copy) if needed else None,
        files_mb=_mb(needed.files) if needed else None,
        needed_mb=_mb(needed.bytes) if needed else None,
        enough=None if needed is None or free is None else free >= _mb(needed.bytes),
    )


def _folders(root: Path) -> tuple[FolderRoom, ...]:
    try:
        lake, work = lakes.room_of(root), lakes.room_of(layout.versions(root))
        free = work.free + lakes.returned(root)
    except OSError:
        return ()
    return (
        FolderRoom("lake", _mb(lake.free), _mb(lake.total)),
        FolderRoom("work", _mb(free), _mb(work.total)),
    )


def _mb(size: int) -> float:
    return round(size / MB, 1)


# ------------------------------------------------------------------------------------- start


def wait_for_disk(
    root: Path, look: Callable[[Path], None] | None = None,
    seconds: float = START_SECONDS, again: float = AGAIN_SECONDS,
) -> None:  # fmt: skip
    """Return once the disk of a lake answers; log while it does not.

    The look has a thread of its own, so that a signal ends the process that waits for it.
    """
    answered = threading.Event()

    def run() -> None:
        with suppress(OSError):  # which is an answer
            (look or _read_a_little)(root)
        answered.set()

    threading.Thread(target=run, name="lake-start", daemon=True).start()
    waited = 0.0
    while not answered.wait(again if waited else seconds):
        waited += again if waited else seconds
        logger.error(
            "the disk of the lake gives no answer for %g s, and the service starts once it does; "
            "check the disk, or the network that it is on",
            waited,
        )
    if waited:
        logger.info("the disk of the lake answers")


def _read_a_little(root: Path) -> None:
    """Read the first byte of what a start reads."""
    for path in (layout.current(root) / MANIFEST, *layout.service(root).glob("*.jsonl")):
        with suppress(OSError), path.open("rb") as file:
            file.read(1)
