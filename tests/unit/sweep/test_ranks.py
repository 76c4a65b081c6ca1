"""The ranks of backtests by a driver: equal to those of this process, and nothing stays behind."""

import tempfile
from collections.abc import Generator, Sequence
from datetime import date
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from pipelines.bars import silent
from pipelines.errors import LakeError, Unfinished, WrongUsage
from pipelines.lake import Lake
from pipelines.ranking import many
from pipelines.ranking.strategies import STRATEGIES
from pipelines.research.ranks import Ranks, ranks_of
from pipelines.sweep.ranks import Ranking
from pipelines.sweep.run import Driver, here, run
from pipelines.sweep.task import Task
from pipelines.universe import SWEDEN
from tests.factories import frame_lake, stock

LAKE = frame_lake([stock("A"), stock("B")])
DATES = [date(2023, 12, 1), date(2024, 1, 2), date(2024, 2, 1)]
KEYS = ("strategy", "as_of", "ticker")


@pytest.fixture(autouse=True)
def _a_block_a_date(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(many, "RANKS_TOGETHER", 2)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def ranks(ranked: Ranking | None = None) -> Ranks:
    return ranks_of(LAKE, DATES, SWEDEN, list(STRATEGIES.values()), silent, ranked)


def by_here(lake: Lake, dates: int) -> Driver:
    assert dates == 3
    return here(lake)


def by_nobody(_: Lake, __: int) -> None:
    return None


def failing(_: Lake, __: int) -> Driver:
    def driver(tasks: Sequence[Task]) -> Generator[object]:
        yield run(tasks[0], LAKE)

    return driver


@pytest.mark.parametrize("stays", [True, False])
def test_they_are_those_of_this_process(tmp_path: Path, *, stays: bool) -> None:
    with Ranking(driver_of=by_here, beside=tmp_path / "out" if stays else None) as ranked:
        found = ranks(ranked)
        assert len(list(tmp_path.iterdir())) == stays
    assert list(tmp_path.iterdir()) == []
    assert_frame_equal(found.rows.sort(KEYS), ranks().rows.sort(KEYS))
    assert [swept.blocks for swept in ranked.swept] == [3]


def test_little_work_writes_nothing(tmp_path: Path) -> None:
    with Ranking(driver_of=by_nobody, beside=tmp_path / "out") as ranked:
        assert_frame_equal(ranks(ranked).rows.sort(KEYS), ranks().rows.sort(KEYS))
        assert list(tmp_path.iterdir()) == []
    assert ranked.swept == []


def test_a_later_failure_leaves_the_parts_for_another_run(tmp_path: Path) -> None:
    def broken() -> None:
        with Ranking(driver_of=by_here, beside=tmp_path / "out") as ranked:
            ranks(ranked)
            raise WrongUsage("later")

    with pytest.raises(WrongUsage):
        broken()
    with Ranking(driver_of=by_here, beside=tmp_path / "out", resume=True) as ranked:
        ranks(ranked)
    assert [swept.taken for swept in ranked.swept] == [3]
    assert ranked.swept[0].told() == "nothing was missing; 3 blocks taken from before"


def test_without_a_folder_that_stays_nothing_does(tmp_path: Path) -> None:
    with pytest.raises(Unfinished, match=r"^2 of 3 blocks did not come back$"):
        ranks(Ranking(driver_of=failing))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LakeError, match=r"cannot write beside .*name another folder with --work"):
        ranks(Ranking(driver_of=by_here, beside=tmp_path / "file" / "out"))
