"""A command that is followed, sampled, and ended where it must be."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import pytest

from app.jobs.child import Child, Ended

HANG: Final = "import sys, time; print('ready', file=sys.stderr, flush=True); time.sleep(60)"


def child(budget_mb: float = 10_000, silent_seconds: float = 60) -> Child:
    return Child(lambda: budget_mb, silent_seconds=silent_seconds, sample_seconds=0.02)


def run(
    command: Child, code: str, log: Path, act: Callable[[list[str]], None] = lambda _: None
) -> tuple[Ended, list[str]]:
    """Run a script; how it ended, and the lines that were seen."""
    seen: list[str] = []

    def see(lines: list[str]) -> None:
        seen.extend(lines)
        act(lines)

    words = [sys.executable, "-c", f"import os, sys; {code}"]
    main: Awaitable[Ended] = command.run(words, os.environ, log, see)

    async def limited() -> Ended:
        return await asyncio.wait_for(main, 30)

    return asyncio.run(limited()), seen


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "7.log"


def test_the_exit_code_the_output_and_the_log_are_apart(log: Path) -> None:
    log.write_text("of before\n")
    code = "print('out'); print('Ängsvik', file=sys.stderr); sys.stderr.write('begun'); sys.exit(3)"
    ended, seen = run(child(), code, log)
    assert ended == Ended(3, b"out\n")
    assert [line for line in seen if line] == ["Ängsvik", "begun"]
    assert log.read_text() == "of before\nÄngsvik\nbegun"


def test_a_line_is_seen_once_it_is_whole(log: Path) -> None:
    code = (
        "import time; sys.stderr.write('one half '); sys.stderr.flush(); time.sleep(0.2);"
        "print('and the other', file=sys.stderr)"
    )
    _, seen = run(child(), code, log)
    assert [line for line in seen if line] == ["one half and the other"]


def test_a_signal_is_a_negative_code(log: Path) -> None:
    ended, _ = run(child(), "os.kill(os.getpid(), 15)", log)
    assert ended == Ended(-signal.SIGTERM, b"")


def test_a_command_above_its_budget_is_ended(log: Path) -> None:
    command = child(budget_mb=60)
    ended, _ = run(command, f"x = b'1' * 150_000_000; {HANG}", log)
    assert (ended.code, ended.reason) == (-signal.SIGKILL, "memory")
    assert ended.over
    used, allowed = ended.over
    assert used > allowed == 60
    assert command.peak_mb
    assert command.peak_mb >= used


def test_a_command_that_is_silent_for_too_long_is_ended(log: Path) -> None:
    ended, _ = run(child(silent_seconds=0.3), HANG, log)
    assert (ended.code, ended.reason, ended.over) == (-signal.SIGKILL, "silent", None)
    assert ended.silent == 0.3


def test_a_command_that_was_stopped_by_a_signal_is_silent(log: Path) -> None:
    code = "os.kill(os.getpid(), 19)"  # SIGSTOP
    ended, _ = run(child(silent_seconds=0.3), code, log)
    assert (ended.code, ended.reason) == (-signal.SIGKILL, "silent")


def test_a_command_that_outlives_its_kill_is_given_up(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[int] = []
    kill = os.killpg
    monkeypatch.setattr(os, "killpg", lambda pid, _: killed.append(pid))
    command = Child(lambda: 1e4, silent_seconds=0.2, kill_seconds=0.2, sample_seconds=0.02)

    async def main() -> Ended:
        words = [sys.executable, "-c", HANG]
        ended = await command.run(words, os.environ, log, lambda _: None)
        kill(killed[0], signal.SIGKILL)
        while Path(f"/proc/{killed[0]}").exists():
            await asyncio.sleep(0.01)
        return ended

    ended = asyncio.run(asyncio.wait_for(main(), 30))
    assert (ended.code, ended.reason) == (-signal.SIGKILL, "silent")
    assert command.pid is None


def test_a_command_is_stopped_and_so_is_the_next(log: Path) -> None:
    command = child()
    assert command.pid is None

    def stop(lines: list[str]) -> None:
        if "ready" in lines:
            assert command.pid
            command.stop()

    ended, _ = run(command, HANG, log, stop)
    assert (ended.code, ended.reason) == (-signal.SIGKILL, "stopped")
    assert command.pid is None
    ended, _ = run(command, HANG, log)
    assert ended.reason == "stopped"


def test_the_end_for_one_reason_is_not_that_of_the_next_command(log: Path) -> None:
    budgets = [1.0]
    command = Child(lambda: budgets[0], silent_seconds=60, sample_seconds=0.02)
    assert run(command, HANG, log)[0].reason == "memory"
    budgets[0] = 10_000.0
    assert run(command, "print('fine')", log)[0] == Ended(0, b"fine\n")


def test_a_command_that_cannot_be_started_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        run(child(), "", tmp_path / "absent" / "7.log")
