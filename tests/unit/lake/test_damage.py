"""Files that are missing, of another size, or of other bytes."""

import errno
import os
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from pipelines.lake import Manifest, damage
from pipelines.lake.damage import Expected, Hashes
from tests.factories import data_file, dataset, manifest

ABC = sha256(b"abc").hexdigest()


@pytest.fixture
def version(tmp_path: Path) -> Manifest:
    """A version of two files and the rejects of one dataset, all of the bytes `abc`."""
    (tmp_path / "rejects").mkdir()
    for name in ("a", "b", "rejects/prices.parquet"):
        (tmp_path / name).write_bytes(b"abc")
    files = [data_file(name, bytes=3, sha256=ABC) for name in "ab"]
    prices = dataset(*files, rejects_sha256=ABC, rejects_bytes=3)
    return manifest(datasets={"prices": prices, "stocks": dataset()})


def test_the_files_that_a_version_lists(version: Manifest) -> None:
    assert list(damage.expected(version)) == [
        Expected(name, 3, ABC) for name in ("a", "b", "rejects/prices.parquet")
    ]


def test_what_is_whole_has_no_problem(tmp_path: Path, version: Manifest) -> None:
    assert list(damage.by_size(tmp_path, version)) == []
    assert list(damage.by_hash(tmp_path, version, damage.hashed)) == []


def test_sizes_show_what_is_missing_or_cut_and_hashes_what_is_changed(
    tmp_path: Path, version: Manifest
) -> None:
    (tmp_path / "a").write_bytes(b"abd")
    (tmp_path / "b").unlink()
    (tmp_path / "rejects" / "prices.parquet").write_bytes(b"ab")
    by_size = ["b is missing", "rejects/prices.parquet has other bytes than were written"]
    assert list(damage.by_size(tmp_path, version)) == by_size
    assert list(damage.by_hash(tmp_path, version, damage.hashed)) == [
        "a has other bytes than were written",
        *by_size,
    ]


def test_a_linked_file_is_read_once_with_a_pause_after_every_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(damage, "PIECE", 2)
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    pauses: Iterator[int] = iter(range(9))
    hashes = Hashes(lambda: next(pauses))
    assert hashes.of(tmp_path / "a") == hashes.of(tmp_path / "b") == ABC
    assert next(pauses) == 2
    with pytest.raises(FileNotFoundError):
        hashes.of(tmp_path / "c")


def test_an_error_of_the_disk_is_damage_but_one_of_permissions_is_not(
    tmp_path: Path, version: Manifest
) -> None:
    def failing(number: int) -> Callable[[Path], str]:
        def hashed(path: Path) -> str:
            raise OSError(number, os.strerror(number), str(path))

        return hashed

    found = list(damage.by_hash(tmp_path, version, failing(errno.EIO)))
    assert found[0] == "a cannot be read: Input/output error"
    assert len(found) == 3
    with pytest.raises(PermissionError):
        list(damage.by_hash(tmp_path, version, failing(errno.EACCES)))
