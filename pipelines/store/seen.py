"""The note in a lake of what it has in common with a store: a number, and the versions."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

import msgspec

from pipelines.errors import RemoteError
from pipelines.lake import layout, version_ids


@dataclass(frozen=True)
class Seen:
    """The newest publication of a store that was pushed or pulled, and the versions that were."""

    url: str
    number: int = 0
    versions: tuple[str, ...] = ()

    @classmethod
    def of(cls, root: Path, url: str) -> Self:
        """Return the note of a lake about a store; an empty one if there is none about it."""
        path = layout.remote(root)
        try:
            noted = msgspec.json.decode(path.read_bytes(), type=cls)
        except FileNotFoundError:
            return cls(url)
        except msgspec.MsgspecError:
            raise RemoteError(f"{path} cannot be read; delete it, then use --force") from None
        return noted if noted.url == url else cls(url)

    def with_(self, number: int, version: str, root: Path) -> Self:
        """Return the note after a publication, without versions that the lake no longer has."""
        there = {*version_ids(root)}
        versions = tuple(v for v in dict.fromkeys((*self.versions, version)) if v in there)
        return replace(self, number=number, versions=versions)

    def write(self, root: Path) -> None:
        """Write the note in one step."""
        path = layout.remote(root)
        fresh = path.with_name(f"{path.name}.partial")
        fresh.write_text(json.dumps(asdict(self)) + "\n")
        fresh.replace(path)


def note(root: Path, url: str, number: int, version: str) -> None:
    """Write down that a lake has what a publication of a store has."""
    Seen.of(root, url).with_(number, version, root).write(root)


def unknown(seen: Seen, versions: Iterable[str | None]) -> list[str]:
    """Return those of some versions that were neither pushed nor pulled."""
    return [version for version in versions if version and version not in seen.versions]
