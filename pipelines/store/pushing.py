"""Pushing: the current version of a lake is sent to a store, and published there."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Final

from pipelines.bars import Progress, silent
from pipelines.errors import RemoteError
from pipelines.lake import Damaged, Lake, damage, disk_errors, layout
from pipelines.store.bucket import Bucket
from pipelines.store.publications import (
    Publication,
    file_name,
    manifest_name,
    manifest_of,
    newest,
    publish,
    state_name,
)
from pipelines.store.seen import Seen, note

AT_A_TIME: Final = 8
"""How many files are transferred at a time."""


@dataclass(frozen=True)
class Pushed:
    """A publication, and what was sent for it; nothing if it was published already."""

    publication: Publication
    files: int = 0
    bytes: int = 0


def push(root: Path, bucket: Bucket, *, force: bool = False, progress: Progress = silent) -> Pushed:
    """Publish the current version of a lake in a store; files that are there are not sent again.

    `RemoteError` if the store has a publication that this lake has not seen: it would be undone.
    `force` publishes all the same. `Damaged` if a file here is not as it was written. If this is
    cut off, the store is as before, and has some files more.
    """
    lake = Lake(root)
    seen, last = Seen.of(root, bucket.url), newest(bucket)
    if last and last.version == lake.version:
        _note(root, bucket, last)
        return Pushed(last)
    if last and last.number != seen.number and not force:
        raise RemoteError(
            f"{bucket} has publication {last.number}, version {last.version}, which this lake has "
            "not seen; pull it first, or publish over it with --force"
        )
    sent = _send(lake, bucket, _present(bucket, last), progress)
    published = publish(bucket, lake.version)
    _note(root, bucket, published)
    return Pushed(published, len(sent), sum(sent))


def _note(root: Path, bucket: Bucket, published: Publication) -> None:
    with disk_errors(root):
        note(root, bucket.url, published.number, published.version)


def _present(bucket: Bucket, last: Publication | None) -> set[str]:
    """Return the hashes of the files that the current version of the store has.

    Others may be there, but `collect` may be about to delete them.
    """
    if last is None:
        return set()
    return {file.sha256 for file in damage.expected(manifest_of(bucket, last.version))}


def _send(lake: Lake, bucket: Bucket, present: set[str], progress: Progress) -> list[int]:
    """Send the files that are not there, then what describes them; return their sizes."""
    expected = {file.sha256: file.path for file in damage.expected(lake.manifest)}
    missing = [(path, digest) for digest, path in expected.items() if digest not in present]
    sizes = []
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for size in pool.map(partial(_send_file, lake.path, bucket), missing):
            sizes.append(size)
            progress("files sent", len(sizes), len(missing))
    for name, path in _described(lake):
        content = path.read_bytes()
        bucket.put(name, content)
        sizes.append(len(content))
    return sizes


def _send_file(folder: Path, bucket: Bucket, file: tuple[str, str]) -> int:
    path, digest = file
    content = (folder / path).read_bytes()
    if sha256(content).hexdigest() != digest:
        raise Damaged(
            f"version {folder.name} is damaged: {path} {damage.OTHER_BYTES}; nothing was published"
        )
    bucket.put(file_name(digest), content)
    return len(content)


def _described(lake: Lake) -> Iterator[tuple[str, Path]]:
    """Return name and path of what describes a version, the manifest last."""
    state = lake.path / layout.STATE
    if state.exists():
        yield state_name(lake.version), state
    yield manifest_name(lake.version), lake.path / layout.MANIFEST
