"""Pushing: the current version of a lake is sent to a store, and published there."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Final

from pipelines.bars import Progress, silent
from pipelines.lake import Damaged, Lake, damage, disk_errors, layout
from pipelines.store.bucket import Bucket
from pipelines.store.packs import Local, Pack, Packs, loads, named_again, packed
from pipelines.store.publications import (
    Publication,
    file_name,
    manifest_name,
    manifest_of,
    newest,
    publish,
    state_name,
    unseen,
)
from pipelines.store.seen import Seen, note

AT_A_TIME: Final = 8
"""How many files are transferred at a time."""
LARGEST_STATE: Final = 64 << 10
"""Bytes of the state of a database above which it is not sent.

It spares whoever goes on from a pulled version to read everything once. That of a large SQLite file
has a hash for each of its pages, which is a tenth of what a day sends.
"""


@dataclass(frozen=True)
class Pushed:
    """A publication, and what was sent before it; nothing if it was published already."""

    publication: Publication
    objects: int = 0
    bytes: int = 0


def push(root: Path, bucket: Bucket, *, force: bool = False, progress: Progress = silent) -> Pushed:
    """Publish the current version of a lake in a store; files that are there are not sent again.

    `RemoteError` if the store has a publication that this lake has not seen, also one that is made
    meanwhile: it would be undone. `force` publishes all the same, and sends every file. `Damaged`
    if a file here is not as it was written. If this is cut off, the store is as before, and has
    some files more.
    """
    lake = Lake(root)
    seen, last = Seen.of(root, bucket.url), newest(bucket)
    if last and last.version == lake.version and not force:
        _note(root, bucket, last)
        return Pushed(last)
    if last and last.number != seen.number and not force:
        raise unseen(bucket, last)
    packs, sizes = _send(lake, bucket, None if force else last, progress)
    after = last.number if last else 0
    published = publish(bucket, lake.version, packs, after=None if force else after)
    _note(root, bucket, published)
    return Pushed(published, len(sizes), sum(sizes))


def _note(root: Path, bucket: Bucket, published: Publication) -> None:
    with disk_errors(root):
        note(root, bucket.url, published.number, published.version)


def _send(
    lake: Lake, bucket: Bucket, last: Publication | None, progress: Progress
) -> tuple[Packs, list[int]]:
    """Send what is not there, then what describes it; return all packs, and the sizes sent."""
    files = {file.sha256: file.path for file in damage.expected(lake.manifest)}
    before = last.packs if last else {}
    packs = named_again(before, files.keys())
    missing = files.keys() - (_alone(bucket, last) | packed(packs).keys())
    groups: list[list[Local]] = []
    for some in (missing - packed(before).keys(), missing & packed(before).keys()):
        groups += loads(_local(lake, files, some))
    sizes = []
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for name, pack in pool.map(partial(_send_load, lake.path, bucket), groups):
            if len(pack.parts) > 1:
                packs[name] = pack
            sizes.append(pack.bytes)
            progress("files sent", len(sizes), len(groups))
    for described, path in _described(lake):
        content = path.read_bytes()
        bucket.put(described, content)
        sizes.append(len(content))
    return packs, sizes


def _local(lake: Lake, files: Mapping[str, str], hashes: AbstractSet[str]) -> Iterator[Local]:
    """Return those of some files that have one of some hashes."""
    for digest, path in files.items():
        if digest in hashes:
            yield Local(path, digest, (lake.path / path).stat().st_size)


def _alone(bucket: Bucket, last: Publication | None) -> set[str]:
    """Return the hashes of the files that the current version of the store has outside of packs.

    Others may be there, but `collect` may be about to delete them.
    """
    if last is None:
        return set()
    files = {file.sha256 for file in damage.expected(manifest_of(bucket, last.version))}
    return files - packed(last.packs).keys()


def _send_load(folder: Path, bucket: Bucket, files: list[Local]) -> tuple[str, Pack]:
    """Send files as one object; return the hash of its bytes, and where each file lies in it."""
    contents = {file.sha256: _read(folder, file) for file in files}
    whole = b"".join(contents.values())
    name = sha256(whole).hexdigest()
    bucket.put(file_name(name), whole)
    return name, Pack.of({file: len(content) for file, content in contents.items()})


def _read(folder: Path, file: Local) -> bytes:
    """Return the bytes of a file; `Damaged` if they are others than were written."""
    content = (folder / file.path).read_bytes()
    if sha256(content).hexdigest() != file.sha256:
        raise Damaged(
            f"version {folder.name} is damaged: {file.path} {damage.OTHER_BYTES}; "
            "nothing was published"
        )
    return content


def _described(lake: Lake) -> Iterator[tuple[str, Path]]:
    """Return name and path of what describes a version, the manifest last."""
    state = lake.path / layout.STATE
    if state.exists() and state.stat().st_size <= LARGEST_STATE:
        yield state_name(lake.version), state
    yield manifest_name(lake.version), lake.path / layout.MANIFEST
