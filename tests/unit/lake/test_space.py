"""The room on a disk against what a refresh needs."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from pipelines.errors import DiskFull
from pipelines.lake import layout, space
from pipelines.lake.space import Need, Room, check_room, need_of, returned, room_of
from tests.factories import data_file, dataset, manifest

MADE = manifest(datasets={"prices": dataset(data_file("prices/0.parquet", bytes=20_000_000))})


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database of 80 MB, none of which is on the disk."""
    with (tmp_path / "app.db").open("wb") as file:
        file.truncate(80_000_000)
    return tmp_path / "app.db"


def free(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    usage = SimpleNamespace(free=size, total=10**9)
    monkeypatch.setattr(space.shutil, "disk_usage", lambda _: usage)  # type: ignore[attr-defined]


def test_a_refresh_needs_the_database_once_and_the_current_version_once(database: Path) -> None:
    assert need_of(database, MADE) == Need(copy=80_000_000, files=20_000_000)
    database.with_name("app.db-wal").write_bytes(bytes(1000))
    assert need_of(database, MADE) == Need(copy=80_001_000, files=20_000_000)


def test_a_first_version_takes_a_quarter_of_its_database(database: Path) -> None:
    assert need_of(database, None) == Need(copy=80_000_000, files=20_000_000)


def test_the_need_of_a_database_that_is_not_there_is_not_known(tmp_path: Path) -> None:
    assert need_of(tmp_path / "app.db", MADE) is None


def test_the_room_is_that_of_the_folder_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []

    def usage(folder: Path) -> SimpleNamespace:
        asked.append(folder)
        return SimpleNamespace(free=7, total=9)

    monkeypatch.setattr(space.shutil, "disk_usage", usage)  # type: ignore[attr-defined]
    assert room_of(tmp_path / "lake" / "versions") == Room(free=7, total=9)
    assert asked == [tmp_path]


def test_a_refresh_that_does_not_fit_is_refused_with_the_figures(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free(monkeypatch, 100_000_000)
    check_room(tmp_path, database, MADE)
    free(monkeypatch, 99_900_000)
    with pytest.raises(DiskFull) as refused:
        check_room(tmp_path, database, MADE)
    assert str(refused.value) == (
        f"the disk of {tmp_path}/versions is too full: a refresh needs 100.0 MB, 80.0 MB for its "
        "copy of the database and 20.0 MB for the new version, but 99.9 MB are free; make room "
        "there, or delete old versions with python -m pipelines.versions prune"
    )


def test_a_refresh_gives_back_what_it_wrote_and_no_file_of_a_version(tmp_path: Path) -> None:
    work, kept = layout.partial(tmp_path, "v") / ".work", layout.version(tmp_path, "u")
    work.mkdir(parents=True)
    kept.mkdir()
    (work / "source.db").write_bytes(bytes(5000))
    (kept / "0.parquet").write_bytes(bytes(300))
    (work / "0.parquet").hardlink_to(kept / "0.parquet")
    assert 5000 <= returned(tmp_path) < 5000 + 3 * 65536  # folders have a size, too
    folders = [path for path in layout.partial(tmp_path, "v").rglob("*") if path.is_dir()]
    assert folders == [work]
