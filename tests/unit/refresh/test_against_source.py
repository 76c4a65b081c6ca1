"""The comparison with the database: where its copy is, and that nothing is left of it."""

from pathlib import Path

import pytest

from pipelines.errors import DiskFull
from pipelines.lake import Lake, layout
from pipelines.refresh import against_source
from pipelines.refresh.task import Task, copy_database


@pytest.fixture
def opened(demo_market: Path) -> Lake:
    return Lake(demo_market / "lake")


def test_the_copy_is_below_the_lake_and_not_in_the_temporary_folder(
    demo_market: Path, opened: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies: list[Path] = []

    def copy(task: Task) -> None:
        copies.append(task.copy)
        copy_database(task)

    monkeypatch.setattr(against_source, "copy_database", copy)
    found = against_source.verify_against_source(opened, demo_market / "demo.db")
    assert found.problems == []
    (made,) = copies
    assert made.is_relative_to((demo_market / "lake").resolve())
    assert not made.exists()
    assert list(layout.leftover_scratch(demo_market / "lake")) == []


def test_a_comparison_that_does_not_fit_on_the_disk_is_refused(
    demo_market: Path, opened: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = (0, 0, 1000)
    monkeypatch.setattr("pipelines.lake.space.shutil.disk_usage", lambda _: _Usage(*full))
    with pytest.raises(DiskFull, match="is too full: a refresh needs"):
        against_source.verify_against_source(opened, demo_market / "demo.db")
    assert list(layout.leftover_scratch(demo_market / "lake")) == []


class _Usage:
    def __init__(self, total: int, used: int, free: int) -> None:
        self.total, self.used, self.free = total, used, free
