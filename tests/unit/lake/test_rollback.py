"""Rolling back from and past versions that are damaged, withdrawn, gone or of another layout."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from pipelines.errors import LakeError
from pipelines.lake import MANIFEST, SCHEMA_VERSION, Damaged, Lake, marks
from pipelines.lake import publishing as publish
from tests.unit.lake.test_publishing import V1, V2, V3, made


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A lake of three versions, the newest of them current."""
    return made(tmp_path / "lake")


def damage_manifest(folder: Path) -> None:
    (folder / MANIFEST).write_text("{")


def cut_file(folder: Path) -> None:
    (folder / "a.parquet").write_bytes(b"ab")


def remove_file(folder: Path) -> None:
    (folder / "a.parquet").unlink()


def mark_damaged(folder: Path) -> None:
    marks.note_damage(folder.parents[1], folder.name, ["a.parquet has other bytes"])


def change_layout(folder: Path) -> None:
    (folder / MANIFEST).write_text(json.dumps({"schema_version": SCHEMA_VERSION + 1}))


def withdraw(folder: Path) -> None:
    marks.withdraw(folder.parents[1], folder.name)


UNREADABLE: Final = (damage_manifest, cut_file, remove_file, mark_damaged, change_layout)


@pytest.mark.parametrize("hurt", [*UNREADABLE, withdraw], ids=lambda hurt: hurt.__name__)
def test_a_rollback_passes_over_what_nobody_can_read(
    root: Path, hurt: Callable[[Path], None]
) -> None:
    hurt(root / "versions" / V2)
    assert publish.rollback(root) == (V3, V1)
    assert Lake(root).version == V1


@pytest.mark.parametrize("hurt", UNREADABLE, ids=lambda hurt: hurt.__name__)
def test_a_version_that_nobody_can_read_is_refused_by_name(
    root: Path, hurt: Callable[[Path], None]
) -> None:
    hurt(root / "versions" / V2)
    with pytest.raises(LakeError, match=f"version {V2} "):
        publish.rollback(root, V2)
    assert Lake(root).version == V3


@pytest.mark.parametrize("hurt", UNREADABLE, ids=lambda hurt: hurt.__name__)
def test_from_a_version_that_nobody_can_read_one_rolls_back(
    root: Path, hurt: Callable[[Path], None]
) -> None:
    hurt(root / "versions" / V3)
    assert publish.rollback(root) == (V3, V2)
    assert Lake(root).version == V2


def test_from_a_version_that_is_gone_one_rolls_back(root: Path) -> None:
    shutil.rmtree(root / "versions" / V3)
    with pytest.raises(Damaged, match=f"no complete version {V3}; run python"):
        Lake(root)
    assert publish.rollback(root) == (V3, V2)
    assert Lake(root).version == V2


def test_where_no_older_version_can_be_read_the_current_stays(root: Path) -> None:
    for version in (V1, V2):
        damage_manifest(root / "versions" / version)
    with pytest.raises(LakeError, match=f"no version before {V3} that can be read"):
        publish.rollback(root)
    assert Lake(root).version == V3


def test_a_disk_that_refuses_is_one_error_with_the_path(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, target: Path) -> None:
        del target
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr(Path, "symlink_to", full)
    with pytest.raises(LakeError, match=r"cannot write .*\.current-\w+: No space left on device"):
        publish.rollback(root)
    assert Lake(root).version == V3


def test_pruning_forgets_the_marks_of_what_is_gone(root: Path) -> None:
    withdraw(root / "versions" / V1)
    mark_damaged(root / "versions" / V1)
    assert publish.prune(root, keep=2) == [V1]
    assert not marks.is_withdrawn(root, V1)
    assert marks.known_damage(root, V1) is None
