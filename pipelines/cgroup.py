"""The control group whose memory limit ends this process first, v2 or else v1."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from pipelines.runtime import MB

ROOT: Final = Path("/sys/fs/cgroup")
MEMBERSHIP: Final = Path("/proc/self/cgroup")
UNLIMITED: Final = 1 << 60
"""Version 1 has no word for "no limit"; it names the largest number of pages there can be."""


@dataclass(frozen=True)
class _Files:
    """The files in which a version of control groups keeps its numbers."""

    mount: str
    limit: str
    usage: str
    caches: tuple[str, str]


V2: Final = _Files("", "memory.max", "memory.current", ("active_file", "inactive_file"))
V1: Final = _Files(
    "memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
    ("total_active_file", "total_inactive_file"),
)  # fmt: skip


@dataclass(frozen=True)
class Cgroup:
    """A group with a memory limit, in MB, that all its processes share."""

    path: Path
    limit_mb: float
    files: _Files

    def used_mb(self) -> float | None:
        """The memory that the kernel cannot take back, in MB: all but cached files.

        None where the kernel does not tell it. The kernel gives up its cache of files before it
        ends a process, and not sooner: a group that has read and written much is at its limit
        without being in trouble.
        """
        usage = _number(self.path / self.files.usage)
        if usage is None:
            return None
        stat = (_text(self.path / "memory.stat") or "").splitlines()
        counts = dict(line.split(maxsplit=1) for line in stat if " " in line)
        cached = sum(int(counts.get(name, 0)) for name in self.files.caches)
        return max(0, usage - cached) / MB


def limiting(root: Path = ROOT, membership: Path = MEMBERSHIP) -> Cgroup | None:
    """The group of this process, or one above it, with the smallest limit; None without a limit."""
    for files in (V2, V1):
        groups = list(_limited(files, root, membership))
        if groups:
            return min(groups, key=lambda group: group.limit_mb)
    return None


def _limited(files: _Files, root: Path, membership: Path) -> Iterator[Cgroup]:
    """The groups that have a limit, from the group of this process upwards."""
    top = root / files.mount
    own = PurePosixPath(_own(files, membership).lstrip("/"))
    for folder in (own, *own.parents):
        limit = _number(top / folder / files.limit)
        if limit is not None and 0 < limit < UNLIMITED:
            yield Cgroup(top / folder, limit / MB, files)


def _own(files: _Files, membership: Path) -> str:
    """The path of this process's group below the mount; the mount where the group is elsewhere."""
    for line in (_text(membership) or "").splitlines():
        _, controllers, path = line.split(":", maxsplit=2)
        if files.mount in controllers.split(",") and ".." not in PurePosixPath(path).parts:
            return path
    return "/"


def _number(path: Path) -> int | None:
    """The number in a file; None where it says `max`, or is not there."""
    text = (_text(path) or "").strip()
    return int(text) if text.isdecimal() else None


def _text(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        # No such group or controller, or one that this process may not see.
        return None
