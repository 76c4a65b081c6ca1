"""The lake: versions of plain Parquet, one of them `current`; the layout is known only here.

A version is never changed after it is published. A reader resolves `current` once and keeps
that version; publishing replaces the link with one rename.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from secrets import token_hex
from typing import Any, Final, Self

import polars as pl

from pipelines.errors import LakeError, NothingPublished

SCHEMA_VERSION: Final = 1
PARTIAL: Final = ".partial-"

Manifest = dict[str, Any]


class Lake:
    """One version of the lake: `current` when it was opened, or the one that is named."""

    def __init__(self, root: Path | str, version: str | None = None) -> None:
        path = Path(root) / ("current" if version is None else f"versions/{version}")
        if version is None and not path.is_symlink():
            raise NothingPublished(root)
        self.path: Final = path.resolve()
        if not (self.path / "manifest.json").exists():
            raise LakeError(
                f"{root} has no complete version {self.path.name}; "
                "see python -m pipelines.versions list"
            )

    @classmethod
    def at(cls, path: Path, manifest: Manifest) -> Self:
        """A version that is being built, before it has a manifest file."""
        lake = cls.__new__(cls)
        lake.__dict__.update(path=path, manifest=manifest)
        return lake

    @cached_property
    def manifest(self) -> Manifest:
        """What the version holds; `LakeError` where this release cannot read it."""
        manifest: Manifest = json.loads((self.path / "manifest.json").read_text())
        if manifest["schema_version"] != SCHEMA_VERSION:
            raise LakeError(
                f"version {self.path.name} has layout {manifest['schema_version']}, this release "
                f"reads {SCHEMA_VERSION}; run python -m pipelines.export --full"
            )
        return manifest

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
            raise LakeError(f"version {self.version} has no {dataset}; run a new export")
        files = [
            self.path / f["path"]
            for f in entry["files"]
            if f["year"] is None or (first or date.min).year <= f["year"] <= (last or date.max).year
        ]
        schema = pl.Schema({c: _dtype(t) for c, t in entry["schema"].items()})
        if not files:
            return pl.LazyFrame(schema=schema)
        return pl.scan_parquet(files, schema=schema, glob=False, hive_partitioning=False)


def schema_text(schema: Mapping[str, pl.DataType]) -> dict[str, str]:
    """Column types by name, as a manifest holds them."""
    return {column: dtype.base_type().__name__ for column, dtype in schema.items()}


def _dtype(name: str) -> pl.DataType:
    dtype: pl.DataType = getattr(pl, name)()
    return dtype


# ----------------------------------------------------------------------------------- writing


def new_version_id(now: datetime | None = None) -> str:
    """An id that sorts by time and that no other run has: 20261124T170500Z-3fa1c2."""
    return f"{now or datetime.now(UTC):%Y%m%dT%H%M%SZ}-{token_hex(3)}"


def version_ids(root: Path) -> list[str]:
    """The complete versions, oldest first."""
    return sorted(p.parent.name for p in (root / "versions").glob("[!.]*/manifest.json"))


def publish(root: Path, staged: Path, version: str) -> None:
    """Make a staged directory the current version; afterwards readers see all of it or none."""
    _sync_tree(staged)
    target = root / "versions" / version
    staged.rename(target)
    _sync(target.parent)
    point_current_to(root, version)


def point_current_to(root: Path, version: str) -> None:
    """Replace `current` with one rename."""
    link = root / f".current-{token_hex(3)}"
    link.symlink_to(Path("versions") / version)
    link.replace(root / "current")
    _sync(root)


def _sync_tree(top: Path) -> None:
    for path in _walk(top):
        _sync(path)


def _walk(top: Path) -> Iterator[Path]:
    yield from top.rglob("*")
    yield top


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def file_entries(top: Path, paths: Iterable[Path]) -> list[dict[str, Any]]:
    """Sizes of files, by their path below a version."""
    return [{"path": str(p.relative_to(top)), "bytes": p.stat().st_size} for p in paths]
