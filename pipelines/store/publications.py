"""The publications of a store: numbers that only grow, each with the version that it published.

```
publications/00000042       a version and its packs; the highest number is the current one
manifests/VERSION.json      the manifest of a version
states/VERSION              its source.state, where that is small
files/ab/abcd…              a file by its SHA-256, or a pack; any number of versions have it
```

No object is ever changed, so no reader sees half of anything: whoever publishes creates the next
number, and a store lets only one create it. A roll-back is one more publication.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import msgspec

from pipelines.errors import RemoteError
from pipelines.lake import Manifest, layout, parse
from pipelines.store.bucket import Bucket, Entry
from pipelines.store.packs import Packs

PREFIX: Final = "publications"
TRIES: Final = 100
"""How many numbers are tried while others publish."""


@dataclass(frozen=True)
class Publication:
    """A number, and the version that is current from then on."""

    number: int
    version: str
    at: datetime
    packs: Packs = field(default_factory=dict)
    """Where the small files of the version lie."""


@dataclass(frozen=True)
class _Content:
    """What the object of a publication says."""

    version: str
    packs: Packs = field(default_factory=dict)


def publications(bucket: Bucket) -> list[Publication]:
    """Return all publications, oldest first."""
    return [_read(bucket, entry) for entry in _entries(bucket)]


def newest(bucket: Bucket) -> Publication | None:
    """Return the current publication, None if there is none."""
    entries = _entries(bucket)
    return _read(bucket, entries[-1]) if entries else None


def publish(
    bucket: Bucket, version: str, packs: Packs | None = None, *, after: int | None = None
) -> Publication:
    """Make a version that is in the store the current one, under the next number.

    With `after`, the number that was the newest when the caller looked, `RemoteError` if another
    version was published since.
    """
    content = _Content(version, packs or {})
    entries = _entries(bucket)
    number = _number(entries[-1]) if entries else 0
    for _ in range(TRIES):
        if after not in (None, number):
            return _of_others(bucket, version)
        number += 1
        if bucket.create(publication_name(number), msgspec.json.encode(content)):
            return Publication(number, version, datetime.now(UTC), content.packs)
    raise RemoteError(f"{bucket}: others have published {TRIES} times meanwhile; try again")


def unseen(bucket: Bucket, last: Publication) -> RemoteError:
    """Return the error of a publication that would be undone by one who does not know of it."""
    return RemoteError(
        f"{bucket} has publication {last.number}, version {last.version}, which this lake has "
        "not seen; pull it first, or publish over it with --force"
    )


def manifest_of(bucket: Bucket, version: str) -> Manifest:
    """Return the manifest of a version in the store."""
    return parsed(bucket, version, bucket.get(manifest_name(version)))


def parsed(bucket: Bucket, version: str, content: bytes) -> Manifest:
    """Return the manifest in the bytes of a store; `RemoteError` if they are none."""
    try:
        return parse(content)
    except ValueError as error:
        raise RemoteError(
            f"{bucket}: manifest {version} cannot be read by this release ({error}); "
            "install the release that wrote it"
        ) from None


def publication_name(number: int) -> str:
    """Return the name of a publication."""
    return f"{PREFIX}/{number:08}"


def manifest_name(version: str) -> str:
    """Return the name of a version's manifest."""
    return f"manifests/{version}.json"


def state_name(version: str) -> str:
    """Return the name of the state of the database that a version was made from."""
    return f"states/{version}"


def file_name(sha256: str) -> str:
    """Return the name of a file, by its hash."""
    return f"files/{sha256[:2]}/{sha256}"


def _of_others(bucket: Bucket, version: str) -> Publication:
    """Return what was published meanwhile if it is the same version; else raise its error."""
    last = _read(bucket, _entries(bucket)[-1])
    if last.version == version:  # such as by a request whose answer was lost on its way
        return last
    raise unseen(bucket, last)


def _entries(bucket: Bucket) -> list[Entry]:
    return [entry for entry in bucket.names(PREFIX) if _base(entry).isdecimal()]


def _base(entry: Entry) -> str:
    return entry.name.rpartition("/")[2]


def _number(entry: Entry) -> int:
    return int(_base(entry))


def _read(bucket: Bucket, entry: Entry) -> Publication:
    content = bucket.get(entry.name)
    with suppress(msgspec.MsgspecError):
        said = _said(content)
        if layout.VERSION_ID.fullmatch(said.version):
            return Publication(_number(entry), said.version, entry.modified, said.packs)
    shown = content[:40].decode(errors="replace")
    raise RemoteError(f"{bucket}: {entry.name} names no version, but {shown!r}")


def _said(content: bytes) -> _Content:
    """Return what a publication says; one without packs may be an id alone."""
    if layout.VERSION_ID.fullmatch(alone := content.decode(errors="replace")):
        return _Content(alone)
    return msgspec.json.decode(content, type=_Content)
