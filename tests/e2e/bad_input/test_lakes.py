"""Lakes and versions that are damaged, in the way or of another layout."""

import os
import re
import shutil
from collections.abc import Callable
from errno import ENOSPC
from pathlib import Path

import pytest

from pipelines import versions
from pipelines.errors import LakeError, NothingPublished
from pipelines.lake import SCHEMA_VERSION, Lake
from tests.e2e.bad_input.place import (
    ROWS,
    TEXT_CLOSE,
    Place,
    add,
    counted,
    cut,
    listing,
    published,
    refused,
    write,
)

pytestmark = pytest.mark.usefixtures("datasets_only")


def remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def replace_by_file(name: str) -> Callable[[Place], object]:
    def hurt(place: Place) -> None:
        remove(place.top / name)
        (place.top / name).write_text("a file")

    return hurt


def current_as_folder(place: Place) -> None:
    (place.lake / "current").unlink()
    (place.lake / "current").mkdir()


def overwritten(name: str, data: bytes) -> Callable[[Place], object]:
    """A file of the current version that was damaged."""
    return lambda place: (place.lake / "current" / name).write_bytes(data)


LAKES: dict[str, tuple[Callable[[Place], object], str]] = {
    "a file": (replace_by_file("lake"), "cannot write .*lake"),
    "versions a file": (replace_by_file("lake/versions"), "lake"),
    "current a folder": (current_as_folder, "current"),
}


@pytest.mark.parametrize(("hurt", "message"), LAKES.values(), ids=LAKES)
def test_a_bad_lake_is_one_line_that_names_what_is_wrong(
    place: Place, hurt: Callable[[Place], object], message: str
) -> None:
    hurt(place)
    place.change()
    before = listing(place.top)
    with pytest.raises(LakeError, match=message) as caught:
        place.export()
    assert "\n" not in str(caught.value)
    assert listing(place.top) == before


YEAR, BAD_ROWS = "prices/year=2022/0.parquet", "rejects/prices.parquet"


DAMAGES: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "manifest cut off": ("manifest.json", cut(200), "manifest.json of version {} is damaged"),
    "manifest empty": ("manifest.json", cut(0), "manifest.json of version {} is damaged"),
    "manifest no UTF-8": ("manifest.json", write(b'{"\xff'), "manifest.json of version {} is dam"),
    "manifest a list": ("manifest.json", write(b"[]"), "manifest.json of version {} is damaged"),
    "state cut off": ("source.state", cut(50), "version {} is damaged: source.state"),
    "state without hashes": (
        "source.state", write(b"[[], {}]\n"), "version {} is damaged: source.state"
    ),
    "state of another form": ("source.state", write(b"7\n"), "version {} is damaged: source.state"),
    "state gone": ("source.state", Path.unlink, "version {} is damaged: source.state"),
    "year cut off": (YEAR, cut(500), f"version {{}} is damaged: {YEAR} has other bytes"),
    "year gone": (YEAR, Path.unlink, f"version {{}} is damaged: {YEAR} is missing"),
    "a bit of a year": (YEAR, lambda p: flip(p, 100), f"version {{}} is damaged: {YEAR} has other"),
    "rankings": (
        "rankings/0.parquet", write(b"PAR1"), "version {} is damaged: rankings/0.parquet has other"
    ),
    "rejects": (BAD_ROWS, write(b"PAR1"), f"version {{}} is damaged: {BAD_ROWS} has other bytes"),
    "rejects gone": (BAD_ROWS, Path.unlink, f"version {{}} is damaged: {BAD_ROWS} is missing"),
}  # fmt: skip

FEW = ("manifest cut off", "state without hashes", "state gone", "a bit of a year", "year gone",
       "rankings", "rejects")  # fmt: skip
"""A damage of each kind; the others are tried in the slow part."""


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


@pytest.fixture(scope="module")
def rejecting(made: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A place whose newest version has a rejected row."""
    place = Place(tmp_path_factory.mktemp("rejecting") / "place")
    shutil.copytree(made.top, place.top, symlinks=True)
    add(place, "daily_prices", ROWS["daily_prices"] | TEXT_CLOSE | {"date": "2020-01-03"})
    published(place)
    return place


@pytest.fixture
def with_rejects(rejecting: Place, tmp_path: Path) -> Place:
    """A copy of it, to hurt."""
    shutil.copytree(rejecting.top, tmp_path / "place", symlinks=True)
    return Place(tmp_path / "place")


@pytest.mark.parametrize("full", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("name", "hurt", "message"),
    [pytest.param(*case, id=name, marks=() if name in FEW else pytest.mark.slow)
     for name, case in DAMAGES.items()],
)  # fmt: skip
def test_a_damaged_version_counts_as_none_and_is_named(
    with_rejects: Place, caplog: pytest.LogCaptureFixture,
    name: str, hurt: Callable[[Path], object], message: str, *, full: bool,
) -> None:  # fmt: skip
    place = with_rejects
    before = Lake(place.lake)
    hurt(before.path / name)
    place.change()
    caplog.clear()
    lake = published(place, full=full)
    warned, *more = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert message.format(before.version) in warned
    assert all("observations" in text for text in more)
    assert lake.prices().collect().height == 181
    assert counted(place, lake, "prices")[0] == {"text_in_number": 1}
    files = [lake.path / f.path for f in lake.manifest.datasets["prices"].files]
    assert {path.stat().st_nlink for path in files} == {1}, "something was taken"


def test_a_version_that_cannot_become_current_does_not_stay(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def full(self: Path, target: Path) -> Path:
        if target.name == "current":
            raise OSError(ENOSPC, os.strerror(ENOSPC), str(target))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", full)
    place.change()
    refused(place, "the disk of .*lake is full; nothing was published")


def test_where_nothing_is_published_there_is_nothing_to_list(tmp_path: Path) -> None:
    with pytest.raises(NothingPublished, match="nowhere"):
        versions.list_versions(root=tmp_path / "nowhere")
    assert not list(tmp_path.iterdir())


def test_a_damaged_version_is_told_of_by_the_commands(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    first = Lake(place.lake).version
    place.change()
    second = published(place).version
    (place.lake / "versions" / first / "manifest.json").write_text("{")
    versions.list_versions(root=place.lake)
    assert re.search(rf"{first} +damaged", capsys.readouterr().out)
    with pytest.raises(LakeError, match=f"no version before {second} that can be read"):
        versions.rollback(root=place.lake)
    with pytest.raises(LakeError, match=f"manifest.json of version {first} is damaged"):
        versions.rollback(first, root=place.lake)
    assert Lake(place.lake).version == second


def test_from_a_damaged_version_one_can_roll_back(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    first = Lake(place.lake).version
    place.change()
    (published(place).path / "manifest.json").write_text("{")
    versions.rollback(root=place.lake)
    assert Lake(place.lake).version == first
    assert "cannot be compared" in capsys.readouterr().out
    refused(place, "was rolled back, and its manifest.json is damaged.*--force")
    published(place, force=True)


def give_another_layout(version: Path) -> None:
    manifest = version / "manifest.json"
    ours = f'"schema_version": {SCHEMA_VERSION}'
    manifest.write_text(manifest.read_text().replace(ours, '"schema_version": 0'))


def test_what_was_rolled_back_is_not_published_again_by_a_release_of_another_layout(
    place: Place,
) -> None:
    place.change()
    bad = published(place)
    versions.rollback(root=place.lake)
    for version in (bad.path, place.lake / "current"):
        give_another_layout(version)
    refused(place, f"has not changed since version {bad.version}, which was rolled back", full=True)
    published(place, full=True, force=True)


def test_a_version_of_another_layout_is_replaced_by_a_full_refresh(place: Place) -> None:
    give_another_layout(place.lake / "current")
    refused(place, "run python -m pipelines.export --full")
    published(place, full=True)
