"""Disks that are full, or read-only."""

import os
import random
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.errors import DiskFull
from pipelines.refresh.files import _groups
from tests.e2e.bad_input.place import Place, insert, listing, published, refused


def succeeds(*words: Any) -> bool:
    """Whether a command is there and does what it should."""
    command = [str(word) for word in words]
    there = shutil.which(command[0])
    return bool(there) and not subprocess.run(command, capture_output=True, check=False).returncode


@pytest.fixture
def disk() -> Iterator[Path]:
    """A disk of four megabytes; not in a folder that pytest clears, in case it is killed."""
    path = Path(tempfile.mkdtemp(prefix="stockrank-disk-"))
    if not succeeds("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", path):
        path.rmdir()
        pytest.skip("needs the right to mount a tmpfs")
    yield path
    # Lazily, for readers of the lake may not have been collected yet.
    assert succeeds("umount", "--lazy", path)
    path.rmdir()


def on_disk(made: Place, disk: Path, top: Path) -> Place:
    """A larger database outside the disk, and its lake as a link to a copy on the disk."""
    place = Place(top)
    place.database.parent.mkdir(parents=True)
    shutil.copy(made.database, place.database)
    shutil.copytree(made.lake, disk / "lake", symlinks=True)
    place.lake.symlink_to(disk / "lake")
    rng = random.Random(1)
    with closing(sqlite3.connect(place.database)) as con, con:
        for n in range(8000):
            row = {c: rng.uniform(5, 6) for c in ("open", "close")} | {"low": 4.5, "high": 7.5}
            insert(con, "daily_prices", row | {"ticker": f"N{n}", "date": "2024-01-02",
                                               "volume": float(rng.randrange(10**9))})  # fmt: skip
    return place


def fill(disk: Path, left: int) -> None:
    """Leave so many bytes free."""
    stat = os.statvfs(disk)
    with (disk / "filler").open("ab") as filler:
        filler.write(bytes(stat.f_bavail * stat.f_bsize - left))


@pytest.mark.parametrize(
    ("room", "message"),
    [
        (-100_000, r"the disk of .*/versions is too full: a refresh needs .* MB are free"),
        (30_000, r"the disk of .*/versions is too full: a refresh needs .* MB are free"),
    ],
    ids=["no room for the copy", "no room for the files"],
)
def test_a_disk_that_is_too_full_is_told_before_anything_is_written(
    made: Place, disk: Path, tmp_path: Path, room: int, message: str
) -> None:
    place = on_disk(made, disk, tmp_path / "place")
    fill(disk, place.database.stat().st_size + room)
    before = listing(disk)
    refused(place, message)
    assert listing(disk) == before
    (disk / "filler").unlink()
    assert "N1" in published(place).prices().collect()["ticker"]


@pytest.mark.parametrize("room", [-100_000, 30_000], ids=["no copy", "no room to spill"])
def test_a_full_disk_is_one_line_and_leaves_nothing(
    made: Place, disk: Path, tmp_path: Path, room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = on_disk(made, disk, tmp_path / "place")
    fill(disk, place.database.stat().st_size + room)
    before = listing(disk)
    with monkeypatch.context() as patch:
        patch.setattr("pipelines.lake.check_room", lambda *_: None, raising=False)
        with pytest.raises(DiskFull, match=f"^the disk of {place.lake} is full"):
            place.export()
    assert listing(disk) == before
    (disk / "filler").unlink()
    assert "N1" in published(place).prices().collect()["ticker"]


def test_a_disk_that_others_fill_while_files_are_written_is_one_line_and_leaves_nothing(
    made: Place, disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = on_disk(made, disk, tmp_path / "place")

    def filling(*args: Any) -> Iterator[pl.DataFrame]:
        for group in _groups(*args):
            fill(disk, 0)
            yield group

    with monkeypatch.context() as patch:
        patch.setattr("pipelines.refresh.files._groups", filling)
        before = listing(place.top)
        with pytest.raises(DiskFull, match=f"^the disk of {place.lake} is full"):
            place.export()
    assert listing(place.top) == before
    (disk / "filler").unlink()
    assert "N1" in published(place).prices().collect()["ticker"]


def test_a_lake_on_a_disk_that_is_read_only_is_named(
    made: Place, disk: Path, tmp_path: Path
) -> None:
    place = on_disk(made, disk, tmp_path / "place")
    assert succeeds("mount", "-o", "remount,ro", disk)
    refused(place, "cannot write .*lake.*: Read-only file system")
