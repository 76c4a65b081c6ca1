"""The errors that people see, as one tree; each names the value and the remedy.

StockRankError
├── SourceError        the database is absent or unreadable, or has another schema
├── ContractError      rows were lost on the way, or a version may not be published
│   ├── RowsMissing    a table gave another number of rows than it has
│   ├── CalendarFailed the trading days of an exchange cannot be made
│   ├── ChecksFailed   a new version is complete, but failed a check
│   └── OtherMarket    a demo market would follow real data, or real data a demo market
├── LakeError          the lake is absent, damaged or of another format
│   ├── NothingPublished
│   ├── DiskFull       its disk is full, or too full for a refresh
│   ├── Locked         another process writes to the lake
│   └── PointerLocked  another process moves `current`, for too long
├── Unfinished         blocks of dates that could not all be ranked
├── RemoteError        an object store cannot be reached, or has not what is asked for
│   └── EmptyStore     nobody has pushed to it
├── BadDefinition      a strategy as data that cannot be used
├── SettingsError      a setting is unknown or has a value that cannot be used
├── NotADate           a value that is no date
├── InTheFuture        a date after today and after the newest price
├── Stopped            the command was ended by Ctrl-C
├── WrongUsage         a command line that cannot be understood
└── Unknown            a name that does not exist
"""

import difflib
import errno
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

OF_THE_SYSTEM: Final = ("os error", "disk is full", "disk I/O error")
"""Words in which Polars (the first) and SQLite report a failure of the disk."""


def is_of_system(error: Exception) -> bool:
    """Return True if the disk or the memory failed, also where a library reports it as its own."""
    is_known = isinstance(error, OSError | MemoryError)
    return is_known or any(words in str(error) for words in OF_THE_SYSTEM)


FULL: Final = (
    "No space left on device",
    "os error 28",
    "disk is full",
    "Disk quota exceeded",
    "os error 122",
)
"""Words in which the system, Polars and SQLite say that a disk, or a quota of it, is full."""


def is_disk_full(error: Exception) -> bool:
    """Return True if a disk is full, also where a library or another error says so."""
    is_full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
    return is_full or any(words in str(error) for words in FULL)


class StockRankError(Exception):
    """Base of the errors that people see, as one line."""


class SourceError(StockRankError):
    """The source database cannot be used as it is."""


class SourceBusy(SourceError):
    """Another process has kept the source database locked for too long."""


class ContractError(StockRankError):
    """Rows were lost on the way, or a version may not be published."""


class RowsMissing(ContractError):
    """A table gave fewer or more rows than it has; `counts` is the message without the remedy."""

    def __init__(self, table: str, read: int, rows: int) -> None:
        self.counts = f"{table}: read {read} of {rows} rows"
        super().__init__(f"{self.counts}; nothing was published, try again")


class CalendarFailed(ContractError):
    """The process that makes the trading days of an exchange failed."""

    def __init__(self, exchange: str, why: str) -> None:
        super().__init__(
            f"the trading days of {exchange} cannot be made: {why}; nothing was published, "
            "install the libraries of requirements.lock again, then try again"
        )


class ChecksFailed(ContractError):
    """A new version failed a check, for example has far fewer rows than the one before.

    The message has the first `TOLD` of the failures, and how many more the log has.
    """

    TOLD: Final = 3

    def __init__(self, failures: Sequence[str]) -> None:
        more = len(failures) - self.TOLD
        told = "; ".join(failures[: self.TOLD]) + (f"; and {more} more, in the log" * (more > 0))
        super().__init__(
            f"not published: {told}. If this is as it should be, publish it with --force"
        )


class OtherMarket(ContractError):
    """Only one of the published version and the database is of the demo market."""

    def __init__(self, root: object, *, published_is_demo: bool) -> None:
        other = "name another folder with --lake (or STOCKRANK_LAKE)"
        if published_is_demo:
            told = f"the published version is of the demo market; delete {root} or {other}"
        else:
            told = f"the database is of the demo market, the published version is not; {other}"
        super().__init__(f"not published: {told}")


class LakeError(StockRankError):
    """The lake cannot be read or written."""


class NothingPublished(LakeError):
    """The lake has no published version."""

    def __init__(self, root: object) -> None:
        super().__init__(
            f"nothing is published in {Path(str(root)).resolve()}; "
            f"run python -m pipelines.export --lake {root}"
        )


class DiskFull(LakeError):
    """The disk of the lake is full, or too full for a refresh."""


class Locked(LakeError):
    """Another process writes to the lake."""

    def __init__(self, root: object, holder: str) -> None:
        super().__init__(f"{root} is being written by {holder}; wait for it, or stop that process")


class PointerLocked(LakeError):
    """Another process has been moving `current` for too long."""

    def __init__(self, root: object, seconds: float) -> None:
        super().__init__(
            f"another process has held the lock of {root}/current for {seconds:g} s; "
            "see that the disk answers, end that process, then try again"
        )


class Unfinished(StockRankError):
    """Some blocks of dates could not be ranked, or those who rank them are gone."""


class RemoteError(StockRankError):
    """An object store cannot be reached, refuses, or does not have what is asked for."""


class EmptyStore(RemoteError):
    """A store has no publication, for nobody has pushed to it."""


class SettingsError(StockRankError):
    """A setting is unknown or its value cannot be used."""


class BadDefinition(StockRankError):
    """A strategy as data cannot be used; the message names it, the key and the place in a text."""

    def __init__(
        self, strategy: str | None, key: str | None, why: str, position: int | None = None
    ) -> None:
        places = (
            f"strategy {strategy!r}" if strategy is not None else None,
            key,
            f"position {position}" if position else None,
        )
        where = ", ".join(place for place in places if place)
        super().__init__(f"{where}: {why}")


class NotADate(StockRankError):
    """A value names no day."""

    def __init__(self, value: object) -> None:
        super().__init__(f"{value!r} is no date; write it as year-month-day: 2026-03-02")


class InTheFuture(StockRankError):
    """A date lies after today and after the newest price."""

    def __init__(self, name: str, day: object, newest: object) -> None:
        super().__init__(f"{name} {day} lies in the future; the newest prices are of {newest}")


class Stopped(StockRankError):
    """The command was ended by Ctrl-C."""


class WrongUsage(StockRankError):
    """A command line has an option or a value that cannot be used."""


class Unknown(StockRankError):
    """A name does not exist; the message lists those that do.

    `nearest` is the one that is meant, where that is known; else the one that is written alike.
    """

    def __init__(
        self, kind: str, name: str, known: Iterable[str], nearest: str | None = None
    ) -> None:
        names = list(known)
        near = [nearest] if nearest else []
        near = near or (difflib.get_close_matches(name, names, n=1) if len(names) > 1 else [])
        hint = f"the nearest is {near[0]}; " if near else ""
        super().__init__(f"unknown {kind} {name!r}; {hint}expected one of {', '.join(names)}")
