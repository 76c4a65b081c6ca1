"""Marks beside the versions of a lake: those that were rolled back, and those found damaged."""

from contextlib import suppress
from pathlib import Path

WITHDRAWN, DAMAGED = "withdrawn", "damaged"


def is_withdrawn(root: Path, version: str) -> bool:
    """Whether a version was rolled back."""
    return (root / WITHDRAWN / version).exists()


def withdraw(root: Path, version: str) -> None:
    """Mark a version as rolled back."""
    _set(root, WITHDRAWN, version, "")


def restore(root: Path, version: str) -> None:
    """Mark a version as one that is not rolled back."""
    (root / WITHDRAWN / version).unlink(missing_ok=True)


def damage(root: Path, version: str) -> str | None:
    """Return the damage that was found in a version, if any."""
    with suppress(FileNotFoundError, NotADirectoryError):
        return (root / DAMAGED / version).read_text() or "its files are damaged"
    return None


def note_damage(root: Path, version: str, problems: list[str]) -> None:
    """Mark a version as damaged, or as whole where there are no problems."""
    if problems:
        _set(root, DAMAGED, version, "; ".join(problems))
    else:
        (root / DAMAGED / version).unlink(missing_ok=True)


def forget(root: Path, version: str) -> None:
    """Remove the marks of a version that is gone."""
    restore(root, version)
    note_damage(root, version, [])


def _set(root: Path, kind: str, version: str, text: str) -> None:
    (root / kind).mkdir(exist_ok=True)
    (root / kind / version).write_text(text)
