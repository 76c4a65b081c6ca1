"""The layout of the lake: every path below it, the ids of its versions and of the current one.

```
versions/20261124T170500Z-3fa1c2/     a version: manifest.json, source.state, a folder a dataset,
                                      rejects/
versions/.partial-…  .trash-…         a version that is being written, or deleted
current                               a link to the published version
withdrawn/…  damaged/…                marks: versions that were rolled back, or found damaged
kept                                  the ids of the versions that nobody may delete but `prune`
remote                                what the lake has in common with an object store
.scratch-…                            a folder for a short time, of a command that compares
.lock  .pointer.lock                  the lock of the one writer, and of moving `current`
refreshes/…                           the records of refreshes that no service started
service/                              the records of the service: refreshes, alerts, logs
backtests/…                           the backtests of a version, which can be computed anew
```
"""

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from errno import EINVAL
from pathlib import Path
from secrets import token_hex
from typing import Final, Literal

from pipelines.errors import LakeError

MANIFEST: Final = "manifest.json"
STATE: Final = "source.state"
"""Beside the manifest: the state of the database that the version was made from."""
ID_FORMAT: Final = "%Y%m%dT%H%M%SZ"
VERSION_ID: Final = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")

PARTIAL: Final = ".partial-"
TRASH: Final = ".trash-"
SCRATCH: Final = ".scratch-"
LINK: Final = ".current-"

Mark = Literal["withdrawn", "damaged"]


def current(root: Path) -> Path:
    """Return the link to the published version."""
    return root / "current"


def service(root: Path) -> Path:
    """Return the folder of what the service remembers: refreshes, alerts, logs."""
    return root / "service"


def backtests(root: Path) -> Path:
    """Return the folder of the backtests of versions."""
    return root / "backtests"


def backtests_of(root: Path, version_id: str) -> Path:
    """Return the folder of the backtests of a version."""
    return backtests(root) / version_id


def backtest(root: Path, version_id: str, strategy: str) -> Path:
    """Return the backtest of a strategy."""
    return backtests_of(root, version_id) / f"{strategy}.json"


def prepared(root: Path, version_id: str) -> Path:
    """Return the file that tells how the backtests of a version were computed."""
    return backtests_of(root, version_id) / ".made"


def runs(root: Path) -> Path:
    """Return the folder of the records of refreshes that no service started."""
    return root / "refreshes"


def run(root: Path, run_id: str) -> Path:
    """Return the record of a refresh that no service started."""
    return runs(root) / f"{run_id}.jsonl"


def version(root: Path, version_id: str) -> Path:
    """Return the folder of a version."""
    return versions(root) / version_id


def versions(root: Path) -> Path:
    """Return the folder of all versions."""
    return root / "versions"


def partial(root: Path, version_id: str) -> Path:
    """Return the folder of a version while it is being written."""
    return versions(root) / f"{PARTIAL}{version_id}"


def trash(root: Path, version_id: str) -> Path:
    """Return the folder of a version while it is being deleted."""
    return versions(root) / f"{TRASH}{version_id}"


def leftovers(root: Path) -> Iterator[Path]:
    """Return the folders of versions whose writing or deleting was cut off."""
    for prefix in (PARTIAL, TRASH):
        yield from versions(root).glob(f"{prefix}*")


def target(version_id: str) -> Path:
    """Return the path of a version relative to the lake, to which `current` links."""
    return versions(Path()) / version_id


def new_link(root: Path) -> Path:
    """Return the path of a new link, which is to replace `current`."""
    return root / f"{LINK}{token_hex(3)}"


def leftover_links(root: Path) -> Iterator[Path]:
    """Return the links that were made but did not replace `current`."""
    return root.glob(f"{LINK}*")


def new_scratch(root: Path) -> Path:
    """Return the path of a folder for a short time."""
    return root / f"{SCRATCH}{token_hex(3)}"


def leftover_scratch(root: Path) -> Iterator[Path]:
    """Return the folders for a short time; one whose lock is free was left by a killed process."""
    return root.glob(f"{SCRATCH}*")


def scratch_lock(folder: Path) -> Path:
    """Return the file that the user of a folder for a short time locks."""
    return folder / ".lock"


def mark(root: Path, kind: Mark, version_id: str) -> Path:
    """Return the file that marks a version."""
    return root / kind / version_id


def marked(root: Path, kind: Mark) -> list[str]:
    """Return the ids of the versions with a mark, in any order."""
    return [path.name for path in (root / kind).glob("*") if VERSION_ID.fullmatch(path.name)]


def kept(root: Path) -> Path:
    """Return the list of the versions that are kept."""
    return root / "kept"


def remote(root: Path) -> Path:
    """Return the note of what the lake has in common with an object store."""
    return root / "remote"


def writer_lock(root: Path) -> Path:
    """Return the file that the one writer of the lake locks."""
    return root / ".lock"


def pointer_lock(root: Path) -> Path:
    """Return the file that is locked while `current` moves."""
    return root / ".pointer.lock"


def data_file(dataset: str, year: int | None) -> str:
    """Return the path of a dataset's file, relative to the folder of the version."""
    folder = dataset if year is None else f"{dataset}/year={year}"
    return f"{folder}/0.parquet"


def observed_file(dataset: str, number: int | None) -> str:
    """Return the path of observations; those that wait have no number."""
    return f"{dataset}/{'waiting' if number is None else number}.parquet"


def rejects(dataset: str) -> str:
    """Return the path of a dataset's rejected rows, relative to the folder of the version."""
    return f"rejects/{dataset}.parquet"


# --------------------------------------------------------------------------------------- ids


def version_ids(root: Path) -> list[str]:
    """Return the ids of the complete versions, oldest first.

    A folder with another kind of name, such as a copy that somebody made, is no version.
    """
    names = (path.parent.name for path in versions(root).glob(f"[!.]*/{MANIFEST}"))
    return sorted(name for name in names if VERSION_ID.fullmatch(name))


def current_id(root: Path) -> str | None:
    """Return the id of the published version; None if there is none, or it lies outside the lake.

    `LakeError` if `current` is no link.
    """
    link = current(root)
    check_name(root)
    try:
        aim = link.readlink()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno == EINVAL:
            raise LakeError(
                f"{link} is no link to a version; move it away, then run python -m pipelines.export"
            ) from None
        raise LakeError(f"cannot read {link}: {error.strerror}") from None
    return aim.name if _is_inside(root, aim) else None


def _is_inside(root: Path, aim: Path) -> bool:
    """Return True if `current` aims at a version of this lake."""
    return aim == target(aim.name) or (root / aim.parent).resolve() == versions(root).resolve()


def why_none_is_current(root: Path) -> str | None:
    """Return why a lake without a current version is not just empty; None if it is."""
    if current(root).is_symlink():
        return "current points outside of the lake"
    if version_ids(root):
        return "current is missing, though there are versions"
    return None


def new_version_id(root: Path, now: datetime | None = None) -> str:
    """Return an id that sorts after all others, even if the clock went back."""
    now = now or datetime.now(UTC)
    if ids := version_ids(root):
        newest = datetime.strptime(ids[-1].split("-")[0], ID_FORMAT).replace(tzinfo=UTC)
        now = max(now, newest + timedelta(seconds=1))
    return f"{now:{ID_FORMAT}}-{token_hex(3)}"


def check_name(root: Path) -> None:
    """Raise `LakeError` for a path that is not Unicode, which Polars and connectorx cannot open."""
    try:
        str(root).encode()
    except UnicodeEncodeError:
        shown = os.fsencode(root).decode(errors="backslashreplace")
        raise LakeError(f"the path {shown} is not UTF-8; choose another for the lake") from None
