"""Packs: small files of a version that lie one after the other in one object of a store.

A day changes many small files, and each object costs a request. So those that a push sends go
together. A publication names the packs that its version needs, and where in them each file lies; a
pack stays while a publication names it. One of which a version needs less than half is not named
again, so that a store never has much that nobody needs. What the version needs of it is sent again,
apart from what is new: what has stayed for a day will stay, and what has changed will change.
"""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Final, NamedTuple

SMALL: Final = 1 << 20
"""Bytes below which a file goes into a pack."""
LARGEST: Final = 32 << 20
"""Most bytes of a pack."""


class Part(NamedTuple):
    """Where in a pack a file lies."""

    start: int
    bytes: int


@dataclass(frozen=True)
class Pack:
    """The files of a pack that a version needs, by their SHA-256, and the bytes of all it has."""

    bytes: int
    parts: Mapping[str, Part]

    @classmethod
    def of(cls, sizes: Mapping[str, int]) -> "Pack":
        """Return the pack of some files, each with its bytes, in their order."""
        starts = accumulate(sizes.values(), initial=0)
        parts = {file: Part(start, sizes[file]) for file, start in zip(sizes, starts, strict=False)}
        return cls(sum(sizes.values()), parts)


Packs = Mapping[str, Pack]
"""Packs by the SHA-256 of their bytes."""


class Local(NamedTuple):
    """A file here that is to be sent."""

    path: str
    sha256: str
    bytes: int


def loads(files: Iterable[Local]) -> Iterator[list[Local]]:
    """Return which files are sent as one object: a large one alone, small ones together."""
    together: list[Local] = []
    for file in files:
        if file.bytes >= SMALL:
            yield [file]
            continue
        if sum(one.bytes for one in together) + file.bytes > LARGEST:
            yield together
            together = []
        together.append(file)
    if together:
        yield together


def packed(packs: Packs) -> dict[str, tuple[str, Part]]:
    """Return the files that lie in some packs: the pack of each, and where it lies."""
    return {file: (name, part) for name, pack in packs.items() for file, part in pack.parts.items()}


def named_again(packs: Packs, needed: AbstractSet[str]) -> dict[str, Pack]:
    """Return those of some packs that the next version names, with the files that it needs."""
    left = {
        name: replace(pack, parts={file: at for file, at in pack.parts.items() if file in needed})
        for name, pack in packs.items()
    }
    return {name: pack for name, pack in left.items() if 2 * _needed(pack) >= pack.bytes}


def _needed(pack: Pack) -> int:
    return sum(part.bytes for part in pack.parts.values())
