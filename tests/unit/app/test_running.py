"""What the watch sees in a lake."""

import shutil
from pathlib import Path

from app import running
from pipelines.lake import layout, marks, publishing
from tests.unit.lake.test_publishing import V1, V2, V3, made


def test_versions_that_are_kept_are_damaged_or_gone_and_the_current_one_is_none(
    tmp_path: Path,
) -> None:
    root = made(tmp_path / "lake")
    publishing.prune(root, keep=3)
    for version in (V1, V3, "20200101T000000Z-abcdef"):  # one of them is neither kept nor there
        marks.note_damage(root, version, ["a is missing"])
    shutil.rmtree(layout.version(root, V2))
    assert running._damage_of_kept(root) == {  # noqa: SLF001 - what the alert tells
        V1: "a is missing", V2: "its folder is missing"
    }  # fmt: skip
