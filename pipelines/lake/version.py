"""The lake: versions of plain Parquet, one of them `current`; the layout is known only here.

A version is never changed after it is published. A reader resolves `current` once, keeps that
version and holds a shared lock on its manifest, so that pruning passes by what is in use.
`pipelines.publish` writes versions and moves `current`.
"""

import fcntl
import json
import os
import weakref
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from errno import EINVAL
from importlib.metadata import version as library_version
from pathlib import Path
from secrets import token_hex
from typing import Any, Final, Self

import polars as pl

from pipelines.errors import LakeError, NothingPublished, Unknown
from pipelines.lake import damage

SCHEMA_VERSION: Final = 1
MANIFEST: Final = "manifest.json"
PARTIAL: Final = ".partial-"
ID_FORMAT: Final = "%Y%m%dT%H%M%SZ"
LIBRARIES: Final = ("polars", "pyarrow", "connectorx", "dataframely")

REPAIR: Final = (
    "run python -m pipelines.export, or publish another with python -m pipelines.versions rollback"
)
"""The remedies for a version that is damaged."""

Manifest = dict[str, Any]

# Row groups that Polars reads ahead of a query, unless the environment says how many. Its own
# number takes more memory in a large market, and is no faster.
os.environ.setdefault("POLARS_ROW_GROUP_PREFETCH_SIZE", "4")


class Damaged(LakeError):
    """A version is not as it was written."""


class OtherLayout(LakeError):
    """A version was written by a release with another layout."""


class Gone(Damaged):
    """A version has no folder, or no manifest in it."""


class Lake:
    """One version of the lake: `current` when it was opened, or the one that is named.

    The version is kept from pruning as long as this object lives. `OtherLayout` where another
    release wrote it; `Damaged` where its manifest cannot be read, or a file is missing or of
    another size. `check_files=False` looks at the manifest only.
    """

    def __init__(
        self, root: Path | str, version: str | None = None, *, check_files: bool = True
    ) -> None:
        path, handle = _opened(Path(root), version)
        self.path: Final = path
        weakref.finalize(self, os.close, handle)
        self.manifest: Final = _manifest(path)
        if self.manifest["schema_version"] != SCHEMA_VERSION:
            raise OtherLayout(
                f"version {path.name} has layout {self.manifest['schema_version']}, this release "
                f"reads {SCHEMA_VERSION}; run python -m pipelines.export --full"
            )
        if check_files and (problems := list(damage.by_size(path, self.manifest))):
            raise Damaged(f"version {path.name} is damaged: {'; '.join(problems)}; {REPAIR}")

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
    raise Gone(f"{root} has no complete version {path.name}; {REPAIR}")


def open_current(root: Path, version: str) -> Lake:
    """Open the version that `current` named a moment ago; `Gone` where it is not there."""
    try:
        return Lake(root, version)
    except Unknown:
        raise Gone(f"{root} has no complete version {version}; {REPAIR}") from None


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
    check_name(root)
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


def check_name(root: Path) -> None:
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
    with suppress(ValueError, FileNotFoundError):
        manifest: Manifest | None = json.loads((path / MANIFEST).read_bytes())
        if isinstance(manifest, dict) and "schema_version" in manifest:
            return manifest
    raise Damaged(f"the {MANIFEST} of version {path.name} is damaged; {REPAIR}")


def has_other_layout(root: Path, version: str) -> bool:
    """Whether another release wrote the version; False where its manifest cannot be read."""
    try:
        return bool(manifest_of(root, version)["schema_version"] != SCHEMA_VERSION)
    except Damaged:
        return False


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
