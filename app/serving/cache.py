"""A cache of computed frames and written answers, limited by their bytes."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from cachetools import LRUCache

V = TypeVar("V")

BYTES: Final = 64_000_000
ENTRY: Final = 3_000
"""Bytes that an entry takes besides its value, roughly: its key, headers, table slots."""


@dataclass(frozen=True)
class Sized(Generic[V]):
    """A value and the bytes that it takes."""

    value: V
    size: int


class Cache:
    """The most recently used values, up to a number of bytes; used by the event loop alone."""

    def __init__(self, max_bytes: int = BYTES) -> None:
        self._values: LRUCache[Hashable, Sized[Any]] = LRUCache(max_bytes, getsizeof=_size)
        self.hits = 0
        self.misses = 0

    def __contains__(self, key: Hashable) -> bool:
        return key in self._values

    def get(self, key: Hashable) -> Any:
        """Return the value of a key; None if it is not cached."""
        found = self._values.get(key)
        if found is None:
            self.misses += 1
            return None
        self.hits += 1
        return found.value

    def put(self, key: Hashable, value: object, size: int) -> None:
        """Cache a value in place of the least recently used; skip one above the whole limit."""
        if size + ENTRY <= self._values.maxsize:
            self._values[key] = Sized(value, size)

    def stats(self) -> dict[str, int]:
        """Return hits, misses, entries, and the bytes of the values."""
        entries = len(self._values)
        return {
            "hits": self.hits,
            "misses": self.misses,
            "entries": entries,
            "bytes": int(self._values.currsize) - ENTRY * entries,
        }

    def invalidate(self) -> int:
        """Empty the cache; return the number of values removed."""
        count = len(self._values)
        self._values.clear()
        return count

    def clear(self) -> int:
        """Empty the cache and set the counts to 0; return the number of values removed."""
        self.hits = self.misses = 0
        return self.invalidate()


def _size(entry: Sized[Any]) -> int:
    return entry.size + ENTRY
