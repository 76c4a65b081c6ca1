"""Marks of versions: set, read, taken away."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.errors import LakeError
from pipelines.lake import marks


def test_a_version_is_withdrawn_until_it_is_restored(tmp_path: Path) -> None:
    assert not marks.is_withdrawn(tmp_path, "v")
    marks.withdraw(tmp_path, "v")
    assert marks.is_withdrawn(tmp_path, "v")
    assert not marks.is_withdrawn(tmp_path, "w")
    marks.restore(tmp_path, "v")
    marks.restore(tmp_path, "v")
    assert not marks.is_withdrawn(tmp_path, "v")


def test_damage_is_known_until_the_version_is_whole_again(tmp_path: Path) -> None:
    assert marks.known_damage(tmp_path, "v") is None
    marks.note_damage(tmp_path, "v", ["a is missing", "b has other bytes"])
    assert marks.known_damage(tmp_path, "v") == "a is missing; b has other bytes"
    marks.note_damage(tmp_path, "v", [])
    assert marks.known_damage(tmp_path, "v") is None


def test_a_mark_without_a_word_is_damage(tmp_path: Path) -> None:
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "v").touch()
    assert marks.known_damage(tmp_path, "v") == "its files are damaged"


def test_a_mark_of_other_bytes_is_damage(tmp_path: Path) -> None:
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "v").write_bytes(b"a is \xff")
    assert marks.known_damage(tmp_path, "v") == "a is \ufffd"


def test_all_marks_of_a_version_are_forgotten(tmp_path: Path) -> None:
    marks.withdraw(tmp_path, "v")
    marks.note_damage(tmp_path, "v", ["a"])
    marks.forget(tmp_path, "v")
    assert (marks.is_withdrawn(tmp_path, "v"), marks.known_damage(tmp_path, "v")) == (False, None)


@pytest.mark.parametrize(
    ("kind", "set_mark"),
    [
        ("damaged", lambda root: marks.note_damage(root, "v", ["a is missing"])),
        ("withdrawn", lambda root: marks.withdraw(root, "v")),
    ],
)
def test_a_file_in_place_of_the_folder_of_marks_is_named(
    tmp_path: Path, kind: str, set_mark: Callable[[Path], None]
) -> None:
    (tmp_path / kind).write_text("no folder")
    with pytest.raises(LakeError) as refused:
        set_mark(tmp_path)
    assert str(refused.value) == (
        f"{tmp_path}/{kind} is no folder, so that version v cannot be marked as {kind}; "
        "move it away, then try again"
    )
    marks.forget(tmp_path, "v")  # there is no mark to take off
    assert marks.known_damage(tmp_path, "v") is None
    assert not marks.is_withdrawn(tmp_path, "v")
