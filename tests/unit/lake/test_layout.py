"""Where everything is below a lake, and how its versions are named."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.errors import LakeError
from pipelines.lake import layout
from tests.unit.lake.test_publishing import V1, V2, V3, made

ROOT = Path("/lake")


def test_every_path_is_below_the_lake() -> None:
    assert layout.current(ROOT) == Path("/lake/current")
    assert layout.version(ROOT, "v") == Path("/lake/versions/v")
    assert layout.partial(ROOT, "v") == Path("/lake/versions/.partial-v")
    assert layout.trash(ROOT, "v") == Path("/lake/versions/.trash-v")
    assert layout.mark(ROOT, "damaged", "v") == Path("/lake/damaged/v")
    assert layout.mark(ROOT, "withdrawn", "v") == Path("/lake/withdrawn/v")
    assert layout.writer_lock(ROOT) == Path("/lake/.lock")
    assert layout.pointer_lock(ROOT) == Path("/lake/.pointer.lock")


def test_paths_of_a_version_begin_in_its_folder() -> None:
    assert layout.data_file("prices", 2024) == "prices/year=2024/0.parquet"
    assert layout.data_file("stocks", None) == "stocks/0.parquet"
    assert layout.rejects("prices") == "rejects/prices.parquet"
    assert layout.target("v") == Path("versions/v")


def test_versions_are_those_with_a_manifest(tmp_path: Path) -> None:
    root = made(tmp_path)
    (root / "versions" / "20261125T170000Z-abcdef").mkdir()
    for name in ("backup", "20261125T170000Z", "20261125T170000Z-abcdef.old"):  # no versions
        (root / "versions" / name).mkdir()
        (root / "versions" / name / layout.MANIFEST).touch()
    layout.partial(root, "p").mkdir()
    layout.trash(root, "t").mkdir()
    layout.new_link(root).symlink_to("nowhere")
    assert layout.version_ids(root) == [V1, V2, V3]
    assert layout.current_id(root) == V3
    assert [path.name for path in layout.leftovers(root)] == [".partial-p", ".trash-t"]
    assert len(list(layout.leftover_links(root))) == 1


def test_a_new_id_is_after_all_others(tmp_path: Path) -> None:
    root = made(tmp_path)
    later = layout.new_version_id(root, datetime(2026, 11, 23, 17, 0, 1, tzinfo=UTC))
    before = layout.new_version_id(root, datetime(2020, 1, 1, tzinfo=UTC))
    first = layout.new_version_id(tmp_path / "empty", datetime(2020, 1, 1, tzinfo=UTC))
    (root / "versions" / "backup").mkdir()
    (root / "versions" / "backup" / layout.MANIFEST).touch()
    beside = layout.new_version_id(root, datetime(2026, 11, 23, 17, 0, 1, tzinfo=UTC))
    assert beside.startswith("20261123T170001Z-")
    assert [i[:-6] for i in (later, before, first)] == [
        "20261123T170001Z-", "20261123T170001Z-", "20200101T000000Z-"
    ]  # fmt: skip


def test_no_current_version_is_none_and_a_folder_in_its_place_an_error(tmp_path: Path) -> None:
    assert layout.current_id(tmp_path) is None
    layout.current(tmp_path).mkdir()
    with pytest.raises(LakeError, match="current is no link to a version; move it away"):
        layout.current_id(tmp_path)
    with pytest.raises(LakeError, match=r"the path /l\\xff is not UTF-8; choose another"):
        layout.check_name(Path("/l\udcff"))
