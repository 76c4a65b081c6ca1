"""The backtests of a version, computed after it was published: files whose loss is no damage."""

import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pipelines.lake import layout


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """How the backtests of a version were computed, as a phase after its publication.

    They are of a universe, by the `rules` of the rankings and a release. Where they failed, there
    is an `error`, and no file.
    """

    version: str
    universe: str
    rules: str
    release: str
    seconds: float
    peak_mb: float
    error: str | None = None


def prepared(root: Path, version: str) -> Prepared | None:
    """Return how the backtests of a version were computed; None if they were not, or not all."""
    with suppress(OSError, msgspec.DecodeError):
        return msgspec.json.decode(layout.prepared(root, version).read_bytes(), type=Prepared)
    return None


def prepared_backtest(root: Path, version: str, strategy: str) -> bytes | None:
    """Return the backtest of a strategy as JSON; None if it is not there."""
    with suppress(OSError):
        return layout.backtest(root, version, strategy).read_bytes()
    return None


def note_prepared(root: Path, found: Prepared) -> None:
    """Note how the backtests of a version were computed, once all of them are there."""
    path = layout.prepared(root, found.version)
    partial = path.with_suffix(".partial")
    partial.write_bytes(msgspec.json.encode(found))
    partial.replace(path)


def forget_prepared(root: Path) -> None:
    """Delete the backtests of versions that are gone."""
    there = set(layout.version_ids(root))
    for folder in layout.backtests(root).glob("*"):
        if folder.name not in there:
            shutil.rmtree(folder, ignore_errors=True)
