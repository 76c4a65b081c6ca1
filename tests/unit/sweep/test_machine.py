"""How many processes a sweep gets by default."""

from pathlib import Path

import pytest

from pipelines.sweep import machine as module
from pipelines.sweep.machine import fitting, free_mb


@pytest.mark.parametrize(
    ("stocks", "dates", "processors", "free", "expected"),
    [
        (730, 443, 8, 16_000.0, 1),  # some seconds of work
        (730, 9_300, 8, 16_000.0, 8),
        (730, 9_300, 8, 1_500.0, 2),
        (730, 9_300, 8, 300.0, 1),
        (730, 9_300, 1, 16_000.0, 1),
        (730, 9_300, 4, None, 4),  # where the system does not tell its memory
    ],
)
def test_the_number_of_processes(
    monkeypatch: pytest.MonkeyPatch, stocks: int, dates: int, processors: int,
    free: float | None, expected: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(module, "free_mb", lambda: free)
    monkeypatch.setattr(module, "processors", lambda: processors)
    assert fitting(stocks, dates) == expected


def test_the_memory_is_that_of_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable:    1000000 kB\n")
    monkeypatch.setattr(module, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(module.cgroup, "limiting", lambda: None)
    assert free_mb() == 1024.0
    monkeypatch.setattr(module, "MEMINFO", tmp_path / "none")
    assert free_mb() is None
