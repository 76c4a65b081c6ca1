"""A machine whose memory, kernel files and time are what a test says."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.watch.levels import Level
from app.watch.memory import Guard

START = datetime(2026, 11, 24, 17, tzinfo=UTC)
GROUPS = Path("nowhere")


@dataclass
class Machine:
    """Memory and time as a test sets them."""

    process: float = 100.0
    child: float | None = None
    pid: int | None = None
    seconds: float = 0.0
    asked: list[int | None] = field(default_factory=list)

    def read(self, pid: int | None) -> float | None:
        self.asked.append(pid)
        return self.process if pid is None else self.child

    def guard(self, limit_mb: float = 1000, hold: float = 10, root: Path = GROUPS) -> Guard:
        return Guard(
            limit_mb, 75, 90, hold, child=lambda: self.pid, root=root, read=self.read,
            now=lambda: START + timedelta(seconds=self.seconds), elapsed=lambda: self.seconds,
        )  # fmt: skip

    def at(self, guard: Guard, seconds: float, process: float) -> Level:
        self.seconds, self.process = seconds, process
        sample = guard.sample()
        assert sample.level is guard.level
        return guard.level


def write(folder: Path, **files: object) -> None:
    """Write files of the kernel; `__` in a name stands for a dot."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in files.items():
        (folder / name.replace("__", ".")).write_text(f"{value}\n")
