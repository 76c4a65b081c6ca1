"""A check for damage that only the bytes show: all versions are read now and then, bit by bit."""

import logging
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from pipelines import lake
from pipelines.errors import StockRankError
from pipelines.lake import MANIFEST, Damaged, Gone, Lake, damage, marks

logger = logging.getLogger(__name__)

START_SECONDS: Final = 30.0
"""The check waits this long after a start, for the first requests come first."""
PAUSE_SECONDS: Final = 0.005
"""A pause after every megabyte, so that at most 200 MB are read in a second."""
NICE: Final = 19
CLOSE_SECONDS: Final = 5.0


class Stopped(Exception):
    """The service is stopping, so the check ends."""


class DamageCheck:
    """Compares the files of all versions with their hashes, after the start and every few hours.

    It runs in a thread of the lowest priority. Damage is marked in the lake, where the next
    refresh, the lists of versions and `/health` find it.
    """

    def __init__(self, root: Path, hours: float) -> None:
        self._root: Final = root
        self._seconds: Final = hours * 3600
        self._stop: Final = threading.Event()
        self._thread: Final = threading.Thread(target=self._run, name="damage", daemon=True)

    def start(self) -> None:
        """Start to check, in a thread."""
        self._thread.start()

    def close(self) -> None:
        """End the check at once, also in the middle of a file; do not wait for a hanging disk."""
        self._stop.set()
        self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        with suppress(OSError):  # Linux gives each thread a priority of its own
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        wait, known = min(START_SECONDS, self._seconds), ""
        while not self._stop.wait(wait):
            try:
                check(self._root, self._pause)
            except Stopped:
                return
            except (StockRankError, OSError) as error:
                if str(error) != known:
                    logger.warning("the lake cannot be checked for damage: %s", error)
                known = str(error)
            wait = self._seconds

    def _pause(self) -> None:
        if self._stop.wait(PAUSE_SECONDS):
            raise Stopped


def check(root: Path, pause: damage.Pause) -> None:
    """Mark the versions that have a damaged file, the current one first.

    Damage is an alert; that of versions other than the current one is logged as well.
    """
    hashes = damage.Hashes(pause)
    current = lake.current_id(root)
    for version in sorted(lake.version_ids(root), key=lambda v: (v == current, v), reverse=True):
        if marks.known_damage(root, version) is None:
            problems = _problems(root, version, hashes, is_current=version == current)
            if problems and version != current:
                logger.error("version %s is damaged: %s", version, "; ".join(problems))


def _problems(root: Path, version: str, hashes: damage.Hashes, *, is_current: bool) -> list[str]:
    """Return what is damaged; of a version without a manifest to read only if others are served."""
    try:
        return check_version(root, version, hashes.of)
    except StockRankError as error:
        if is_current or isinstance(error, Gone) or not isinstance(error, Damaged):
            logger.warning("version %s is not checked for damage: %s", version, error)
            return []
    problems = [f"its {MANIFEST} cannot be read"]
    marks.note_damage(root, version, problems)
    return problems


def check_version(root: Path, version: str, hashed: damage.Hashed) -> list[str]:
    """Mark a version that has a damaged file; return what is damaged, in a few words each."""
    opened = Lake(root, version, check_files=False)
    problems = list(damage.by_hash(opened.path, opened.manifest, hashed))
    if problems:
        marks.note_damage(root, version, problems)
    return problems
