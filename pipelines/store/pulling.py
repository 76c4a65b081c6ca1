"""Pulling: the version that a store has published is fetched, and becomes current here."""

import shutil
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path

from pipelines import lake
from pipelines.bars import Progress, silent
from pipelines.errors import EmptyStore, LakeError, RemoteError
from pipelines.lake import Lake, current_id, damage, layout, marks, version_ids
from pipelines.store.bucket import Bucket
from pipelines.store.packs import Part, packed
from pipelines.store.publications import (
    Publication,
    file_name,
    manifest_name,
    manifest_of,
    newest,
    parsed,
    state_name,
)
from pipelines.store.pushing import AT_A_TIME
from pipelines.store.seen import Seen, note, unknown


@dataclass(frozen=True)
class Pulled:
    """A publication, and what was fetched for it; nothing if it is the one that is here."""

    publication: Publication
    files: int = 0
    bytes: int = 0


def pull(
    root: Path, bucket: Bucket, *, keep: int = 5, force: bool = False, progress: Progress = silent
) -> Pulled:
    """Make the published version of a store the current one here; readers see all of it or none.

    Files that a version here has are linked; every file is held against its hash. `RemoteError` if
    nothing is published, or the current version here was never pushed: `force` publishes over it.
    A version that was rolled back here stays so until the store has a newer publication.
    """
    published, seen = newest(bucket), Seen.of(root, bucket.url)
    if published is None:
        raise EmptyStore(f"{bucket} has no publication; run python -m pipelines.remote push")
    if published.number == seen.number and not force and _is_whole(root, current_id(root)):
        return Pulled(published)
    with lake.disk_errors(root), lake.writing(root):
        after = current_id(root)
        if not force and (own := unknown(seen, [after])):
            raise RemoteError(
                f"version {own[0]} of {root} was never pushed to {bucket}; push it, name another "
                "--lake, or publish over it with --force"
            )
        sizes = _fetched(root, bucket, published, after, progress)
        note(root, bucket.url, published.number, published.version)
        lake.prune(root, keep=keep)
    return Pulled(published, len(sizes), sum(sizes))


def _is_whole(root: Path, version: str | None) -> bool:
    """Return True if a version has all its files, and no damage is known of it."""
    if version is None or marks.known_damage(root, version):
        return False
    with suppress(LakeError):
        return Lake(root, version).version == version
    return False


def _fetched(
    root: Path, bucket: Bucket, published: Publication, after: str | None, progress: Progress
) -> list[int]:
    """Make a version of a store the current one; return the sizes of the files that it sent."""
    version = published.version
    if version in version_ids(root):
        sizes = _healed(root, bucket, published, progress)
        lake.point_to(root, version)
        return sizes
    staged = layout.partial(root, version)
    staged.mkdir(parents=True)
    try:
        sizes = _staged(root, bucket, published, staged, progress)
        lake.publish(root, staged, version, after=after)
        if after and version < after:  # the store has rolled back
            marks.withdraw(root, after)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return sizes


def _staged(
    root: Path, bucket: Bucket, published: Publication, staged: Path, progress: Progress
) -> list[int]:
    """Make the folder of a version from what is here and what the store has."""
    version = published.version
    described = bucket.get(manifest_name(version))
    files = list(damage.expected(parsed(bucket, version, described)))
    here = _here(root)
    missing = [file for file in files if not _linked(here.get(file.sha256), staged, file)]
    sizes = _fetch(bucket, published, staged, missing, progress)
    if state := bucket.find(state_name(version)):
        (staged / layout.STATE).write_bytes(state)
        sizes.append(len(state))
    (staged / layout.MANIFEST).write_bytes(described)
    return [*sizes, len(described)]


def _here(root: Path) -> dict[str, Path]:
    """Return the files of the versions of a lake by their hash, as their manifests have it."""
    found: dict[str, Path] = {}
    for version in version_ids(root):
        with suppress(LakeError):
            folder = layout.version(root, version)
            files = damage.expected(lake.manifest_of(root, version))
            found.update((file.sha256, folder / file.path) for file in files)
    return found


def _linked(source: Path | None, staged: Path, file: damage.Expected) -> bool:
    """Link a file that is here into a version; return False if there is none that is whole."""
    if source is None or damage.of_file(source, file.sha256, damage.hashed):
        return False
    lake.link(source, staged / file.path)
    return True


def _fetch(
    bucket: Bucket,
    published: Publication,
    folder: Path,
    files: Iterable[damage.Expected],
    progress: Progress,
) -> list[int]:
    """Write files of a store into a folder; return their sizes."""
    wanted, sizes, lie_in = list(files), [], packed(published.packs)
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for size in pool.map(partial(_fetch_file, bucket, lie_in, folder), wanted):
            sizes.append(size)
            progress("files fetched", len(sizes), len(wanted))
    return sizes


def _fetch_file(
    bucket: Bucket, lie_in: Mapping[str, tuple[str, Part]], folder: Path, file: damage.Expected
) -> int:
    content = _content(bucket, lie_in.get(file.sha256), file)
    if sha256(content).hexdigest() != file.sha256:
        raise RemoteError(
            f"{bucket}: {file.path} {damage.OTHER_BYTES}; nothing was published here; where it was "
            "pushed, run python -m pipelines.remote push --force"
        )
    path = folder / file.path
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.partial")
    fresh.write_bytes(content)
    fresh.replace(path)
    return len(content)


def _content(bucket: Bucket, at: tuple[str, Part] | None, file: damage.Expected) -> bytes:
    """Return what a store has as a file, which may lie in a pack."""
    if at:
        pack, part = at
        return bucket.part(file_name(pack), part.start, part.bytes)
    name = file_name(file.sha256)
    return bucket.get(name) if file.bytes is None else bucket.part(name, 0, file.bytes)


def _healed(root: Path, bucket: Bucket, published: Publication, progress: Progress) -> list[int]:
    """Fetch the files of a version that is here which are not as they were written."""
    version = published.version
    folder = layout.version(root, version)
    bad = [
        file
        for file in damage.expected(manifest_of(bucket, version))
        if damage.of_file(folder / file.path, file.sha256, damage.hashed)
    ]
    sizes = _fetch(bucket, published, folder, bad, progress)
    marks.note_damage(root, version, [])
    return sizes
