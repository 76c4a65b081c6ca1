"""A version that is opened: by id, kept from pruning, read by years; or refused."""

import errno
import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from pipelines.errors import LakeError, NothingPublished, Unknown
from pipelines.lake import (
    MANIFEST,
    Damaged,
    Gone,
    Lake,
    OtherLayout,
    has_other_layout,
    manifest_of,
    open_current,
    prune,
    schema_text,
    source_of,
)
from tests.factories import data_file, dataset
from tests.unit.lake.test_publishing import V1, V2, V3, made


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A lake of three versions, the newest of them current."""
    return made(tmp_path / "lake")


def test_the_current_version_or_the_one_that_is_named(root: Path) -> None:
    assert (Lake(root).version, Lake(root, V1).version) == (V3, V1)
    assert Lake(root).as_of == date(2026, 11, 20)
    with pytest.raises(Unknown, match=f"unknown version 'v'; expected one of {V3}, {V2}, {V1}"):
        Lake(root, "v")
    with pytest.raises(NothingPublished):
        Lake(root / "nowhere")
    with pytest.raises(Gone, match="has no complete version v; run python"):
        open_current(root, "v")


def test_an_open_version_is_not_pruned(root: Path) -> None:
    opened = Lake(root, V1)
    assert prune(root, keep=1) == [V2]
    del opened
    assert prune(root, keep=1) == [V1]


def test_a_version_that_cannot_be_deleted_is_passed_over(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (root / "versions" / V1 / MANIFEST).unlink()
    (root / "versions" / V1 / MANIFEST).mkdir()
    assert prune(root, keep=1) == [V2]
    assert caplog.messages[0].startswith(f"version {V1} cannot be deleted: ")


def test_damage_is_seen_by_the_sizes_unless_only_the_manifest_is_asked_for(root: Path) -> None:
    (root / "versions" / V3 / "a.parquet").unlink()
    with pytest.raises(Damaged, match=f"version {V3} is damaged: a.parquet is missing; run"):
        Lake(root)
    assert Lake(root, check_files=False).manifest == manifest_of(root, V3)


def test_a_manifest_is_damaged_or_of_another_layout(root: Path) -> None:
    (root / "versions" / V1 / MANIFEST).write_text("{")
    (root / "versions" / V2 / MANIFEST).write_text(json.dumps({"schema_version": 99}))
    with pytest.raises(Damaged, match=f"the manifest.json of version {V1} is damaged"):
        manifest_of(root, V1)
    with pytest.raises(OtherLayout, match=f"version {V2} has layout 99"):
        manifest_of(root, V2)
    assert [has_other_layout(root, v) for v in (V1, V2, V3)] == [False, True, False]


def test_only_the_files_of_the_years_between_are_opened(tmp_path: Path) -> None:
    files = []
    for year in (2023, 2024, 2025):
        rows = pl.DataFrame({"date": [date(year, 1, 1), date(year, 12, 31)]})
        if year != 2023:
            rows.write_parquet(tmp_path / f"{year}")
        files.append(data_file(f"{year}", year=year))
    entry = dataset(*files, schema=schema_text(pl.Schema({"date": pl.Date})))
    lake = Lake.unfinished(tmp_path, {"prices": entry}, date(2025, 12, 31))
    between = lake.prices(since="2024-06-01", until=date(2025, 1, 1)).collect()
    assert between["date"].to_list() == [date(2024, 12, 31), date(2025, 1, 1)]
    assert lake.year("prices", 2025).collect().height == 2
    assert lake.prices(since="2026-01-01").collect().rows() == []
    with pytest.raises(LakeError, match=r"has no index_prices; add the table to the database"):
        lake.index_prices()
    with pytest.raises(LakeError, match=r"is unfinished, and has no manifest.json"):
        _ = lake.manifest


def test_a_file_of_several_years_is_opened_for_each_of_them(tmp_path: Path) -> None:
    days = [date(2021, 5, 1), date(2023, 5, 1)]
    pl.DataFrame({"date": days}).write_parquet(tmp_path / "0")
    entry = dataset(
        data_file("0", year=2023, first_year=2021), schema=schema_text(pl.Schema({"date": pl.Date}))
    )
    lake = Lake.unfinished(tmp_path, {"prices": entry}, date(2025, 12, 31))
    found = [
        lake.prices(since=f"{y}-01-01", until=f"{y}-12-31").collect() for y in range(2021, 2024)
    ]
    assert [rows["date"].to_list() for rows in found] == [days[:1], [], days[1:]]
    (tmp_path / "0").unlink()  # so that it cannot be opened
    assert lake.prices(until="2020-12-31").collect().is_empty()
    assert lake.prices(since="2024-01-01").collect().is_empty()


def test_a_manifest_that_the_system_does_not_read_is_an_error_of_the_lake(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "versions" / V1 / MANIFEST).unlink()
    (root / "versions" / V1 / MANIFEST).mkdir()
    for ask in (Lake, manifest_of, source_of):
        with pytest.raises(Damaged, match=f"the manifest.json of version {V1} is damaged"):
            ask(root, V1)

    def refuse(path: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(LakeError, match=f"cannot read .*{V2}/{MANIFEST}: Permission denied"):
        Lake(root, V2)
