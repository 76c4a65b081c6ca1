"""The room on the disks of a lake as the service tells it, its alert, and a start on a disk."""

import logging
import threading
from pathlib import Path

import pytest

from app.watch import disk, rules
from app.watch.alerts import Observation
from app.watch.disk import DiskUsage, FolderRoom, disk_usage, wait_for_disk
from pipelines.lake import Room, layout
from tests.factories import data_file, dataset, manifest

MADE = manifest(datasets={"prices": dataset(data_file("prices/0.parquet", bytes=20_000_000))})


def usage(free_mb: float, needed_mb: float | None = 100.0) -> DiskUsage:
    return DiskUsage(
        folders=(FolderRoom("lake", 5.0, 1000.0), FolderRoom("work", free_mb, 1000.0)),
        copy_mb=needed_mb and needed_mb - 20.0, files_mb=needed_mb and 20.0, needed_mb=needed_mb,
        enough=None if needed_mb is None else free_mb >= needed_mb,
    )  # fmt: skip


def test_what_a_refresh_has_written_counts_as_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "app.db").open("wb") as file:
        file.truncate(80_000_000)
    monkeypatch.setattr("pipelines.lake.room_of", lambda _: Room(99_000_000, 10**9), raising=False)
    found = disk_usage(tmp_path / "lake", tmp_path / "app.db", MADE)
    assert found == DiskUsage(
        folders=(FolderRoom("lake", 99.0, 1000.0), FolderRoom("work", 99.0, 1000.0)),
        copy_mb=80.0, files_mb=20.0, needed_mb=100.0, enough=False,
    )  # fmt: skip
    work = layout.partial(tmp_path / "lake", "v")
    work.mkdir(parents=True)
    with (work / "source.db").open("wb") as file:
        file.truncate(1_000_000)
    found = disk_usage(tmp_path / "lake", tmp_path / "app.db", MADE)
    assert (found.folders[1].free_mb, found.enough) == (100.0, True)


def test_a_disk_that_tells_nothing_is_not_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Path) -> Room:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "app.db").touch()
    monkeypatch.setattr("pipelines.lake.room_of", broken, raising=False)
    found = disk_usage(tmp_path / "lake", tmp_path / "app.db", None)
    assert (found.folders, found.needed_mb, found.enough) == ((), 0.0, None)
    assert rules.disk_low(found).message is None


@pytest.mark.parametrize("enough", [usage(120.0), usage(0.0, needed_mb=None)])
def test_a_disk_with_a_fifth_to_spare_is_no_alert(enough: DiskUsage) -> None:
    assert rules.disk_low(enough).message is None


def test_a_disk_that_hardly_has_room_is_a_warning_and_one_without_is_critical() -> None:
    end = (
        "room for a refresh, which needs 100.0 MB (80.0 MB for its copy of the database, 20.0 MB "
        "for the new version): {} MB are free; make room, or delete old versions with "
        "python -m pipelines.versions prune"
    )
    assert rules.disk_low(usage(119.9)) == Observation(
        "disk_low", "warning", f"the disk of the lake hardly has {end.format('119.9')}"
    )
    assert rules.disk_low(usage(99.9)) == Observation(
        "disk_low", "critical", f"the disk of the lake has not the {end.format('99.9')}"
    )


# ------------------------------------------------------------------------------------- start


def test_a_start_on_a_disk_that_hangs_says_so_until_it_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    told_twice, error = threading.Event(), disk.logger.error

    def tell(*message: object) -> None:
        error(*message)
        if len(caplog.messages) == 2:
            told_twice.set()

    def look(_: Path) -> None:
        told_twice.wait()

    monkeypatch.setattr(disk.logger, "error", tell)
    wait_for_disk(tmp_path, look, seconds=0.25, again=0.5)
    no_answer = ("the disk of the lake gives no answer for {} s, and the service starts once it "
                 "does; check the disk, or the network that it is on")  # fmt: skip
    assert caplog.messages[:2] == [no_answer.format(0.25), no_answer.format(0.75)]
    assert caplog.messages[-1] == "the disk of the lake answers"


def test_a_start_on_a_disk_that_answers_says_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "service").mkdir()
    (tmp_path / "service" / "alerts.jsonl").write_text("{}")
    (tmp_path / "service" / "jobs.jsonl").mkdir()  # which cannot be read: an answer as well
    for root in (tmp_path, tmp_path / "missing"):
        wait_for_disk(root)
    assert caplog.messages == []
