"""Marks beside the versions of a lake: those that were rolled back, and those found damaged."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pipelines.errors import LakeError
from pipelines.lake.layout import Mark, mark, marked


def is_withdrawn(root: Path, version: str) -> bool:
    """Return True if a version was rolled back."""
    return mark(root, "withdrawn", version).exists()


def rolled_back(root: Path, current: str) -> str | None:
    """Return the newest version that was rolled back, where it is newer than the current one."""
    newest = max(marked(root, "withdrawn"), default="")
    return newest if newest > current else None


def withdraw(root: Path, version: str) -> None:
    """Mark a version as rolled back."""
    _set(root, "withdrawn", version, "")


def restore(root: Path, version: str) -> None:
    """Take the mark of a roll-back off a version."""
    _take_off(mark(root, "withdrawn", version))


def known_damage(root: Path, version: str) -> str | None:
    """Return the damage that was found in a version, if any."""
    with suppress(FileNotFoundError, NotADirectoryError):
        told = mark(root, "damaged", version).read_text(encoding="utf-8", errors="replace")
        return told or "its files are damaged"
    return None


def damaged(root: Path) -> dict[str, str]:
    """Return the damage that was found, by version, oldest first."""
    found = {version: known_damage(root, version) for version in sorted(marked(root, "damaged"))}
    return {version: told for version, told in found.items() if told}


def note_damage(root: Path, version: str, problems: Sequence[str]) -> None:
    """Mark a version as damaged; without problems, take the mark off."""
    if problems:
        _set(root, "damaged", version, "; ".join(problems))
    else:
        _take_off(mark(root, "damaged", version))


def forget(root: Path, version: str) -> None:
    """Remove the marks of a version that is gone."""
    restore(root, version)
    note_damage(root, version, [])


def _set(root: Path, kind: Mark, version: str, text: str) -> None:
    path = mark(root, kind, version)
    try:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except (FileExistsError, NotADirectoryError):
        raise LakeError(
            f"{path.parent} is no folder, so that version {version} cannot be marked as {kind}; "
            "move it away, then try again"
        ) from None


def _take_off(path: Path) -> None:
    with suppress(FileNotFoundError, NotADirectoryError):
        path.unlink()
