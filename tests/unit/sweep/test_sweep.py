"""Blocks, their parts, and what is looked at before a sweep is done."""

import pickle
from collections.abc import Generator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines.bars import silent
from pipelines.errors import LakeError, Stopped, Unfinished
from pipelines.ranking import many
from pipelines.ranking.strategies import STRATEGIES
from pipelines.sweep import parts as parts_module
from pipelines.sweep.history import write_history
from pipelines.sweep.parts import Parts, forget_all, parts_of
from pipelines.sweep.run import Driver, here, sweep
from pipelines.sweep.task import Counts, Failed, Kind, Task, attempt, run
from pipelines.universe import SWEDEN
from tests.factories import frame_lake, stock

LAKE = frame_lake([stock("A"), stock("B")])
DATES = [date(2023, 12, 1), date(2024, 1, 2), date(2024, 2, 1), date(2024, 3, 1)]
ALL = tuple(STRATEGIES.values())
A_DATE = 2 * len(STRATEGIES)
"""The rows of a date: each stock and strategy has one."""


@pytest.fixture(autouse=True)
def _a_block_a_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many, "TOGETHER", 2)


def cut(folder: Path, **changes: object) -> Parts:
    given = {"lake": LAKE, "dates": DATES, "universe": SWEDEN, "strategies": ALL,
             "kind": Kind.HISTORY, "beside": folder / "out"} | changes  # fmt: skip
    return parts_of(**given)  # type: ignore[arg-type]


def counted(task: Task, rows: int = A_DATE) -> Counts:
    return Counts(number=task.number, rows=rows, worker="w:1", peak_mb=100.0)


def stopping_after(count: int, ended: BaseException | object = None) -> Driver:
    """A driver that does some blocks, then yields or raises what ends it."""

    def driver(tasks: Sequence[Task]) -> Generator[object]:
        for task in tasks[:count]:
            yield run(task, LAKE)
        if isinstance(ended, BaseException):
            raise ended
        if ended is not None:
            yield ended

    return driver


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# ------------------------------------------------------------------------------- the blocks


def test_every_date_is_in_one_block(tmp_path: Path) -> None:
    parts = cut(tmp_path)
    assert [task.dates for task in parts.tasks] == [(day,) for day in DATES]
    assert [task.number for task in parts.tasks] == [0, 1, 2, 3]
    assert parts.dates == 4
    assert parts.folder.parent == tmp_path
    assert [Path(task.part).name for task in parts.tasks] == ["00000", "00001", "00002", "00003"]


def test_the_folder_is_named_by_all_that_determines_the_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = cut(tmp_path).folder
    assert cut(tmp_path).folder == first
    assert cut(tmp_path, dates=DATES[::-1]).folder == first
    other = frame_lake([stock("A"), stock("B")])
    other.path = Path("versions/other")
    changes: list[dict[str, object]] = [
        {"dates": DATES[1:]}, {"strategies": ALL[1:]}, {"kind": Kind.RANKS}, {"lake": other},
        {"universe": replace(SWEDEN, floors=((date.min, 1.0),))},
        {"strategies": (replace(ALL[0], portfolio_size=11), *ALL[1:])},
    ]  # fmt: skip
    folders = {cut(tmp_path, **change).folder for change in changes}
    monkeypatch.setattr(many, "TOGETHER", 4)
    folders.add(cut(tmp_path).folder)
    monkeypatch.setattr(many, "TOGETHER", 2)
    monkeypatch.setattr(parts_module, "rules_here", lambda: "other")
    folders.add(cut(tmp_path).folder)
    assert len(folders - {first}) == len(changes) + 2


def test_a_task_can_be_sent_and_means_the_same(tmp_path: Path) -> None:
    parts = cut(tmp_path)
    parts.begin(resume=False)
    sent: Task = pickle.loads(pickle.dumps(parts.tasks[1]))  # noqa: S301 - our own
    run(parts.tasks[1], LAKE)
    run(replace(sent, part=f"{parts.folder}/sent"), LAKE)
    mine, theirs = parts.files(1), sorted((parts.folder / "sent").iterdir())
    assert [f.name for f in mine] == [f.name for f in theirs] == ["year=2024.parquet"]
    assert_frame_equal(pl.read_parquet(mine[0]), pl.read_parquet(theirs[0]))


def test_a_part_that_another_worker_has_written_stays(tmp_path: Path) -> None:
    parts = cut(tmp_path)
    parts.begin(resume=False)
    first, again = run(parts.tasks[0], LAKE), run(parts.tasks[0], LAKE)
    assert first.rows == again.rows == parts.rows(0) == A_DATE
    assert names(parts.folder) == ["00000"]


# ------------------------------------------------------------------------- whole or not at all


def test_a_sweep_tells_rows_blocks_and_workers(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    done = sweep(cut(tmp_path), here(LAKE), lambda *step: told.append(step))
    assert (done.rows, done.blocks, done.taken, len(done.peaks)) == (4 * A_DATE, 4, 0, 1)
    assert told == [("dates", n, 4) for n in (1, 2, 3, 4)]
    assert done.told().startswith("4 blocks by 1 worker, at most ")


class FutureCancelledError(Exception):
    """Like that of Dask, which gives it as if it were a result."""


@pytest.mark.parametrize(
    ("driver", "why"),
    [
        (stopping_after(2), "2 of 4 blocks did not come back"),
        (stopping_after(2, FutureCancelledError("lost")),
         None),
    ],
)  # fmt: skip
def test_an_error_of_a_driver_leaves_the_parts(
    tmp_path: Path, driver: Driver, why: str | None
) -> None:
    parts = cut(tmp_path)
    with pytest.raises(Unfinished if why else FutureCancelledError, match=why):
        sweep(parts, driver, silent)
    assert names(parts.folder) == ["00000", "00001"]


@pytest.mark.parametrize(
    ("result", "why"),
    [
        (FutureCancelledError("lost"), "a block came back as FutureCancelledError: lost"),
        (None, "a block came back as NoneType: None"),
        (Failed(number=2, why="no such lake"), "no such lake"),
    ],
)
def test_a_result_of_another_type_is_no_result(tmp_path: Path, result: object, why: str) -> None:
    def driver(tasks: Sequence[Task]) -> Generator[object]:
        yield run(tasks[0], LAKE)
        yield result

    with pytest.raises(Unfinished) as caught:
        sweep(cut(tmp_path), driver, silent)
    kept = "; 1 of 4 blocks are kept, give --resume to go on from there"
    assert str(caught.value) == why + kept


@pytest.mark.parametrize("lie", ["absent", "fewer rows", "damaged"])
def test_a_part_that_is_told_must_be_there(tmp_path: Path, lie: str) -> None:
    parts = cut(tmp_path)

    def driver(tasks: Sequence[Task]) -> Generator[object]:
        for task in tasks:
            if task.number == 3 and lie == "absent":
                yield counted(task)
                continue
            run(task, LAKE)
            if task.number == 3 and lie == "damaged":
                parts.files(3)[0].write_bytes(b"PAR1")
            yield counted(task, A_DATE + (task.number == 3 and lie == "fewer rows"))

    with pytest.raises(Unfinished, match=r"1 of 4 blocks are not in .*let all machines share"):
        sweep(parts, driver, silent)


def test_nothing_is_at_the_output_before_all_parts_are(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "old").touch()
    with pytest.raises(Unfinished):
        write_history(
            LAKE, out, dates=DATES, universe=SWEDEN, progress=silent, driver=stopping_after(3)
        )
    assert names(out) == ["old"]


def test_ctrl_c_tells_what_is_kept(tmp_path: Path) -> None:
    with pytest.raises(Stopped, match=r"^stopped; 1 of 4 blocks are kept, give --resume"):
        sweep(cut(tmp_path), stopping_after(1, KeyboardInterrupt()), silent)
    with pytest.raises(Stopped, match=r"^stopped$"):
        sweep(cut(tmp_path), stopping_after(0, KeyboardInterrupt()), silent)
    assert names(tmp_path) == []


# ------------------------------------------------------------------------------------ resume


def test_a_resumed_sweep_computes_what_is_missing(tmp_path: Path) -> None:
    out, once, asked = tmp_path / "out", tmp_path / "once", []

    def watched(tasks: Sequence[Task]) -> Generator[object]:
        asked.append([task.number for task in tasks])
        yield from here(LAKE)(tasks)

    def write(out: Path, driver: Driver, *, resume: bool = False) -> int:
        return write_history(
            LAKE, out, dates=DATES, universe=SWEDEN, progress=silent, driver=driver, resume=resume
        ).rows

    with pytest.raises(Unfinished):
        write(out, stopping_after(3))
    (folder,) = tmp_path.iterdir()
    (folder / "00001" / "year=2024.parquet").write_bytes(b"cut off")
    (folder / ".00003-abcd").mkdir()
    assert write(out, watched, resume=True) == 4 * A_DATE
    assert asked == [[1, 3]]
    write(once, here(LAKE))
    assert names(tmp_path) == ["once", "out"]
    for file in once.rglob("*.parquet"):
        assert (out / file.relative_to(once)).read_bytes() == file.read_bytes()
    assert len(list(out.rglob("*.parquet"))) == len(list(once.rglob("*.parquet"))) == 4


def test_without_resume_all_is_computed(tmp_path: Path) -> None:
    with pytest.raises(Unfinished):
        sweep(cut(tmp_path), stopping_after(3), silent)
    assert sweep(cut(tmp_path), here(LAKE), silent).taken == 0


def test_parts_of_other_inputs_are_not_taken(tmp_path: Path) -> None:
    with pytest.raises(Unfinished):
        sweep(cut(tmp_path, dates=DATES[:3]), stopping_after(2), silent)
    others = tmp_path / ".parts-out-two-0123456789abcdef"
    others.mkdir()
    parts = cut(tmp_path)
    assert sweep(parts, here(LAKE), silent, resume=True).taken == 0
    assert len(names(tmp_path)) == 3
    forget_all(tmp_path / "out")
    assert names(tmp_path) == [others.name]


# ---------------------------------------------------------------------- errors of the workers


def test_a_worker_with_other_rules_refuses(tmp_path: Path) -> None:
    parts = cut(tmp_path)
    parts.begin(resume=False)
    with pytest.raises(Unfinished, match="has another release, other rules or another Polars"):
        run(replace(parts.tasks[0], rules="other"), LAKE)


def test_a_worker_that_does_not_share_the_folder_fails(tmp_path: Path) -> None:
    with pytest.raises(Unfinished, match=r"cannot write .*00000 on .*: No such file"):
        run(cut(tmp_path).tasks[0], LAKE)
    assert names(tmp_path) == []


def test_errors_that_people_see_come_back_as_values(tmp_path: Path) -> None:
    task = replace(cut(tmp_path).tasks[0], lake=str(tmp_path / "versions" / "none"))
    failed = attempt(task)
    assert isinstance(failed, Failed)
    assert "none" in failed.why


def test_the_ranks_of_a_block_are_one_file(tmp_path: Path) -> None:
    parts = cut(tmp_path, kind=Kind.RANKS)
    sweep(parts, here(LAKE), silent)
    assert [file.name for file in parts.files(0)] == ["rows.parquet"]


def test_an_output_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LakeError, match=r"cannot write .*name another with --out"):
        write_history(
            LAKE, tmp_path / "file" / "out", dates=DATES, universe=SWEDEN, progress=silent
        )
