"""The lake: versions of plain Parquet, one of them `current`; the layout is known only here.

A version is never changed after it is published. A reader resolves `current` once, keeps that
version and holds a shared lock on its manifest, so that pruning passes by what is in use.
Publishing replaces the link `current` with one rename. One process writes at a time.
"""

import fcntl
import json
import os
import shutil
import weakref
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from errno import EINVAL
from importlib.metadata import version as library_version
from pathlib import Path
from secrets import token_hex
from typing import Any, Final, Self

import polars as pl

from pipelines.errors import LakeError, Locked, NothingPublished, Unknown

SCHEMA_VERSION: Final = 1
MANIFEST: Final = "manifest.json"
SYNCING: Final = 8
"""Files that are written out at a time; a disk does several for little more than one."""
PARTIAL: Final = ".partial-"
TRASH: Final = ".trash-"
ID_FORMAT: Final = "%Y%m%dT%H%M%SZ"
LIBRARIES: Final = ("polars", "pyarrow", "connectorx", "dataframely")

Manifest = dict[str, Any]

# Row groups that Polars reads ahead of a query, unless the environment says how many. Its own
# number takes more memory in a large market, and is no faster.
os.environ.setdefault("POLARS_ROW_GROUP_PREFETCH_SIZE", "4")


class Damaged(LakeError):
    """A version is not as it was written."""


class OtherLayout(LakeError):
    """A version was written by a release with another layout."""


class Lake:
    """One version of the lake: `current` when it was opened, or the one that is named.

    The version is kept from pruning as long as this object lives. `Damaged` or `OtherLayout` where
    this release cannot read it.
    """

    def __init__(self, root: Path | str, version: str | None = None) -> None:
        path, handle = _opened(Path(root), version)
        self.path: Final = path
        weakref.finalize(self, os.close, handle)
        self.manifest: Final = _manifest(path)
        if self.manifest["schema_version"] != SCHEMA_VERSION:
            raise OtherLayout(
                f"version {path.name} has layout {self.manifest['schema_version']}, this release "
                f"reads {SCHEMA_VERSION}; run python -m pipelines.export --full"
            )

    @classmethod
    def at(cls, path: Path, manifest: Manifest) -> Self:
        """A version that is being built, before it has a manifest file."""
        lake = cls.__new__(cls)
        lake.__dict__.update(path=path, manifest=manifest)
        return lake

    @property
    def version(self) -> str:
        """The id of the version."""
        return self.path.name

    @property
    def as_of(self) -> date:
        """The newest date with a price, which is the date of the published rankings."""
        return date.fromisoformat(self.manifest["as_of"])

    def prices(self, *, since: date | None = None, until: date | None = None) -> pl.LazyFrame:
        """Daily prices from `since` to `until`, both included, from the years that they touch."""
        return self._between("prices", since, until)

    def index_prices(self, *, since: date | None = None, until: date | None = None) -> pl.LazyFrame:
        """Daily index levels from `since` to `until`, both included."""
        return self._between("index_prices", since, until)

    def fundamentals(self, *, known_by: date | None = None) -> pl.LazyFrame:
        """Statements and ratios that were known on a date; all of them without one."""
        rows = self._scan("fundamentals", last=known_by)
        return rows if known_by is None else rows.filter(pl.col("known_from") <= known_by)

    def stocks(self) -> pl.LazyFrame:
        """Listed instruments with their `newest_close` and its `newest_date`."""
        return self._scan("stocks")

    def rankings(self) -> pl.LazyFrame:
        """The published rankings: all strategies, the whole universe, on `as_of`."""
        return self._scan("rankings")

    def year(self, dataset: str, year: int | None) -> pl.LazyFrame:
        """The rows of a dataset from its file of one year; None for a dataset without years."""
        entry = self.manifest["datasets"][dataset]
        return self._files(entry, [f for f in entry["files"] if f["year"] == year])

    def _between(self, dataset: str, since: date | None, until: date | None) -> pl.LazyFrame:
        rows = self._scan(dataset, first=since, last=until)
        if since is not None:
            rows = rows.filter(pl.col("date") >= since)
        return rows if until is None else rows.filter(pl.col("date") <= until)

    def _scan(
        self, dataset: str, first: date | None = None, last: date | None = None
    ) -> pl.LazyFrame:
        """A dataset from its files of the years between two dates."""
        entry = self.manifest["datasets"].get(dataset)
        if entry is None:
            raise LakeError(
                f"version {self.version} has no {dataset}; add the table to the database, "
                "then run python -m pipelines.export"
            )
        files = [
            f
            for f in entry["files"]
            if f["year"] is None or (first or date.min).year <= f["year"] <= (last or date.max).year
        ]
        return self._files(entry, files)

    def _files(self, entry: dict[str, Any], files: list[dict[str, Any]]) -> pl.LazyFrame:
        """The rows of some files of a dataset."""
        schema = pl.Schema({c: _dtype(t) for c, t in entry["schema"].items()})
        if not files:
            return pl.LazyFrame(schema=schema)
        paths = [self.path / f["path"] for f in files]
        return pl.scan_parquet(paths, schema=schema, glob=False, hive_partitioning=False)


def _opened(root: Path, version: str | None) -> tuple[Path, int]:
    """The folder of a version, and a handle of its manifest under a shared lock."""
    for _ in range(10):  # a version that is pruned while it is being opened is looked up again
        path = _located(root, version)
        with suppress(FileNotFoundError):
            handle = os.open(path / MANIFEST, os.O_RDONLY)
            fcntl.flock(handle, fcntl.LOCK_SH)
            if path.exists():
                return path, handle
            os.close(handle)
    raise LakeError(f"{root} has no complete version {path.name}; roll back to another one")


def _located(root: Path, version: str | None) -> Path:
    if version is not None:
        if version not in version_ids(root):
            raise Unknown("version", version, version_ids(root)[::-1])
        return (root / "versions" / version).resolve()
    if current_id(root) is None:
        raise NothingPublished(root)
    return (root / "current").resolve()


def schema_text(schema: Mapping[str, pl.DataType]) -> dict[str, str]:
    """Column types by name, as a manifest holds them."""
    return {column: dtype.base_type().__name__ for column, dtype in schema.items()}


def _dtype(name: str) -> pl.DataType:
    dtype: pl.DataType = getattr(pl, name)()
    return dtype


# ---------------------------------------------------------------------------------- versions


def version_ids(root: Path) -> list[str]:
    """The complete versions, oldest first."""
    return sorted(p.parent.name for p in (root / "versions").glob(f"[!.]*/{MANIFEST}"))


def current_id(root: Path) -> str | None:
    """The version that is published, if any; `LakeError` where that cannot be told."""
    link = root / "current"
    _check_name(root)
    try:
        return link.readlink().name
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno == EINVAL:
            raise LakeError(
                f"{link} is no link to a version; move it away, then run python -m pipelines.export"
            ) from None
        raise LakeError(f"cannot read {link}: {error.strerror}") from None


def _check_name(root: Path) -> None:
    """Polars and connectorx open no file whose path is not Unicode."""
    try:
        str(root).encode()
    except UnicodeEncodeError:
        shown = os.fsencode(root).decode(errors="backslashreplace")
        raise LakeError(f"the path {shown} is not UTF-8; choose another for the lake") from None


def manifest_of(root: Path, version: str) -> Manifest:
    """The manifest of a version, whatever its layout; `Damaged` where it cannot be read."""
    return _manifest(root / "versions" / version)


def _manifest(path: Path) -> Manifest:
    with suppress(ValueError):
        manifest: Manifest | None = json.loads((path / MANIFEST).read_bytes())
        if isinstance(manifest, dict) and "schema_version" in manifest:
            return manifest
    raise Damaged(
        f"the {MANIFEST} of version {path.name} is damaged; run python -m pipelines.export, "
        "or publish another with python -m pipelines.versions rollback"
    )


def new_version_id(root: Path, now: datetime | None = None) -> str:
    """An id after all others, even where the clock went back: 20261124T170500Z-3fa1c2."""
    now = now or datetime.now(UTC)
    if ids := version_ids(root):
        newest = datetime.strptime(ids[-1].split("-")[0], ID_FORMAT).replace(tzinfo=UTC)
        now = max(now, newest + timedelta(seconds=1))
    return f"{now:{ID_FORMAT}}-{token_hex(3)}"


def libraries() -> dict[str, str]:
    """The versions of the libraries that decide what is in the files."""
    return {name: library_version(name) for name in LIBRARIES}


def write_manifest(staged: Path, manifest: Manifest) -> None:
    """Complete a staged version."""
    (staged / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")


@contextmanager
def writing(root: Path) -> Iterator[None]:
    """The only writer of the lake; `Locked` names another. A dead process holds no lock.

    What a killed run left behind is removed first.
    """
    _check_name(root)
    (root / "versions").mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise Locked(root, file.read().strip() or "another process") from None
        file.truncate(0)
        file.write(f"process {os.getpid()} since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC")
        file.flush()
        _sweep(root)
        yield
        file.truncate(0)


def _sweep(root: Path) -> None:
    """Remove what a killed run left: versions half built or half deleted, links not in place."""
    for pattern in (f"{PARTIAL}*", f"{TRASH}*"):
        for folder in (root / "versions").glob(pattern):
            shutil.rmtree(folder)
    for link in root.glob(".current-*"):
        link.unlink()


def publish(root: Path, staged: Path, version: str, *, after: str | None) -> None:
    """Make a staged directory the current version; afterwards readers see all of it or none.

    `LakeError` if the current version is no longer the one that the new one was made after.
    """
    if current_id(root) != after:
        raise LakeError(
            f"current was moved from {after} to {current_id(root)} meanwhile; "
            "run python -m pipelines.export again"
        )
    with ThreadPoolExecutor(SYNCING) as pool:
        list(pool.map(_sync, (*staged.rglob("*"), staged)))
    complete = staged.rename(root / "versions" / version)
    _sync(root / "versions")
    try:
        point_current_to(root, version)
    except OSError:
        if current_id(root) == after:
            complete.rename(staged)
        raise
    (_withdrawn(root) / version).unlink(missing_ok=True)


def point_current_to(root: Path, version: str) -> None:
    """Replace `current` with one rename."""
    link = root / f".current-{token_hex(3)}"
    link.symlink_to(Path("versions") / version)
    try:
        link.replace(root / "current")
    finally:
        link.unlink(missing_ok=True)
    _sync(root)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def rollback(root: Path, version: str | None = None) -> tuple[str, str]:
    """Publish an older version, the one before the current if none is named; (from, to).

    The version that was current is withdrawn: a refresh does not publish the same state of the
    database again unless it is forced to.
    """
    before = current_id(root)
    if before is None:
        raise NothingPublished(root)
    older = [v for v in version_ids(root) if v < before and not is_withdrawn(root, v)]
    if version is None and not older:
        raise LakeError(f"{root} has no version before {before} to roll back to")
    target = version or older[-1]
    Lake(root, target)  # no reader could open one that this refuses
    if target < before:
        _withdrawn(root).mkdir(exist_ok=True)
        (_withdrawn(root) / before).touch()
    point_current_to(root, target)
    (_withdrawn(root) / target).unlink(missing_ok=True)
    return before, target


def _withdrawn(root: Path) -> Path:
    return root / "withdrawn"


def is_withdrawn(root: Path, version: str) -> bool:
    """Whether a version was rolled back."""
    return (_withdrawn(root) / version).exists()


def prune(root: Path, *, keep: int) -> list[str]:
    """Delete all but the newest versions, never `current` and none that a reader holds open."""
    current, ids = current_id(root), version_ids(root)
    gone = [v for v in ids[: max(0, len(ids) - keep)] if v != current and _delete(root, v)]
    for version in gone:
        (_withdrawn(root) / version).unlink(missing_ok=True)
    return gone


def _delete(root: Path, version: str) -> bool:
    """Delete a version at once for readers; False if one has it open."""
    path = root / "versions" / version
    with (path / MANIFEST).open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        trash = path.with_name(f"{TRASH}{version}")
        path.rename(trash)
    shutil.rmtree(trash)
    return True
