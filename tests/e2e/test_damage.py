"""A version that is damaged, gone or of another layout: found, told of, and made good."""

import asyncio
import errno
import json
import os
import re
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from app.jobs import Job
from app.jobs.refresh import Refresher
from app.watch import damage_check as background
from app.watch.events import Events
from pipelines import lake, versions
from pipelines.errors import ContractError, LakeError
from pipelines.export import export
from pipelines.lake import MANIFEST, Lake, Manifest, OtherLayout, marks, version_ids
from pipelines.lake import publishing as publish
from pipelines.lake.damage import Hashes
from pipelines.lake.listing import listed
from pipelines.refresh import run
from pipelines.settings import Settings
from pipelines.universe import SWEDEN
from tests.factories import change, database, stock, trading_year

END = date(2026, 11, 20)
NEWEST, OLDEST = "prices/year=2026/0.parquet", "prices/year=2025/0.parquet"


class Place:
    """A database and a lake with one version of it."""

    def __init__(self, top: Path) -> None:
        self.database, self.lake = top / "app.db", top / "lake"
        (self.first,) = version_ids(self.lake)

    def export(self, *, full: bool = False, force: bool = False) -> Manifest:
        return export(self.database, self.lake, SWEDEN, full=full, force=force)

    def change(self) -> None:
        raised = f"UPDATE daily_prices SET close = close * 1.01 WHERE date = '{END}'"
        change(self.database, raised)

    def file(self, name: str, version: str | None = None) -> Path:
        return self.lake / "versions" / (version or self.first) / name


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database and a lake of it, to be copied."""
    return exported(tmp_path_factory.mktemp("made"))


def exported(top: Path) -> Path:
    prices = trading_year("AA", END, growth=0.1)
    bad = {"ticker": "AA", "date": "2025-12-27", "close": "x"}
    source = database(top / "app.db", stocks=[stock("AA")], daily_prices=[bad, *prices])
    export(source, top / "lake", SWEDEN)
    return top


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Place:
    """A copy of it, to hurt."""
    return copied(made, tmp_path / "place")


def copied(made: Path, top: Path) -> Place:
    shutil.copytree(made, top, symlinks=True)
    return Place(top)


def cut(place: Place) -> None:
    path = place.file(OLDEST)
    path.write_bytes(path.read_bytes()[:-1])


def remove(place: Place) -> None:
    place.file(OLDEST).unlink()


def cut_rejects(place: Place) -> None:
    path = place.file("rejects/prices.parquet")
    path.write_bytes(path.read_bytes() + b"x")


def remove_version(place: Place) -> None:
    shutil.rmtree(place.file(""))


def point_to_nothing(place: Place) -> None:
    publish.point_current_to(place.lake, "20200101T000000Z-abcdef")


def flip(place: Place) -> None:
    path = place.file(OLDEST)
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)


def flip_and_check(place: Place) -> None:
    """A bit that only the check in the background finds."""
    flip(place)
    background.check(place.lake, lambda: None)


def flip_and_verify(place: Place) -> None:
    flip(place)
    with pytest.raises(ContractError, match=f"{OLDEST} has other bytes"):
        versions.verify(root=place.lake)


DAMAGES: tuple[Callable[[Place], None], ...] = (
    *(cut, remove, cut_rejects, remove_version, point_to_nothing, flip_and_check, flip_and_verify),
)  # fmt: skip


WHOLLY = {"full": True, "force": True}


@pytest.mark.parametrize(
    ("hurt", "options"),
    [
        *((hurt, {}) for hurt in (cut, cut_rejects, remove_version, flip_and_check)),
        *(
            pytest.param(hurt, {}, marks=pytest.mark.slow)
            for hurt in (remove, point_to_nothing, flip_and_verify)
        ),
        (point_to_nothing, WHOLLY),
    ],
)
def test_the_next_refresh_heals_a_damaged_version(
    place: Place, hurt: Callable[[Place], None], options: dict[str, bool],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    before = Lake(place.lake).prices().collect()
    hurt(place)
    caplog.clear()
    healed = place.export(**options)
    assert re.search(r"version.*: everything is read again", caplog.text)
    assert healed.version != place.first
    version = Lake(place.lake)
    assert version.version == healed.version
    assert_frame_equal(version.prices().collect(), before)
    files = [version.path / f.path for f in healed.datasets["prices"].files]
    assert {path.stat().st_nlink for path in files} == {1}, "something was taken"
    assert place.export().version == healed.version


def test_rejects_that_cannot_be_read_are_healed(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    late = "INSERT INTO daily_prices (ticker, date, close) VALUES ('AA', '2099-01-02', 1.0)"
    change(place.database, late)
    waiting = place.export().version
    path = place.file("rejects/prices.parquet", waiting)
    path.write_bytes(bytes(path.stat().st_size))
    healed = place.export()
    assert healed.version != waiting
    assert "rejects/prices.parquet has other bytes than were written" in caplog.text
    assert healed.datasets["prices"].rejected == {"future_date": 1, "text_in_number": 1}
    versions.verify(root=place.lake)


@pytest.mark.parametrize("hurt", DAMAGES, ids=lambda hurt: hurt.__name__)
def test_the_list_says_what_is_damaged(
    place: Place, hurt: Callable[[Place], None], capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("COLUMNS", "160")
    hurt(place)
    (found,) = [v for v in listed(place.lake) if v.is_current]
    assert (found.state, found.problem) == ("damaged", "damaged")
    versions.list_versions(root=place.lake)
    assert re.search(rf"{found.version} +current, damaged", capsys.readouterr().out)


def test_a_version_whose_files_were_restored_is_whole_after_it_was_verified(
    tmp_path: Path,
) -> None:
    place = Place(exported(tmp_path))  # no copy, whose database would count as changed
    flip_and_check(place)
    assert (
        marks.known_damage(place.lake, place.first) == f"{OLDEST} has other bytes than were written"
    )
    flip(place)
    versions.verify(root=place.lake)
    assert marks.known_damage(place.lake, place.first) is None
    assert place.export().version == place.first


def test_every_file_is_hashed_once_though_versions_share_it(place: Place) -> None:
    place.change()
    place.export()
    linked = place.file(OLDEST)
    assert linked.stat().st_nlink == 2
    pieces: list[int] = []
    background.check(place.lake, lambda: pieces.append(1))
    files = {(s.st_dev, s.st_ino) for v in listed(place.lake) if v.manifest
             for p in place.file("", v.version).rglob("*.parquet") for s in [p.stat()]}  # fmt: skip
    assert len(pieces) == len(files)
    assert [marks.known_damage(place.lake, v.version) for v in listed(place.lake)] == [None, None]


def test_damage_of_a_shared_file_is_noted_in_both_versions(place: Place) -> None:
    place.change()
    second = place.export().version
    flip_and_check(place)
    assert [v.state for v in listed(place.lake)] == ["damaged", "damaged"]
    assert {v.version for v in listed(place.lake)} == {place.first, second}


def test_a_check_ends_in_the_middle_of_a_file(place: Place) -> None:
    check = background.DamageCheck(place.lake, hours=24)
    check.start()
    check.close()

    def stop() -> None:
        raise background.Stopped

    with pytest.raises(background.Stopped):
        Hashes(stop).of(place.file(NEWEST))


# -------------------------------------------------------------------------------- hard links


@pytest.mark.parametrize(
    "number",
    [
        errno.EPERM,
        *(
            pytest.param(n, marks=pytest.mark.slow)
            for n in (errno.EXDEV, errno.EMLINK, errno.ENOTSUP)
        ),
    ],
)
def test_what_cannot_be_linked_is_copied(
    place: Place, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise OSError(number, os.strerror(number), str(source), None, str(target))

    monkeypatch.setattr(os, "link", refuse)
    place.change()
    second = place.export().version
    assert second != place.first
    assert place.file(OLDEST, second).read_bytes() == place.file(OLDEST).read_bytes()
    assert place.file(OLDEST).stat().st_nlink == 1
    versions.verify(root=place.lake)


def test_another_error_of_a_link_is_one(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(source), None, str(target))

    monkeypatch.setattr(os, "link", refuse)
    place.change()
    with pytest.raises(LakeError, match=r"the disk of .*lake is full; nothing was published"):
        place.export()


def test_brackets_in_the_path_of_a_lake_are_no_pattern(made: Path, tmp_path: Path) -> None:
    place = copied(made, tmp_path / "[prod] *?")
    place.change()
    assert place.export().version != place.first
    versions.verify(root=place.lake)


# ------------------------------------------------------------------------------ other layout


def make_older(place: Place) -> None:
    path = place.file(MANIFEST)
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({"schema_version": 0, "created_at": manifest["created_at"]}))


def test_a_version_of_another_layout_is_listed_and_left_to_a_full_refresh(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    make_older(place)
    with pytest.raises(OtherLayout, match="--full"):
        place.export()
    versions.list_versions(root=place.lake)
    assert re.search(rf"{place.first} +current, other layout", capsys.readouterr().out)
    assert place.export(full=True).version != place.first
    assert [v.state for v in listed(place.lake)] == ["other layout", "current"]


async def refreshed(place: Place) -> Job | None:
    settings = Settings(source=place.database, lake=place.lake)
    refresher = Refresher(settings, place.lake / "service", Events(), 4000)
    return await refresher.wait(refresher.start("scheduled").job_id)


@pytest.mark.parametrize(
    "hurt", [cut, *(pytest.param(h, marks=pytest.mark.slow) for h in (make_older, remove_version))]
)
def test_the_service_migrates_and_heals_by_itself(
    place: Place, hurt: Callable[[Place], None]
) -> None:
    hurt(place)
    job = asyncio.run(refreshed(place))
    assert job
    assert (job.status, job.unchanged, job.error) == ("succeeded", False, None)
    assert job.version == Lake(place.lake).version != place.first


# ---------------------------------------------------------------------------------- rollback


def test_the_command_rolls_back_from_a_version_that_is_gone(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.change()
    second = place.export().version
    shutil.rmtree(place.file("", second))
    versions.rollback(root=place.lake)
    told = " ".join(capsys.readouterr().out.split())
    assert told.startswith(f"current was {second}, is {place.first} their rankings cannot be")
    assert Lake(place.lake).version == place.first


def test_a_rollback_while_a_refresh_begins_is_not_undone(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.change()
    second = place.export().version
    place.change()
    fresh = run._refuse_clock  # noqa: SLF001 - the last step before the copy

    def roll_back(current: Lake | None, today: date) -> None:
        fresh(current, today)
        assert publish.rollback(place.lake) == (second, place.first)

    monkeypatch.setattr(run, "_refuse_clock", roll_back)
    with pytest.raises(LakeError, match=f"current was moved from {second} to {place.first}"):
        place.export()
    assert lake.current_id(place.lake) == place.first
