"""The condition of a lake: whether its current version can be opened as it was written, or why not.

A reason never names a place outside of the lake, for everyone may read it.
"""

import stat
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

from pipelines.errors import LakeError
from pipelines.lake import layout, listing, marks
from pipelines.lake.described import Damaged, OtherLayout, manifest_of
from pipelines.lake.layout import MANIFEST

ConditionState = Literal["readable", "empty", "damaged", "unreadable"]
REMEDY: Final = "start a refresh, or roll back"


@dataclass(frozen=True)
class Condition:
    """The state of a lake, the id of its current version where that is known, and the reason.

    A lake is `empty` if nothing is published, `damaged` if a file of the current version is not as
    it was written, and `unreadable` if that version cannot be opened at all. The reason ends with
    the remedy; it is null for a lake that is readable. `rolled_back` is the id of a newer version,
    from which somebody went back to this one.
    """

    state: ConditionState
    version: str | None = None
    reason: str | None = None
    rolled_back: str | None = None

    @property
    def trouble(self) -> str | None:
        """The reason not to trust the current version; None if it is whole, or there is none."""
        return self.reason if self.state in ("damaged", "unreadable") else None

    def as_dict(self) -> dict[str, str | None]:
        """The condition as JSON holds it."""
        return asdict(self)


def condition_of(root: Path) -> Condition:
    """Return the condition of a lake at this moment.

    A version may be pruned while it is looked at, once another is current: then that one counts.
    """
    found = _seen(root)
    while found.trouble and (again := _seen(root)).version != found.version:
        found = again
    return found


def _seen(root: Path) -> Condition:
    version = None
    try:
        if not stat.S_ISDIR(root.stat().st_mode):
            return Condition("unreadable", None, "the lake is not a folder; put the folder back")
        version = layout.current_id(root)
        return _without_current(root) if version is None else _of_version(root, version)
    except FileNotFoundError:
        return _without_current(root)
    except LakeError as error:
        return Condition("unreadable", version, _inside(root, str(error)))
    except OSError as error:
        told = f"cannot read {error.filename or 'the lake'}: {error.strerror}"
        return Condition("unreadable", version, _inside(root, told))


def _without_current(root: Path) -> Condition:
    if missing := layout.why_none_is_current(root):
        return Condition("unreadable", None, f"{missing}; start a refresh")
    return Condition("empty", None, "nothing is published; start a refresh")


def _of_version(root: Path, version: str) -> Condition:
    try:
        manifest = manifest_of(root, version)
    except OtherLayout as error:
        return Condition("unreadable", version, f"{error.problem}; {REMEDY}")
    except Damaged:
        return Condition("unreadable", version, f"{_without_manifest(root, version)}; {REMEDY}")
    if found := listing.problems(root, version, manifest):
        return Condition("damaged", version, f"version {version} is damaged: {found}; {REMEDY}")
    return Condition("readable", version, rolled_back=marks.rolled_back(root, version))


def _without_manifest(root: Path, version: str) -> str:
    if not layout.version(root, version).exists():
        return f"version {version} is gone: current points to it, but its folder is missing"
    return f"version {version} is damaged: its {MANIFEST} cannot be read"


def _inside(root: Path, text: str) -> str:
    """Return a text with the paths of the lake as they are below it."""
    return text.replace(f"{root}/", "").replace(str(root), "the lake")
