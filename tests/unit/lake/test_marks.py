"""Marks of versions: set, read, taken away."""

from pathlib import Path

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
