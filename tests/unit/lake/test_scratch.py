"""Folders below the lake for a short time."""

import fcntl
from pathlib import Path

import pytest

from pipelines.lake import layout
from pipelines.lake.publishing import clean, writing
from pipelines.lake.scratch import scratch


def left(lake: Path) -> list[Path]:
    return list(layout.leftover_scratch(lake))


def test_a_folder_is_below_the_lake_and_is_removed_at_the_end(tmp_path: Path) -> None:
    with scratch(tmp_path) as folder:
        (folder / "source.db").write_bytes(b"copy")
        assert left(tmp_path) == [folder]
        with writing(tmp_path):  # whoever writes leaves it, for it is in use
            assert (folder / "source.db").exists()
    assert left(tmp_path) == []


def test_a_folder_is_removed_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError), scratch(tmp_path):
        raise KeyError
    assert left(tmp_path) == []


@pytest.mark.parametrize("lock", [True, False])
def test_the_folder_of_a_process_that_was_killed_is_removed(tmp_path: Path, lock: bool) -> None:
    folder = layout.new_scratch(tmp_path)
    folder.mkdir()
    if lock:
        layout.scratch_lock(folder).touch()
    clean(tmp_path)
    assert left(tmp_path) == []


def test_a_folder_that_is_locked_stays(tmp_path: Path) -> None:
    folder = layout.new_scratch(tmp_path)
    folder.mkdir()
    with layout.scratch_lock(folder).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        clean(tmp_path)
        assert left(tmp_path) == [folder]
