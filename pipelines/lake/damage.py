"""Damage to the files of a version, found by their size or by their hash."""

import hashlib
import os
from collections.abc import Callable, Iterator
from errno import EIO, EISDIR, ENOTDIR
from pathlib import Path
from typing import Final, NamedTuple

from pipelines.lake.layout import rejects
from pipelines.lake.manifest import Manifest

PIECE: Final = 1 << 20
"""Bytes that are hashed between two pauses."""
MISSING: Final = "is missing"
OTHER_BYTES: Final = "has other bytes than were written"
UNREADABLE: Final = {EIO, EISDIR, ENOTDIR}
"""Errors of the system that show damage; others, such as of permissions, are not the file's."""


Pause = Callable[[], object]
Hashed = Callable[[Path], str]
"""Returns the hash of a file."""


class Expected(NamedTuple):
    """A file that a manifest lists."""

    path: str
    bytes: int | None
    """None where the manifest holds the hash alone."""
    sha256: str


def expected(manifest: Manifest) -> Iterator[Expected]:
    """Return the files of a version: those of its datasets, and their rejected rows."""
    for name, dataset in manifest.datasets.items():
        for file in dataset.files:
            yield Expected(file.path, file.bytes, file.sha256)
        if dataset.rejects_sha256:
            yield Expected(rejects(name), dataset.rejects_bytes, dataset.rejects_sha256)


def by_size(folder: Path, manifest: Manifest) -> Iterator[str]:
    """Return each file that is missing or of another size, in a few words."""
    for file in expected(manifest):
        try:
            size = os.stat(f"{folder}/{file.path}").st_size  # noqa: PTH116 - half the time of Path
        except OSError as error:
            yield f"{file.path} {_shown_by(error)}"
        else:
            if file.bytes not in (None, size):
                yield f"{file.path} {OTHER_BYTES}"


def by_hash(folder: Path, manifest: Manifest, hashed: Hashed) -> Iterator[str]:
    """Return each file that is missing or has other bytes, in a few words."""
    for file in expected(manifest):
        if problem := of_file(folder / file.path, file.sha256, hashed):
            yield f"{file.path} {problem}"


def of_file(path: Path, sha256: str, hashed: Hashed) -> str | None:
    """Return the damage of a file in a few words, None if it has the expected hash."""
    try:
        return None if hashed(path) == sha256 else OTHER_BYTES
    except OSError as error:
        return _shown_by(error)


def _shown_by(error: OSError) -> str:
    """Return the damage that an error shows, in a few words; raise an error that shows none."""
    if isinstance(error, FileNotFoundError):
        return MISSING
    if error.errno in UNREADABLE:
        return f"cannot be read: {error.strerror}"
    raise error


def hashed(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Hashes:
    """SHA-256 of files. A file that several versions link is read once.

    `pause` is called after every piece, so that others get at the disk and the processor.
    """

    def __init__(self, pause: Pause) -> None:
        self._pause: Final = pause
        self._known: Final[dict[tuple[int, int], str]] = {}

    def of(self, path: Path) -> str:
        """Return the hash of a file."""
        stat = path.stat()
        place = stat.st_dev, stat.st_ino
        if place not in self._known:
            self._known[place] = self._read(path)
        return self._known[place]

    def _read(self, path: Path) -> str:
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                digest.update(piece)
                self._pause()
        return digest.hexdigest()
