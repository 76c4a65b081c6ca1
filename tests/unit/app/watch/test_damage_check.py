"""The check of every file against its hash: what it marks, and that it can be stopped."""

import hashlib
import logging
import threading
from pathlib import Path
from typing import Any

import pytest

from app.watch import damage_check
from app.watch.damage_check import DamageCheck, Stopped, check
from pipelines.lake import MANIFEST, marks, text
from pipelines.lake.publishing import point_current_to
from tests.factories import data_file, dataset, manifest

OLD, NEW = "20261119T170000Z-aaaaaa", "20261120T170000Z-bbbbbb"
FILE = "prices/year=2026/0.parquet"
DAMAGED = f"{FILE} has other bytes than were written"


def made(root: Path, version: str, **known: Any) -> Path:
    """A version of one file, which is told to hold `abc`; the path of the file."""
    file = data_file(FILE, sha256=hashlib.sha256(b"abc").hexdigest())
    path = root / "versions" / version / FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(b"abc")
    whole = manifest(version, datasets={"prices": dataset(file)}, **known)
    (root / "versions" / version / MANIFEST).write_text(text(whole))
    return path


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """The file of two versions, of which the old one is current."""
    found = {version: made(tmp_path, version) for version in (OLD, NEW)}
    point_current_to(tmp_path, OLD)
    return found


def found(root: Path) -> list[str | None]:
    return [marks.known_damage(root, version) for version in (OLD, NEW)]


@pytest.mark.usefixtures("files")
def test_whole_versions_get_no_mark(tmp_path: Path) -> None:
    check(tmp_path, lambda: None)
    assert found(tmp_path) == [None, None]


def test_a_damaged_version_is_marked_and_told(
    tmp_path: Path, files: dict[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    files[NEW].write_bytes(b"abd")
    check(tmp_path, lambda: None)
    assert found(tmp_path) == [None, DAMAGED]
    assert caplog.messages == [f"version {NEW} is damaged: {DAMAGED}"]


def test_a_version_that_is_marked_is_not_read_again(
    tmp_path: Path, files: dict[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    marks.note_damage(tmp_path, NEW, ["known"])
    files[NEW].write_bytes(b"abd")
    check(tmp_path, lambda: None)
    assert found(tmp_path) == [None, "known"]
    assert caplog.messages == []


def test_the_current_version_is_read_first(tmp_path: Path, files: dict[str, Path]) -> None:
    for path in files.values():
        path.write_bytes(b"abd")
    pauses = iter([None])

    def pause() -> None:
        try:
            next(pauses)
        except StopIteration:
            raise Stopped from None

    with pytest.raises(Stopped):
        check(tmp_path, pause)
    assert found(tmp_path) == [DAMAGED, None]


def test_a_version_that_cannot_be_opened_is_passed_over(
    tmp_path: Path, files: dict[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "versions" / OLD / MANIFEST).write_text("{")
    files[NEW].write_bytes(b"abd")
    check(tmp_path, lambda: None)
    assert found(tmp_path) == [None, DAMAGED]
    assert caplog.messages[0].startswith(f"version {OLD} is not checked for damage: ")


@pytest.mark.usefixtures("files")
def test_a_kept_version_without_a_manifest_to_read_is_marked(tmp_path: Path) -> None:
    (tmp_path / "versions" / NEW / MANIFEST).write_text("{")
    check(tmp_path, lambda: None)
    assert found(tmp_path) == [None, "its manifest.json cannot be read"]


def test_the_check_begins_after_the_start_and_ends_when_it_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Event()

    def endless(_: Path, pause: Any) -> None:
        begun.set()
        while True:
            pause()

    monkeypatch.setattr(damage_check, "START_SECONDS", 0.0)
    monkeypatch.setattr(damage_check, "check", endless)
    background = DamageCheck(tmp_path, hours=24)
    background.start()
    assert begun.wait(10)
    background.close()


def test_a_check_that_fails_is_told_and_done_again_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    again = threading.Event()
    calls = iter([None, None])

    def failing(root: Path, _: Any) -> None:
        if next(calls, again) is again:
            again.set()
            return
        raise OSError(5, "Input/output error", str(root))

    monkeypatch.setattr(damage_check, "check", failing)
    caplog.set_level(logging.WARNING)
    background = DamageCheck(tmp_path, hours=1e-9)
    background.start()
    assert again.wait(10)
    background.close()
    (told,) = caplog.messages  # once, though it failed twice
    assert told.startswith("the lake cannot be checked for damage: [Errno 5]")


def test_a_version_that_is_pruned_meanwhile_is_passed_over(
    tmp_path: Path, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = ["20990101T000000Z-cccccc", OLD, NEW]
    monkeypatch.setattr(damage_check.lake, "version_ids", lambda _: ids)
    files[NEW].write_bytes(b"abd")
    check(tmp_path, lambda: None)
    assert found(tmp_path) == [None, DAMAGED]
