"""Sweeps in spawned processes: equal to those in one, whatever dies."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipelines.bars import silent
from pipelines.errors import Unfinished
from pipelines.lake import Lake
from pipelines.ranking import Every, first_days, many
from pipelines.sweep import Driver, here, write_history
from pipelines.sweep.processes import TRIES, spawned
from pipelines.sweep.task import Failed, Task
from pipelines.universe import SWEDEN

SINCE = "2026-06-01"


@pytest.fixture(scope="module")
def lake(demo_market: Path) -> Lake:
    return Lake(demo_market / "lake")


@pytest.fixture(scope="module", autouse=True)
def _small_blocks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(many, "TOGETHER", 120 * 16)
        yield


@pytest.fixture(scope="module")
def write(lake: Lake, _small_blocks: None) -> Callable[..., Any]:
    dates = first_days(lake, since=date.fromisoformat(SINCE), every=Every.DAY)

    def write(out: Path, driver: Driver, **options: Any) -> Any:
        return write_history(
            lake, out, dates=dates, universe=SWEDEN, progress=silent, driver=driver, **options
        )

    return write


@pytest.fixture(scope="module")
def expected(
    lake: Lake, write: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("expected") / "out"
    write(out, here(lake))
    return content(out)


def content(out: Path) -> dict[str, bytes]:
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*.parquet"))}


def test_processes_write_what_one_does(
    tmp_path: Path, write: Callable[..., Any], expected: dict[str, bytes]
) -> None:
    done = write(tmp_path / "out", spawned(2))
    assert content(tmp_path / "out") == expected
    assert (done.blocks, len(done.peaks)) == (len(expected), 2)
    assert all(50 < peak < 700 for peak in done.peaks.values())
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


def test_the_block_of_a_process_that_is_killed_is_done_by_another(
    tmp_path: Path, write: Callable[..., Any], expected: dict[str, bytes]
) -> None:
    def killing(tasks: Sequence[Task]) -> Generator[object]:
        before = set(children(os.getpid()))
        for number, result in enumerate(spawned(2)(tasks)):
            yield result
            if number == len(tasks) // 3:
                os.kill(min(set(children(os.getpid())) - before), signal.SIGKILL)

    done = write(tmp_path / "out", killing)
    assert content(tmp_path / "out") == expected
    assert len(done.peaks) == 3


class Deadly:
    """A task that ends whoever reads it."""

    number = 0
    dates = (date(2026, 1, 2), date(2026, 1, 30))

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (9,)


def test_a_block_that_ends_every_process_is_given_up() -> None:
    (failed,) = spawned(2)([Deadly()])  # type: ignore[list-item]
    assert isinstance(failed, Failed)
    assert failed.why == (
        f"the process that ranked 2026-01-02 to 2026-01-30 ended with 9, {TRIES} times; see that "
        "there is memory enough"
    )


def test_a_sweep_that_fails_leaves_no_process(tmp_path: Path, write: Callable[..., Any]) -> None:
    before = children(os.getpid())

    def failing(tasks: Sequence[Task]) -> Generator[object]:
        results = spawned(2)(tasks)
        yield next(results)
        try:
            yield None
        finally:
            results.close()

    with pytest.raises(Unfinished, match="NoneType"):
        write(tmp_path / "out", failing)
    assert children(os.getpid()) == before


# ------------------------------------------------------------------------------- the command


def begun(lake: Lake, out: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pipelines.history", "--lake", str(lake.path.parents[1]),
               "--out", str(out), "--every", "day", "--from", "2024-01-01",
               "--processes", "2", *words]  # fmt: skip
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def until(is_true: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


def is_gone(pid: int) -> bool:
    try:
        return " Z " in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_command_that_is_ended_leaves_its_parts_and_no_process(
    lake: Lake, tmp_path: Path, number: signal.Signals
) -> None:
    out = tmp_path / "out"
    with begun(lake, out) as process:
        until(lambda: list(tmp_path.glob(".parts-out-*/0*")))
        workers = children(process.pid)
        process.send_signal(number)
        _, told = process.communicate(timeout=30)
    assert len(workers) == 2
    assert process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}.get(number, -number)
    if number is signal.SIGINT:
        assert told.startswith("error: stopped; ")
        assert "give --resume" in told
    until(lambda: all(map(is_gone, workers)), 10)
    assert not out.exists()
    if number is not signal.SIGINT:
        return
    with begun(lake, out, "--resume") as process:
        told, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "taken from before" in told
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
