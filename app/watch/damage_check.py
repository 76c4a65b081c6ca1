"""A check for damage that only the bytes show: all versions are read daily, bit by bit."""

import logging
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from pipelines import lake
from pipelines.errors import StockRankError
from pipelines.lake import Lake, damage, marks

logger = logging.getLogger(__name__)

START_SECONDS: Final = 30.0
"""The check waits this long after a start, for the first requests come first."""
DAY_SECONDS: Final = 86_400.0
PAUSE_SECONDS: Final = 0.005
"""A pause after every megabyte, so that at most 200 MB are read in a second."""
NICE: Final = 19


class Stopped(Exception):
    """The service is stopping, so the check ends."""


class DamageCheck:
    """Compares the files of all versions with their hashes, after the start and daily.

    It runs in a thread of the lowest priority. Damage is marked in the lake, where the next
    refresh, the lists of versions and `/health` find it.
    """

    def __init__(self, root: Path) -> None:
        self._root: Final = root
        self._stop: Final = threading.Event()
        self._thread: Final = threading.Thread(target=self._run, name="damage", daemon=True)

    def start(self) -> None:
        """Start to check, in a thread."""
        self._thread.start()

    def close(self) -> None:
        """End the check at once, also in the middle of a file."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with suppress(OSError):  # Linux gives each thread a priority of its own
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        wait = START_SECONDS
        while not self._stop.wait(wait):
            try:
                check(self._root, self._pause)
            except Stopped:
                return
            except (StockRankError, OSError) as error:
                logger.warning("the lake cannot be checked for damage: %s", error)
            wait = DAY_SECONDS

    def _pause(self) -> None:
        if self._stop.wait(PAUSE_SECONDS):
            raise Stopped


def check(root: Path, pause: damage.Pause) -> None:
    """Mark the versions that have a damaged file, the current one first."""
    hashes = damage.Hashes(pause)
    current = lake.current_id(root)
    for version in sorted(lake.version_ids(root), key=lambda v: (v == current, v), reverse=True):
        if marks.known_damage(root, version) is None:
            _check_version(root, version, hashes)


def _check_version(root: Path, version: str, hashes: damage.Hashes) -> None:
    try:
        opened = Lake(root, version, check_files=False)
    except StockRankError as error:
        logger.warning("version %s is not checked for damage: %s", version, error)
        return
    if problems := list(damage.by_hash(opened.path, opened.manifest, hashes.of)):
        logger.error("version %s is damaged: %s", version, "; ".join(problems))
        marks.note_damage(root, version, problems)
