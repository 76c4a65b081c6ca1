"""The current version: noticed, kept where its successor cannot be read, and explained."""

import asyncio
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from app.serving import published
from app.serving.published import Published, Version, collect
from app.web import Unreadable
from pipelines.errors import LakeError, NothingPublished
from pipelines.lake import Condition
from pipelines.universe import SWEDEN, Universe
from tests.unit.lake.test_publishing import V3, made


class OneVersion(Version):
    """A version that is known by its id alone."""

    id: str = "v"  # type: ignore[misc]


@pytest.fixture(autouse=True)
def no_look_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the tests are quicker than busy requests."""
    monkeypatch.setattr(published, "FRESH_SECONDS", 0.0)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The versions that were loaded; one named `broken` cannot be."""
    found: list[str] = []

    def load(root: Path, universe: Universe) -> Version:
        name = (root / "current").readlink().name
        found.append(name)
        if name == "broken":
            raise LakeError(f"{name} is damaged")
        one: Version = OneVersion(None, universe, pl.DataFrame(), {"A": date.max})  # type: ignore[arg-type]
        object.__setattr__(one, "id", name)
        return one

    monkeypatch.setattr(published, "_load", load)
    return found


def point(root: Path, name: str) -> None:
    link = root / "current"
    link.unlink(missing_ok=True)
    link.symlink_to(root / name)


def current(of: Published) -> str:
    return asyncio.run(of.current()).id


def test_nothing_is_published_without_a_link(tmp_path: Path) -> None:
    with pytest.raises(NothingPublished):
        current(Published(tmp_path, SWEDEN))
    assert asyncio.run(Published(tmp_path, SWEDEN).condition()).state == "empty"


def test_a_version_is_loaded_once(tmp_path: Path, loads: list[str]) -> None:
    point(tmp_path, "one")
    one = Published(tmp_path, SWEDEN)
    assert one.loaded() is None
    assert [current(one), current(one)] == ["one", "one"]
    point(tmp_path, "two")
    assert one.loaded() is None
    assert current(one) == "two"
    assert loads == ["one", "two"]


def test_the_version_before_stands_in_for_one_that_cannot_be_read(
    tmp_path: Path, loads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    point(tmp_path, "one")
    one = Published(tmp_path, SWEDEN)
    current(one)
    point(tmp_path, "broken")
    assert [current(one), current(one)] == ["one", "one"]
    assert loads == ["one", "broken"]  # not tried again at once
    monkeypatch.setattr(published, "REREAD_SECONDS", 0.0)
    one._retry_at = 0.0  # noqa: SLF001 - the time has come
    current(one)
    assert loads == ["one", "broken", "broken"]
    point(tmp_path, "two")
    assert current(one) == "two"


def test_the_first_version_that_cannot_be_read_is_an_error(
    tmp_path: Path, loads: list[str]
) -> None:
    point(tmp_path, "broken")
    with pytest.raises(LakeError, match="broken is damaged"):
        current(Published(tmp_path, SWEDEN))
    assert loads == ["broken"]


def test_files_that_cannot_be_read_are_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"no Parquet")
    with pytest.raises(LakeError, match=r"see python -m pipelines\.versions verify"):
        collect(pl.scan_parquet(tmp_path / "x.parquet", schema={"x": pl.Int64}))


def test_a_version_that_is_whole_but_cannot_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = made(tmp_path / "lake")
    one = Published(root, SWEDEN)

    def fails(*_: object) -> Version:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(published, "_load", fails)
    with pytest.raises(Unreadable):
        current(one)
    reason = f"version {V3} cannot be read; start a refresh, or roll back"
    assert asyncio.run(one.condition()) == Condition("unreadable", V3, reason)
