"""The process that runs tasks: what ends it, and what it must not hide."""

import os
from multiprocessing.connection import Connection, Pipe

import pytest

from pipelines.sweep import processes


@pytest.fixture
def ends() -> tuple[Connection, int]:
    """An end of a pipe, and the handle of the other."""
    mine, theirs = Pipe()
    handle = os.dup(theirs.fileno())
    theirs.close()
    return mine, handle


def test_tasks_are_run_until_the_other_side_is_gone(
    ends: tuple[Connection, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, handle = ends
    done: list[object] = []
    monkeypatch.setattr(processes, "attempt", lambda task: done.append(task) or mine.close())
    mine.send("a task")
    processes.serve(handle)
    assert done == ["a task"]


def test_an_error_of_a_task_is_not_taken_for_the_end(
    ends: tuple[Connection, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, handle = ends

    def attempt(_: object) -> object:
        raise FileNotFoundError("lost.parquet")

    monkeypatch.setattr(processes, "attempt", attempt)
    mine.send("a task")
    with pytest.raises(FileNotFoundError, match=r"lost\.parquet"):
        processes.serve(handle)
