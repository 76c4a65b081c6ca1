"""What can go wrong, as one tree; every message names the value and the remedy.

StockRankError
├── SourceError        the database is absent, unreadable or unlike the schema
├── ContractError      rows were lost on the way, or a result is not what was promised
│   ├── RowsMissing    fewer rows came than were counted
│   └── ChecksFailed   a new version is complete, but not fit to be published
├── LakeError          the lake is absent, damaged or of another format
│   ├── NothingPublished
│   ├── Locked         another process writes to the lake
│   └── PointerLocked  another process moves `current`, for too long
├── SettingsError      a setting is unknown or has a value that cannot be used
└── Unknown            a name that is not one of those known
"""

from collections.abc import Iterable


def is_of_system(error: Exception) -> bool:
    """Whether the disk or the memory is to blame, in whichever library it was noticed."""
    said = ("os error", "disk is full", "disk I/O error")
    return isinstance(error, OSError | MemoryError) or any(text in str(error) for text in said)


class StockRankError(Exception):
    """The base of all errors that are reported to people as one line."""


class SourceError(StockRankError):
    """The source database cannot be used as it is."""


class ContractError(StockRankError):
    """The data that came out is not the data that went in."""


class RowsMissing(ContractError):
    """Fewer or more rows came out of a table than it has."""


class ChecksFailed(ContractError):
    """A new version does not hold what the one before promised."""

    def __init__(self, failures: Iterable[str]) -> None:
        super().__init__(
            f"not published: {'; '.join(failures)}. "
            "If this is as it should be, publish it with --force"
        )


class LakeError(StockRankError):
    """The lake cannot be read or written."""


class NothingPublished(LakeError):
    """The lake has no published version."""

    def __init__(self, root: object) -> None:
        super().__init__(
            f"nothing is published in {root}; run python -m pipelines.export --lake {root}"
        )


class Locked(LakeError):
    """Another refresh is under way."""

    def __init__(self, root: object, holder: str) -> None:
        super().__init__(f"{root} is being written by {holder}; wait for it, or stop that process")


class PointerLocked(LakeError):
    """Another process has been moving `current` for too long."""

    def __init__(self, root: object, seconds: float) -> None:
        super().__init__(
            f"another process has held the lock of {root}/current for {seconds:g} s; "
            "see that the disk answers, end that process, then try again"
        )


class SettingsError(StockRankError):
    """A setting is wrong."""


class Unknown(StockRankError):
    """A name is not among those known."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        super().__init__(f"unknown {kind} {name!r}; expected one of {', '.join(known)}")
