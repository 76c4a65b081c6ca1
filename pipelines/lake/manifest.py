"""The manifest of a version: what it holds and what made it, with its one reader and writer.

It lies beside the files of the version as `manifest.json`. Times are UTC, sizes bytes, memory MB.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from importlib.metadata import version as library_version
from typing import Annotated, Final, Literal, TypeVar

from pydantic import (
    Field,
    JsonValue,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    ValidationError,
    model_serializer,
)

from pipelines.fingerprint import Fingerprint
from pipelines.universe import Universe

SCHEMA_VERSION: Final = 1
"""The layout of a version: raise it when a reader of before could not read what is written."""
LIBRARIES: Final = ("polars", "pyarrow", "connectorx", "dataframely")

Status = Literal["ok", "warning", "critical"]
T = TypeVar("T")
Known = Annotated[T | None, Field(exclude_if=lambda value: value is None)]
"""A value that JSON leaves out where it is null."""
Time = Annotated[datetime, PlainSerializer(lambda at: at.isoformat(timespec="seconds"))]


@dataclass(frozen=True, kw_only=True)
class DataFile:
    """A Parquet file of a dataset; `year` is null where the dataset has no years."""

    path: str  # from the folder of the version
    year: int | None
    rows: int
    bytes: int
    sha256: str
    nulls: Mapping[str, int]  # by column; columns without a null are left out


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A dataset of a version: its columns, its files, and the rows of the source it accounts for.

    `rows_in = rows + the rejected rows`; null for a dataset that the refresh itself computes, of
    which JSON holds neither rejected rows nor warnings.
    """

    schema: Mapping[str, str]
    rows_in: Known[int] = None
    rows: int
    rejected: Mapping[str, int] = field(default_factory=dict)  # left out, by reason
    warnings: Mapping[str, int] = field(default_factory=dict)  # stay without a value, by reason
    files: tuple[DataFile, ...]
    widest_text: Known[int] = None  # at least the bytes of the texts of any one source row
    rejects_sha256: Known[str] = None
    rejects_bytes: Known[int] = None
    source_years: Known[Mapping[str, int]] = None  # source rows by what their date begins with

    @property
    def rejected_rows(self) -> int:
        """How many rows of the source were left out."""
        return sum(self.rejected.values())

    @property
    def bytes(self) -> int:
        """The size of all files."""
        return sum(file.bytes for file in self.files)

    @model_serializer(mode="wrap")
    def _json(self, write: SerializerFunctionWrapHandler) -> dict[str, JsonValue]:
        values: dict[str, JsonValue] = write(self)
        if self.rows_in is None:
            del values["rejected"], values["warnings"]
        return values


@dataclass(frozen=True, kw_only=True)
class Phase:
    """How long a step of the refresh took, and its memory before and at the peak."""

    phase: str
    rows: int | None
    seconds: float
    before_mb: float
    peak_mb: float


@dataclass(frozen=True, kw_only=True)
class Check:
    """One finding of the integrity report, for people and, as `value`, for programs."""

    name: str
    status: Status
    message: str
    value: JsonValue

    @property
    def share(self) -> float:
        """The share that a check of coverage found."""
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
    """A version: what it holds, what it was made from and by what."""

    schema_version: int
    created_at: Time
    version: str
    as_of: date  # the newest date with a price, which is the date of the rankings
    universe: Universe
    strategies: tuple[str, ...]
    source: Fingerprint
    datasets: Mapping[str, Dataset]
    phases: tuple[Phase, ...]
    rules: str = ""  # by which the rankings were made, as a hash
    contract: str = ""  # by which the rows were written, as a hash
    release: str = ""
    libraries: Mapping[str, str]
    python: str
    integrity: Report
    failed_checks: tuple[str, ...] = ()  # those that --force passed over

    @property
    def rows(self) -> int:
        """The rows of all datasets."""
        return sum(dataset.rows for dataset in self.datasets.values())

    @property
    def bytes(self) -> int:
        """The size of all files of the datasets."""
        return sum(dataset.bytes for dataset in self.datasets.values())


def libraries() -> dict[str, str]:
    """Return the versions of the libraries that decide what is in the files."""
    return {name: library_version(name) for name in LIBRARIES}


# ------------------------------------------------------------------------------------- JSON


@cache
def _json() -> TypeAdapter[Manifest]:
    return TypeAdapter(Manifest)


def parse(raw: bytes) -> Manifest:
    """Return the manifest that JSON holds; `ValueError` where it is not one of this layout."""
    return _json().validate_json(raw, strict=True)


def text(manifest: Manifest) -> str:
    """Return a manifest as JSON, one value a line; what is not known of a dataset is left out.

    All of it is ASCII, so that it is the same file in every locale.
    """
    return _json().dump_json(manifest, indent=1, ensure_ascii=True).decode()


def layout_of(raw: bytes) -> int | None:
    """Return the layout of a manifest in JSON, whichever it is; null where there is none."""
    try:
        return _layout().validate_json(raw).schema_version
    except ValidationError:
        return None


def source_in(raw: bytes) -> Fingerprint:
    """Return the state of the database that a manifest of any layout holds; else `ValueError`."""
    return _origin().validate_json(raw, strict=True).source


@dataclass(frozen=True)
class _Layout:
    schema_version: int


@cache
def _layout() -> TypeAdapter[_Layout]:
    return TypeAdapter(_Layout)


@dataclass(frozen=True)
class _Origin:
    source: Fingerprint


@cache
def _origin() -> TypeAdapter[_Origin]:
    return TypeAdapter(_Origin)
