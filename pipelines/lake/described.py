"""The manifest of a version as it lies in its folder, and the errors of one that cannot be read."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from pipelines.errors import LakeError
from pipelines.fingerprint import Fingerprint
from pipelines.lake import damage, layout
from pipelines.lake.layout import MANIFEST
from pipelines.lake.manifest import (
    SCHEMA_VERSION,
    Manifest,
    UnknownKey,
    layout_of,
    parse,
    source_in,
)

REPAIR: Final = (
    "run python -m pipelines.export, or publish another with python -m pipelines.versions rollback"
)
"""The remedies for a version that is damaged."""


class Damaged(LakeError):
    """The files of a version are not as they were written."""


class Gone(Damaged):
    """The folder of a version is missing, or has no manifest."""


class OtherLayout(LakeError):
    """A version was written by a release with another layout, or with keys that are not known."""

    def __init__(self, version: str, has: str) -> None:
        self.problem = f"version {version} has {has}"
        super().__init__(f"{self.problem}; run python -m pipelines.export --full")


def manifest_of(root: Path, version: str) -> Manifest:
    """Return the manifest of a version; `Damaged` or `OtherLayout` if it cannot be read."""
    return manifest_in(layout.version(root, version))


def source_of(root: Path, version: str) -> Fingerprint:
    """Return the fingerprint of the database that a version was made from, whatever its layout."""
    path = layout.version(root, version)
    with suppress(ValueError, FileNotFoundError), told(path):
        return source_in((path / MANIFEST).read_bytes())
    raise unreadable(path)


def manifest_in(path: Path) -> Manifest:
    """Return the manifest in the folder of a version; the same errors."""
    with suppress(ValueError, FileNotFoundError), told(path):
        raw = (path / MANIFEST).read_bytes()
        if (written := layout_of(raw)) not in (None, SCHEMA_VERSION):
            raise OtherLayout(path.name, f"layout {written}, this release reads {SCHEMA_VERSION}")
        return _parsed(path.name, raw)
    raise unreadable(path)


def _parsed(version: str, raw: bytes) -> Manifest:
    try:
        return parse(raw)
    except UnknownKey as error:
        newer = f"a newer release ({error.release or 'unknown'})"
        has = f"the key {error}, which this release does not know; {newer} wrote it"
        raise OtherLayout(version, has) from None


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Raise `Damaged` or `LakeError` where a manifest is there, but the system does not read it."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno in damage.UNREADABLE:
            raise unreadable(path) from None
        raise LakeError(f"cannot read {path / MANIFEST}: {error.strerror}") from None


def unreadable(path: Path) -> Damaged:
    """Return the error of a manifest that cannot be read."""
    return Damaged(f"the {MANIFEST} of version {path.name} is damaged; {REPAIR}")


def has_other_layout(root: Path, version: str) -> bool:
    """Return True if another release wrote a version; False if its manifest is damaged."""
    try:
        manifest_of(root, version)
    except OtherLayout:
        return True
    except Damaged:
        return False
    return False
