"""The versions as lists show them, and what changed from one to the next."""

import json
import shutil
from pathlib import Path

import pytest

from pipelines.lake import MANIFEST, changes, listed, marks
from tests.factories import data_file, dataset, manifest
from tests.unit.lake.test_publishing import V1, V2, V3, made


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A lake of three versions, the newest of them current."""
    return made(tmp_path / "lake")


def states(root: Path) -> list[tuple[str, str]]:
    return [(one.version, one.state) for one in listed(root)]


def test_the_state_of_each_version_oldest_first(root: Path) -> None:
    marks.withdraw(root, V2)
    assert states(root) == [(V1, "kept"), (V2, "withdrawn"), (V3, "current")]


def test_what_cannot_be_read_is_listed_and_is_nobodys_version_before(root: Path) -> None:
    (root / "versions" / V1 / MANIFEST).write_text("{")
    (root / "versions" / V2 / MANIFEST).write_text(json.dumps({"schema_version": 99}))
    assert states(root) == [(V1, "damaged"), (V2, "other layout"), (V3, "current")]
    assert [one.before for one in listed(root)] == [None, None, None]


def test_a_current_version_that_is_gone_is_damaged(root: Path) -> None:
    shutil.rmtree(root / "versions" / V3)
    *_, last = listed(root)
    assert (last.version, last.state, last.is_current, last.manifest) == (V3, "damaged", True, None)
    assert last.before
    assert last.before.version == V2


def test_a_version_outside_of_the_lake_is_not_the_current_one(root: Path) -> None:
    current = root / "current"
    current.unlink()
    current.symlink_to(root.parent / "elsewhere" / V3)
    assert states(root) == [(V1, "kept"), (V2, "kept"), (V3, "kept")]


def test_rows_and_files_that_are_new() -> None:
    def version(**years: tuple[int, str]) -> dict[str, object]:
        files = (data_file(y, rows=rows, sha256=sha) for y, (rows, sha) in years.items())
        return {"prices": dataset(*files), "stocks": dataset(data_file("s"))}

    before = manifest(datasets=version(a=(5, "1"), b=(7, "2"), c=(1000, "3")))
    after = manifest(datasets=version(a=(5, "1"), b=(8, "4"), d=(3, "5")))
    assert list(changes(after, before)) == ["prices -996 rows in 3 files"]
    assert list(changes(before, before)) == []
    assert list(changes(before, None)) == ["first"]
    assert list(changes(before, manifest())) == ["prices +1,012 rows in 3 files",
                                                "stocks +1 row in 1 file"]  # fmt: skip
