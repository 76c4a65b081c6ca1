"""The manifest of a version, `manifest.json`: its content, and how it was made.

Times are in UTC, sizes in bytes, memory in MB.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from importlib.metadata import version as library_version
from typing import Any, Final, Literal

import msgspec

from pipelines.fingerprint import Fingerprint
from pipelines.universe import Universe

SCHEMA_VERSION: Final = 2
"""The layout of a version. Raise it when older releases cannot read what is written."""
LIBRARIES: Final = ("polars", "pyarrow", "connectorx", "dataframely")

OBSERVED: Final = ("fundamentals", "stocks")
"""The datasets whose rows the source overwrites, so that versions keep what they saw of them."""

DEMO_NOTICE: Final = "demo market of invented companies; no rank is investment advice"
"""Said wherever rankings of a demo market are shown."""

Status = Literal["ok", "warning", "critical"]


@dataclass(frozen=True, kw_only=True)
class DataFile:
    """A Parquet file of a dataset; `year` is null where the dataset has no years.

    A file of several years has the last one as `year`, and a `first_year`.
    """

    path: str  # from the folder of the version
    year: int | None
    rows: int
    bytes: int
    sha256: str
    nulls: Mapping[str, int]  # by column; columns without a null are left out
    first_year: int | None = None  # left out of the JSON where the file has one year

    def has_any_of(self, years: range) -> bool:
        """Return True if the file may have rows of some of the years."""
        if self.year is None:
            return True
        return (self.first_year or self.year) < years.stop and self.year >= years.start


@dataclass(frozen=True, kw_only=True)
class Observed:
    """The counts of a dataset of observations, which goes from version to version."""

    since: date  # the day of the first refresh that observed
    day: date  # the day of the last refresh that did
    seen: int  # rows of the source on that day
    new: int  # of these kept on that day
    kept: int  # rows that are kept
    waiting: int  # rows of the source that differ from those kept, and wait for the next week
    struck: int  # rows that the owner struck
    marked_by: str = ""  # the hash of the rules by which the rows tell for how long they stand


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A dataset of a version: its columns, its files, and the number of rows that it came from.

    `rows_in` is `rows` plus the rejected rows. It is null for a dataset that the refresh computes,
    which has neither rejected rows nor warnings in the JSON.
    """

    schema: Mapping[str, str]
    rows_in: int | None = None
    rows: int
    rejected: Mapping[str, int] = field(default_factory=dict)  # rows left out, by reason
    warnings: Mapping[str, int] = field(default_factory=dict)  # rows without a value, by reason
    files: tuple[DataFile, ...]
    widest_text: int | None = None  # an upper bound for the bytes of text in any source row
    rejects_sha256: str | None = None
    rejects_bytes: int | None = None
    source_years: Mapping[str, int] | None = None  # source rows by source year
    observed: Observed | None = None  # for a dataset of observations

    @property
    def rejected_rows(self) -> int:
        """The number of rows of the source that were left out."""
        return sum(self.rejected.values())

    @property
    def bytes(self) -> int:
        """The size of all files."""
        return sum(file.bytes for file in self.files)


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A phase of a refresh: how long it took, and its memory before and at the peak."""

    phase: str
    rows: int | None
    seconds: float
    before_mb: float
    peak_mb: float


@dataclass(frozen=True, kw_only=True)
class Check:
    """A check of the integrity report: a message for people, a value for programs."""

    name: str
    status: Status
    message: str
    value: Any  # as JSON holds it

    @property
    def share(self) -> float:
        """The share that a check of coverage found; 0 for any other check."""
        share = self.value["share"] if isinstance(self.value, dict) else None
        return float(share) if isinstance(share, int | float) else 0.0


@dataclass(frozen=True, kw_only=True)
class Report:
    """The integrity of a version on the day it was made.

    `priced_to` is the newest day on which most stocks have a close; `calendar` holds the trading
    days of the exchange from ten before to a year after.
    """

    as_of: date
    priced_to: date | None
    exchange: str
    calendar: tuple[date, ...]
    checks: tuple[Check, ...]


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The content of a version, and its source, rules and libraries."""

    schema_version: int
    created_at: datetime
    version: str
    as_of: date  # the newest date with a price, which is the date of the rankings
    universe: Universe
    strategies: tuple[str, ...]
    source: Fingerprint
    datasets: Mapping[str, Dataset]
    phases: tuple[Phase, ...]
    rules: str = ""  # the hash of the rules of the rankings
    contract: str = ""  # the hash of the contract of the rows
    release: str = ""
    libraries: Mapping[str, str]
    python: str
    integrity: Report
    failed_checks: tuple[str, ...] = ()  # published all the same, with --force
    other_universes: tuple[Universe, ...] = ()  # whose rankings are in `other_rankings`
    demo: bool = False  # made from a database of `pipelines.demo`

    @property
    def rows(self) -> int:
        """The rows of all datasets."""
        return sum(dataset.rows for dataset in self.datasets.values())

    @property
    def bytes(self) -> int:
        """The size of all files of the datasets."""
        return sum(dataset.bytes for dataset in self.datasets.values())


def libraries() -> dict[str, str]:
    """Return the versions of the libraries on which the bytes of the files depend."""
    return {name: _version_of(name) for name in LIBRARIES}


@cache
def _version_of(library: str) -> str:
    """Return the version of a library; its metadata is slow to read, so that it is read once."""
    return library_version(library)


# ------------------------------------------------------------------------------------- JSON

UNKNOWN: Final = {
    "rows_in", "widest_text", "rejects_sha256", "rejects_bytes", "source_years", "observed",
}  # fmt: skip
"""The fields of a dataset that the JSON leaves out if they are null."""
COUNTED: Final = {"rejected", "warnings"}
"""The fields of a dataset that the JSON leaves out if no rows were read for it."""


class UnknownKey(ValueError):
    """A definition of a strategy in a manifest has a key that this release does not know."""

    def __init__(self, key: str, release: str) -> None:
        super().__init__(key)
        self.release: Final = release
        """The release that wrote it; empty if it did not say."""


UNKNOWN_FIELD: Final = re.compile(
    r"unknown field `(?P<field>[^`]*)` - at `\$\.(?P<part>[^`]*strategies\[[^`]*)`"
)


def parse(raw: bytes) -> Manifest:
    """Return the manifest in a JSON text; `ValueError` unless it is one of this layout.

    It is `UnknownKey` where only a key of a strategy is in the way.
    """
    try:
        return msgspec.json.decode(raw, type=Manifest)
    except msgspec.MsgspecError as error:
        if found := UNKNOWN_FIELD.search(str(error)):
            raise UnknownKey(f"{found['part']}.{found['field']}", release_in(raw)) from None
        raise ValueError(f"no Manifest: {error}") from None


def text(manifest: Manifest) -> str:
    """Return a manifest as JSON, one value a line, without the unknown values of datasets.

    All of it is ASCII, so that it is the same file in every locale.
    """
    values = msgspec.to_builtins(manifest)
    values["created_at"] = manifest.created_at.isoformat(timespec="seconds")
    values["datasets"] = {name: _known(entry) for name, entry in values["datasets"].items()}
    # The encoder of the standard library is slow at indenting.
    return msgspec.json.format(json.dumps(values), indent=1)


def _known(dataset: Mapping[str, Any]) -> dict[str, object]:
    left_out = {name for name in UNKNOWN if dataset.get(name) is None}
    if "rows_in" in left_out:
        left_out |= COUNTED
    known = {name: value for name, value in dataset.items() if name not in left_out}
    return known | {"files": [_of_years(file) for file in dataset["files"]]}


def _of_years(file: Mapping[str, object]) -> dict[str, object]:
    return {name: v for name, v in file.items() if name != "first_year" or v is not None}


def layout_of(raw: bytes) -> int | None:
    """Return the number of the layout of a JSON manifest, None if it has none."""
    try:
        return msgspec.json.decode(raw, type=_Layout).schema_version
    except msgspec.MsgspecError:
        return None


def release_in(raw: bytes) -> str:
    """Return the release that wrote a JSON manifest; empty if it does not say."""
    return msgspec.json.decode(raw, type=_Release).release


def source_in(raw: bytes) -> Fingerprint:
    """Return the fingerprint of the database in a manifest of any layout; else `ValueError`."""
    return msgspec.json.decode(raw, type=_Origin).source


def observed_in(raw: bytes) -> dict[str, Dataset]:
    """Return the datasets of observations in a manifest of any layout, and what they are of.

    `ValueError` if the text is no manifest.
    """
    entries = msgspec.json.decode(raw, type=_Observations).datasets
    remembered = {f"observed_{name}" for name in OBSERVED} & entries.keys()
    there = (remembered | set(OBSERVED)) & entries.keys() if remembered else set()
    return {name: msgspec.convert(entries[name], Dataset) for name in sorted(there)}


@dataclass(frozen=True)
class _Observations:
    datasets: dict[str, Any]


@dataclass(frozen=True)
class _Layout:
    schema_version: int


@dataclass(frozen=True)
class _Release:
    release: str = ""


@dataclass(frozen=True)
class _Origin:
    source: Fingerprint
