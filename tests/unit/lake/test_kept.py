"""The list of the versions that are kept: what is missing, and what was deleted in order."""

import shutil
from pathlib import Path

import pytest

from pipelines.lake import kept, layout, listed, publishing
from tests.unit.lake.test_publishing import V1, V2, V3, made


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A lake of three versions, the newest of them current."""
    return made(tmp_path / "lake")


def test_a_version_that_another_hand_deleted_is_missing_until_the_next_prune(root: Path) -> None:
    publishing.prune(root, keep=3)
    assert kept.missing(root) == []
    shutil.rmtree(layout.version(root, V2))
    assert kept.missing(root) == [V2]
    assert [(one.version, one.state) for one in listed(root)] == [
        (V1, "kept"), (V2, "damaged"), (V3, "current")
    ]  # fmt: skip
    publishing.prune(root, keep=3)
    assert kept.missing(root) == []
    assert [one.version for one in listed(root)] == [V1, V3]


def test_a_version_that_is_pruned_is_not_missing(root: Path) -> None:
    publishing.prune(root, keep=3)
    assert publishing.prune(root, keep=1) == [V1, V2]
    assert kept.missing(root) == []


def test_a_version_that_is_pruned_meanwhile_is_not_missing(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publishing.prune(root, keep=3)
    path_of = layout.version

    def prune_first(root: Path, version: str) -> Path:
        monkeypatch.setattr(layout, "version", path_of)
        publishing.prune(root, keep=1)
        return path_of(root, version)

    monkeypatch.setattr(layout, "version", prune_first)
    assert kept.missing(root) == []


def test_a_version_that_a_reader_has_open_stays_on_the_list(root: Path) -> None:
    publishing.prune(root, keep=3)
    with publishing.pointing(root):
        kept.note(root, [V2, V3])
    assert layout.kept(root).read_text() == f"{V2}\n{V3}\n"


def test_a_lake_without_a_list_or_with_a_damaged_one_misses_nothing(root: Path) -> None:
    assert kept.missing(root) == []
    layout.kept(root).write_bytes(b"\xff\nx\n\n")
    assert kept.missing(root) == []


def test_a_list_that_cannot_be_written_is_a_warning(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    layout.kept(root).mkdir()
    assert publishing.prune(root, keep=2) == [V1]
    (message, _) = caplog.messages
    assert message.startswith("which versions are kept cannot be written down: [Errno ")
