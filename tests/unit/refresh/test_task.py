"""The folders of a version that is being made."""

from pathlib import Path

import pytest

from pipelines.refresh.task import staging, start_over
from tests.factories import fingerprint
from tests.tasks import copied, task


def test_everything_of_a_version_is_below_its_own_folder(tmp_path: Path) -> None:
    made = task(tmp_path)
    assert made.staged == tmp_path / "lake" / "versions" / ".partial-v"
    assert made.work == made.staged / ".work"
    assert made.source == fingerprint()


def test_what_was_not_published_is_removed_also_after_an_error(tmp_path: Path) -> None:
    made = task(tmp_path)
    made.work.rmdir()
    with staging(made):
        assert made.work.is_dir()
    assert not made.staged.exists()
    with pytest.raises(ValueError, match="odd"), staging(made):
        raise ValueError("odd")
    assert not made.staged.exists()


def test_a_second_start_keeps_the_copy_and_the_state(tmp_path: Path) -> None:
    made = task(tmp_path)
    copied(made)
    (made.staged / "prices" / "year=2024").mkdir(parents=True)
    (made.staged / "rejects").mkdir()
    (made.staged / "source.state").touch()
    start_over(made)
    assert sorted(path.name for path in made.staged.iterdir()) == [".work", "source.state"]
    assert (made.work / "source.db").exists()
