"""The records of refreshes that no service started, which a service reads: a file of each.

A file has lines of JSON, of which later ones add to earlier ones: that the refresh began, which
version it makes, how it ended. Its process locks the file until then, so that a refresh that was
killed is known, also one that was killed after it had published.
"""

import fcntl
import json
import logging
from collections.abc import Container, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Annotated, Final, Literal, TextIO

import msgspec

from pipelines.errors import Locked, StockRankError
from pipelines.lake import layout
from pipelines.lake.described import manifest_of
from pipelines.lake.manifest import Manifest
from pipelines.place import Place, place_text

logger = logging.getLogger(__name__)

KEPT: Final = 50
CUT_SHORT: Final = "the refresh was ended before it was done; nothing was published, start it again"

Outcome = Literal["published", "unchanged", "failed"]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


@dataclass(frozen=True, kw_only=True)
class Run:
    """A refresh from its beginning to its end; the rows are those of the version's datasets."""

    id: str
    began_at: Moment
    database: str | None = None
    version: str | None = None
    ended_at: Moment | None = None
    outcome: Outcome | None = None
    datasets: dict[str, int] = field(default_factory=dict)
    rejected: int | None = None
    peak_mb: float | None = None
    error: str | None = None
    error_type: str | None = None


# ----------------------------------------------------------------------------------- writing


class Record:
    """The record of the refresh that runs; a disk that cannot take it does not end the refresh."""

    def __init__(self, root: Path, database: Place | None = None) -> None:
        now = datetime.now(UTC)
        self._root: Final = root
        self._began: Final = now
        self._database: Final = database and place_text(database)
        self._path: Final = layout.run(root, f"{now:{layout.ID_FORMAT}}-{token_hex(3)}")
        self._file: TextIO | None = None
        self._version: str | None = None
        self._fails = False

    def begin(self) -> None:
        """Begin the record where the lake is there, and delete old ones."""
        if self._file or self._fails or not layout.versions(self._root).is_dir():
            return
        try:
            self._path.parent.mkdir(exist_ok=True)
            for old in sorted(self._path.parent.glob("*.jsonl"))[: 1 - KEPT]:
                old.unlink(missing_ok=True)
            self._file = self._path.open("a", encoding="utf-8")
            fcntl.flock(self._file, fcntl.LOCK_EX)
        except OSError as error:
            self._fails = True
            logger.warning("this refresh leaves no record: %s: %s", error.filename, error.strerror)
        began = self._began.isoformat()
        self._add(id=self._path.stem, began_at=began, database=self._database)

    def makes(self, version: str) -> None:
        """Note the version that is being made."""
        self.begin()
        self._version = version
        self._add(version=version)

    def succeeded(self, manifest: Manifest, peak_mb: float) -> None:
        """Note that a version was published, or that the one before stays."""
        self.begin()
        made = manifest.version == self._version
        self._end(
            outcome="published" if made else "unchanged",
            version=manifest.version,
            peak_mb=round(peak_mb, 1),
            **(_counts(manifest) if made else {}),
        )

    def failed(self, error: BaseException) -> None:
        """Note why nothing was published."""
        told = " ".join(str(error).split()) if isinstance(error, Exception) else CUT_SHORT
        self._end(outcome="failed", error=told, error_type=type(error).__name__)

    def drop(self) -> None:
        """Remove the record."""
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Give up the lock."""
        if self._file:
            with suppress(OSError):  # of what could not be written before
                self._file.close()

    def _end(self, **known: object) -> None:
        self._add(ended_at=datetime.now(UTC).isoformat(), **known)

    def _add(self, **known: object) -> None:
        if self._file is None:
            return
        try:
            self._file.write(json.dumps(known) + "\n")
            self._file.flush()
        except OSError as error:
            logger.warning("the record of this refresh cannot be written: %s", error.strerror)


@contextmanager
def recorded(root: Path, database: Place | None = None) -> Iterator[Record]:
    """Record a refresh from here on; one that another writer kept out leaves no record."""
    record = Record(root, database)
    record.begin()
    try:
        yield record
    except Locked:
        record.drop()
        raise
    except BaseException as error:
        record.failed(error)
        raise
    finally:
        record.close()


def _counts(manifest: Manifest) -> dict[str, object]:
    return {
        "datasets": {name: dataset.rows for name, dataset in manifest.datasets.items()},
        "rejected": sum(dataset.rejected_rows for dataset in manifest.datasets.values()),
    }


# ----------------------------------------------------------------------------------- reading


def ended_runs(root: Path, known: Container[str] = ()) -> list[Run]:
    """Return the refreshes that have ended and are not known, the one that ended last at the end.

    What cannot be read is passed over; `damaged_runs` names it.
    """
    found = [run for path in _unknown(root, known) if (run := _ended(root, path))]
    return sorted(found, key=lambda run: run.ended_at or run.began_at)


def damaged_runs(root: Path, known: Container[str] = ()) -> list[str]:
    """Return the names of the records that are not known and do not say what began, and when.

    An empty one is that of a refresh that was killed before it wrote a word.
    """
    return [path.name for path in _unknown(root, known) if _is_damaged(path)]


def _unknown(root: Path, known: Container[str]) -> list[Path]:
    try:
        paths = sorted(layout.runs(root).glob("*.jsonl"))
    except OSError:  # the lake tells of it elsewhere
        return []
    return [path for path in paths if path.stem not in known]


def _is_damaged(path: Path) -> bool:
    with suppress(OSError), path.open(encoding="utf-8", errors="replace") as file:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # it does not run
        text = file.read()
        return bool(text) and _parsed(text) is None
    return False


def _ended(root: Path, path: Path) -> Run | None:
    """Return a refresh; None while it runs."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            run = _parsed(file.read())
            last = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:  # it runs, or is gone
        return None
    return run if run is None or run.ended_at else _cut_short(root, run, last)


def _parsed(text: str) -> Run | None:
    """Return what the whole lines say; None where they do not say that it began."""
    told: dict[str, object] = {}
    for line in text.split("\n")[:-1]:
        with suppress(ValueError, TypeError):
            told |= json.loads(line)
    try:
        return msgspec.convert(told, Run)
    except msgspec.ValidationError:
        return None


def _published(root: Path, version: str | None) -> Manifest | None:
    """Return the manifest of a version; None if it never became current."""
    if version is None:
        return None
    newest = layout.current_id(root) or ""
    return manifest_of(root, version) if newest >= version else None


def _cut_short(root: Path, run: Run, last: datetime) -> Run:
    """Return the outcome of a refresh that was killed: it published its version, or failed."""
    try:
        made = _published(root, run.version)
    except StockRankError:
        made = None
    if made is None:
        return replace(
            run, version=None, ended_at=last, outcome="failed", error=CUT_SHORT, error_type="Killed"
        )
    return msgspec.convert(
        msgspec.to_builtins(run)
        | {"ended_at": made.created_at, "outcome": "published", **_counts(made)}
        | {"peak_mb": max((phase.peak_mb for phase in made.phases), default=None)},
        Run,
    )
