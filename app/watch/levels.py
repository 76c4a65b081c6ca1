"""The levels of memory. A level is in force once memory has been there for a while.

That holds up as well as down: neither a short peak nor a short dip changes what the service does.
"""

from collections import deque
from enum import StrEnum
from typing import Final


class Level(StrEnum):
    """How near memory is to its limit, in rising order."""

    OK = "OK"
    WARNING = "WARNING"
    CRITICAL = "CRITICAL"


LEVELS: Final = tuple(Level)
"""All levels in rising order, so that the place of a level is its number."""


class LevelHold:
    """The level in force: that at which, or beyond which, memory has been for some seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds: Final = seconds
        self._seen: Final[deque[tuple[float, int]]] = deque()
        self.level = Level.OK

    def see(self, at: float, level: Level) -> Level:
        """Take in the level of a sample, and return the level in force after it."""
        self._seen.append((at, LEVELS.index(level)))
        begin = at - self._seconds
        self._forget_before(begin)
        if self._seen[0][0] <= begin:
            self.level = self._held()
        return self.level

    def _forget_before(self, begin: float) -> None:
        """Drop the samples before a time, except the last, which tells the level at that time."""
        while len(self._seen) > 1 and self._seen[1][0] <= begin:
            self._seen.popleft()

    def _held(self) -> Level:
        """The level within the range of the samples that is nearest to the one in force so far.

        Memory that swings between warning and critical is in warning on its way up, and in
        critical on its way down.
        """
        numbers = [number for _, number in self._seen]
        return LEVELS[min(max(LEVELS.index(self.level), min(numbers)), max(numbers))]
