"""Collection: publications, versions and files of a store that nobody needs any more.

Kept are the newest publications and those that were current within the grace, with all that their
versions have, also in packs. Of the rest, only what is older than the grace goes: something younger
may belong to a push that has not yet published.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pipelines.errors import RemoteError
from pipelines.lake import Manifest, damage
from pipelines.store.bucket import Bucket
from pipelines.store.packs import packed
from pipelines.store.publications import (
    Publication,
    file_name,
    manifest_name,
    manifest_of,
    publication_name,
    publications,
    state_name,
)


@dataclass(frozen=True)
class Collected:
    """What was deleted from a store."""

    publications: int
    objects: int
    bytes: int


def collect(
    bucket: Bucket, *, keep: int, grace: timedelta, now: datetime | None = None
) -> Collected:
    """Delete what the newest `keep` publications and those of the grace do not need.

    `RemoteError` if a manifest that is kept cannot be read; nothing is deleted then. Numbers are
    never given again, for the newest publication stays.
    """
    if keep < 1:
        raise RemoteError(f"keep {keep} would leave nothing; the least is 1")
    before = (now or datetime.now(UTC)) - grace
    everything = publications(bucket)
    newest = everything[-keep:]
    kept = [
        publication
        for publication, after in zip(everything, [*everything[1:], None], strict=True)
        if publication in newest or after is None or after.at >= before
    ]
    needed = set(_names(bucket, kept))
    gone = [publication for publication in everything if publication not in kept]
    unneeded = [
        entry
        for prefix in ("manifests", "states", "files")
        for entry in bucket.names(prefix)
        if entry.name not in needed and entry.modified < before
    ]
    bucket.delete(publication_name(publication.number) for publication in gone)
    bucket.delete(entry.name for entry in unneeded)
    return Collected(len(gone), len(unneeded), sum(entry.bytes for entry in unneeded))


def _names(bucket: Bucket, kept: Iterable[Publication]) -> Iterator[str]:
    """Return the names of all objects that some publications need."""
    manifests: dict[str, Manifest] = {}
    for publication in kept:
        version, lie_in = publication.version, packed(publication.packs)
        if version not in manifests:
            manifests[version] = manifest_of(bucket, version)
        yield from (manifest_name(version), state_name(version))
        for file in damage.expected(manifests[version]):
            pack = lie_in.get(file.sha256)
            yield file_name(pack[0] if pack else file.sha256)
