"""The condition of a lake: each way in which it cannot be read, with its reason."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.errors import LakeError
from pipelines.lake import MANIFEST, SCHEMA_VERSION, Condition, Lake, condition_of, layout, marks
from pipelines.lake import condition as conditions
from pipelines.lake.publishing import point_current_to, rollback
from tests.unit.lake.test_publishing import V1, V2, V3, made

REMEDY = "start a refresh, or roll back"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A lake of three versions, the newest of them current."""
    return made(tmp_path / "lake")


def test_a_whole_lake_is_readable(root: Path) -> None:
    assert condition_of(root) == Condition("readable", V3)
    assert condition_of(root).trouble is None


@pytest.mark.parametrize("name", ["lake", "nowhere"])
def test_a_lake_without_versions_is_empty(tmp_path: Path, name: str) -> None:
    (tmp_path / "lake").mkdir()
    found = condition_of(tmp_path / name)
    assert found == Condition("empty", None, "nothing is published; start a refresh")
    assert found.trouble is None


def cut(root: Path) -> None:
    (root / "versions" / V3 / "a.parquet").write_bytes(b"ab")


def remove(root: Path) -> None:
    (root / "versions" / V3 / "a.parquet").unlink()


def mark(root: Path) -> None:
    marks.note_damage(root, V3, ["a.parquet has other bytes"])


@pytest.mark.parametrize(
    ("hurt", "problem"),
    [
        (cut, "a.parquet has other bytes than were written"),
        (remove, "a.parquet is missing"),
        (mark, "a.parquet has other bytes"),
    ],
)
def test_a_version_with_a_damaged_file(
    root: Path, hurt: Callable[[Path], None], problem: str
) -> None:
    hurt(root)
    reason = f"version {V3} is damaged: {problem}; {REMEDY}"
    assert condition_of(root) == Condition("damaged", V3, reason)
    assert condition_of(root).trouble == reason


def manifest(text: str) -> Callable[[Path], None]:
    return lambda root: (root / "versions" / V3 / MANIFEST).write_text(text) and None


def remove_version(root: Path) -> None:
    shutil.rmtree(root / "versions" / V3)


def remove_manifest(root: Path) -> None:
    (root / "versions" / V3 / MANIFEST).unlink()


@pytest.mark.parametrize(
    ("hurt", "reason"),
    [
        (remove_version, f"version {V3} is gone: current points to it, but its folder is missing"),
        (remove_manifest, f"version {V3} is damaged: its {MANIFEST} cannot be read"),
        (manifest("{"), f"version {V3} is damaged: its {MANIFEST} cannot be read"),
        (manifest(""), f"version {V3} is damaged: its {MANIFEST} cannot be read"),
        (
            manifest(json.dumps({"schema_version": 99})),
            f"version {V3} has layout 99, this release reads {SCHEMA_VERSION}",
        ),
    ],
    ids=["gone", "no manifest", "cut", "empty", "layout"],
)
def test_a_version_that_cannot_be_opened(
    root: Path, hurt: Callable[[Path], None], reason: str
) -> None:
    hurt(root)
    assert condition_of(root) == Condition("unreadable", V3, f"{reason}; {REMEDY}")


def unlink(root: Path) -> None:
    layout.current(root).unlink()


def point_outside(root: Path) -> None:
    (root.parent / "versions").mkdir()
    (root / "versions" / V3).rename(root.parent / "versions" / V3)
    layout.current(root).unlink()
    layout.current(root).symlink_to(root.parent / "versions" / V3)


@pytest.mark.parametrize(
    ("hurt", "reason"),
    [
        (unlink, "current is missing, though there are versions"),
        (point_outside, "current points outside of the lake"),
    ],
)
def test_versions_of_which_none_is_current(
    root: Path, hurt: Callable[[Path], None], reason: str
) -> None:
    hurt(root)
    assert condition_of(root) == Condition("unreadable", None, f"{reason}; start a refresh")
    assert layout.current_id(root) is None
    with pytest.raises(LakeError, match=f"{reason}; run python -m pipelines.export"):
        Lake(root)


def test_a_link_with_a_whole_path_into_the_lake_is_inside(root: Path) -> None:
    layout.current(root).unlink()
    layout.current(root).symlink_to(root / "versions" / V2)
    assert condition_of(root) == Condition("readable", V2)


def test_a_folder_in_place_of_the_link_is_told_with_the_remedy(root: Path) -> None:
    unlink(root)
    layout.current(root).mkdir()
    told = "current is no link to a version; move it away, then run python -m pipelines.export"
    assert condition_of(root) == Condition("unreadable", None, told)


def test_a_file_in_place_of_the_lake(tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("a file")
    told = "the lake is not a folder; put the folder back"
    assert condition_of(tmp_path / "lake") == Condition("unreadable", None, told)


def test_what_the_system_refuses_is_told_without_the_place_of_the_lake(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == MANIFEST:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    told = f"cannot read versions/{V3}/{MANIFEST}: Permission denied"
    assert condition_of(root) == Condition("unreadable", V3, told)


def test_a_version_that_is_pruned_while_it_is_looked_at_does_not_count(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = conditions.manifest_of

    def pruned(root: Path, version: str) -> object:
        if version == V3:
            shutil.rmtree(root / "versions" / V3)
            point_current_to(root, V1)
        return real(root, version)

    monkeypatch.setattr(conditions, "manifest_of", pruned)
    assert condition_of(root) == Condition("readable", V1)


def test_the_newest_version_that_was_rolled_back_is_named(root: Path) -> None:
    rollback(root)
    assert condition_of(root) == Condition("readable", V2, rolled_back=V3)
    rollback(root)
    assert condition_of(root) == Condition("readable", V1, rolled_back=V3)
    rollback(root, V3)  # forth again; that V2 was rolled back is of no matter now
    assert condition_of(root) == Condition("readable", V3)
