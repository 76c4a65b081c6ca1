"""The control group whose memory limit ends this process first, v2 or else v1."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from pipelines.runtime import MB

ROOT: Final = Path("/sys/fs/cgroup")
MEMBERSHIP: Final = Path("/proc/self/cgroup")
UNLIMITED: Final = 1 << 60
"""Version 1 writes the largest number of pages that there can be for no limit."""


@dataclass(frozen=True)
class _Version:
    """Where a version of control groups keeps what."""

    mount: str
    limit: str
    usage: str
    caches: tuple[str, str]


V2: Final = _Version("", "memory.max", "memory.current", ("active_file", "inactive_file"))
V1: Final = _Version(
    "memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
    ("total_active_file", "total_inactive_file"),
)  # fmt: skip


@dataclass(frozen=True)
class Cgroup:
    """A group with a memory limit, in MB, that all its processes share."""

    path: Path
    limit_mb: float
    version: _Version

    def used_mb(self) -> float | None:
        """What the kernel cannot take back, in MB: all but cached files; None if it is not told.

        The kernel gives up its cache of files before it ends a process, and keeps it until then:
        a group that has read and written much is at its limit, and not in trouble.
        """
        usage = _number(self.path / self.version.usage)
        if usage is None:
            return None
        stat = (_text(self.path / "memory.stat") or "").splitlines()
        counts = dict(line.split(maxsplit=1) for line in stat if " " in line)
        cached = sum(int(counts.get(name, 0)) for name in self.version.caches)
        return max(0, usage - cached) / MB


def limiting(root: Path = ROOT, membership: Path = MEMBERSHIP) -> Cgroup | None:
    """The group with the smallest limit among that of this process and those above it."""
    for version in (V2, V1):
        groups = list(_limited(version, root, membership))
        if groups:
            return min(groups, key=lambda group: group.limit_mb)
    return None


def _limited(version: _Version, root: Path, membership: Path) -> Iterator[Cgroup]:
    """The groups with a limit, from that of this process up."""
    top = root / version.mount
    own = PurePosixPath(_own(version, membership).lstrip("/"))
    for folder in (own, *own.parents):
        limit = _number(top / folder / version.limit)
        if limit is not None and 0 < limit < UNLIMITED:
            yield Cgroup(top / folder, limit / MB, version)


def _own(version: _Version, membership: Path) -> str:
    """The path of this process's group below the mount, the mount itself where it is not below."""
    for line in (_text(membership) or "").splitlines():
        _, controllers, path = line.split(":", maxsplit=2)
        if version.mount in controllers.split(",") and ".." not in PurePosixPath(path).parts:
            return path
    return "/"


def _number(path: Path) -> int | None:
    """The number in a file; None for `max`, or without the file."""
    text = (_text(path) or "").strip()
    return int(text) if text.isdecimal() else None


def _text(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        # No such group or controller, or one that this process may not see.
        return None
