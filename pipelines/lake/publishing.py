"""Publishing: one writer of the lake, and one lock for the moment in which `current` moves.

A refresh holds the writer's lock from its start to its end. The pointer's lock, that of `current`,
is held for a moment only, to publish, roll back, prune or sweep; so a roll-back need not wait for a
refresh. Under that lock, everything that was checked before is checked again.
"""

import fcntl
import logging
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from pipelines.errors import LakeError, Locked, NothingPublished, PointerLocked
from pipelines.lake import kept, layout, marks
from pipelines.lake.described import Damaged
from pipelines.lake.layout import MANIFEST, check_name, current_id, version_ids
from pipelines.lake.manifest import Manifest, text
from pipelines.lake.version import Lake

logger = logging.getLogger(__name__)

SYNCING: Final = 8
"""How many files are flushed to the disk at a time: several take little longer than one."""
POINTER_SECONDS: Final = 30.0
"""The longest wait for the pointer's lock, which is held for a rename and a flush."""
PAUSE_SECONDS: Final = 0.01

# ------------------------------------------------------------------------------------- locks


@contextmanager
def writing(root: Path) -> Iterator[None]:
    """Hold the writer's lock; `Locked` names the process that has it. A process that dies loses it.

    What a killed refresh left is removed first.
    """
    check_name(root)
    layout.versions(root).mkdir(parents=True, exist_ok=True)
    with layout.writer_lock(root).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise Locked(root, file.read().strip() or "another process") from None
        file.truncate(0)
        file.write(f"process {os.getpid()} since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC")
        file.flush()
        sweep(root)
        yield
        file.truncate(0)


@contextmanager
def pointing(root: Path) -> Iterator[None]:
    """Hold the pointer's lock, to move `current` or delete versions; wait for it if need be.

    `PointerLocked` after `POINTER_SECONDS`; `LakeError` in place of an error of the disk.
    """
    try:
        with layout.pointer_lock(root).open("a") as file:
            _lock(root, file.fileno())
            yield
    except OSError as error:
        raise LakeError(f"cannot write {error.filename or root}: {error.strerror}") from error


def _lock(root: Path, handle: int) -> None:
    end = monotonic() + POINTER_SECONDS
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if monotonic() > end:
                raise PointerLocked(root, POINTER_SECONDS) from None
        sleep(PAUSE_SECONDS)


def clean(root: Path) -> None:
    """Remove what a killed run left, unless another process writes, which has removed it."""
    if any(layout.leftovers(root)) or any(layout.leftover_scratch(root)):
        with suppress(Locked), writing(root):
            pass


def sweep(root: Path) -> None:
    """Remove what killed runs left: versions half written or deleted, spare links and copies."""
    for folder in layout.leftovers(root):
        _remove(folder)
    with pointing(root):
        for link in layout.leftover_links(root):
            link.unlink()
        for folder in layout.leftover_scratch(root):
            if not _is_in_use(folder):
                _remove(folder)


def _is_in_use(folder: Path) -> bool:
    """Return True if a process that runs holds the lock of a folder for a short time."""
    with suppress(FileNotFoundError), layout.scratch_lock(folder).open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


# ----------------------------------------------------------------------------------- publish


def publish(root: Path, staged: Path, version: str, *, after: str | None) -> None:
    """Make a staged folder the current version; readers see all of it or none.

    `LakeError` if the current version is no longer `after`, from which the new one was made.
    """
    _refuse_moved(root, after)
    with ThreadPoolExecutor(SYNCING) as pool:
        list(pool.map(_sync, (*staged.rglob("*"), staged)))
    with pointing(root):
        _refuse_moved(root, after)
        complete = staged.rename(layout.version(root, version))
        try:
            _sync(layout.versions(root))
            point_current_to(root, version)
        except OSError:
            if current_id(root) == after:
                complete.rename(staged)
            raise


def _refuse_moved(root: Path, after: str | None) -> None:
    if (now := current_id(root)) != after:
        raise LakeError(
            f"current was moved from {after} to {now} meanwhile; "
            "run python -m pipelines.export again"
        )


def point_current_to(root: Path, version: str) -> None:
    """Replace `current` with one rename; the caller holds the pointer's lock."""
    link = layout.new_link(root)
    link.symlink_to(layout.target(version))
    try:
        link.replace(layout.current(root))
    finally:
        link.unlink(missing_ok=True)
    _sync(root)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_manifest(staged: Path, manifest: Manifest) -> None:
    """Write the manifest, which completes a version."""
    (staged / MANIFEST).write_text(text(manifest) + "\n")


# ---------------------------------------------------------------------------------- rollback


def rollback(root: Path, version: str | None = None) -> tuple[str, str]:
    """Publish an older version; return the id that was current, and the one that is now.

    By default it is the newest one before the current that can be read and was not rolled back. The
    version that was current is withdrawn: unless forced, no refresh publishes the same state of the
    database again.
    """
    if current_id(root) is None:
        raise NothingPublished(root)
    with pointing(root):
        before = current_id(root)
        if before is None:
            raise NothingPublished(root)
        target = _newest_readable(root, before) if version is None else version
        _readable(root, target)  # no reader could open one that this refuses
        _move(root, before, target)
    return before, target


def point_to(root: Path, version: str) -> None:
    """Make a version that is here the current one, as a roll-back does with an older one."""
    with pointing(root):
        _readable(root, version)
        _move(root, current_id(root), version)


def _move(root: Path, before: str | None, target: str) -> None:
    if before and target < before:
        marks.withdraw(root, before)
    point_current_to(root, target)
    marks.restore(root, target)


def _newest_readable(root: Path, before: str) -> str:
    """Return the newest version before `before` that can be read and was not rolled back."""
    for version in reversed(version_ids(root)):
        if version < before and not marks.is_withdrawn(root, version):
            try:
                return _readable(root, version)
            except LakeError as error:
                logger.warning("version %s is passed over: %s", version, error)
    raise LakeError(
        f"{root} has no version before {before} that can be read and was not rolled back; "
        "run python -m pipelines.export"
    )


def _readable(root: Path, version: str) -> str:
    Lake(root, version)
    if damage := marks.known_damage(root, version):
        raise Damaged(
            f"version {version} is damaged: {damage}; publish another one, or, where its files "
            f"were restored, run python -m pipelines.versions verify {version}"
        )
    return version


# ------------------------------------------------------------------------------------- prune


def prune(root: Path, *, keep: int) -> list[str]:
    """Delete all but the newest versions; `current` stays, and those that a reader has open.

    A version that cannot be deleted is passed over, for what was published before is published.
    Those that stay are written down: one of them that is gone later was deleted by another hand.
    """
    with pointing(root):
        current, ids = current_id(root), version_ids(root)
        old = [v for v in ids[: max(0, len(ids) - keep)] if v != current]
        kept.note(root, sorted({*ids} - {*old}))  # before, so that nobody misses the others
        gone = [version for version in old if _throw_away(root, version)]
        kept.note(root, sorted({*ids} - {*gone}))
    for version in gone:
        _remove(layout.trash(root, version))
        marks.forget(root, version)
    return gone


def _throw_away(root: Path, version: str) -> bool:
    """Take a version away from readers in one step; return False if that cannot be done."""
    path = layout.version(root, version)
    try:
        with (path / MANIFEST).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.rename(layout.trash(root, version))
    except BlockingIOError:
        return False
    except OSError as error:
        logger.warning("version %s cannot be deleted: %s", version, error)
        return False
    return True


def _remove(folder: Path) -> None:
    """Delete a folder, which another process may be deleting, too."""
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)
