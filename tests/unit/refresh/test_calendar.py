"""The trading days of an exchange: of the table, and of the process that asks the library."""

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from pipelines.errors import CalendarFailed
from pipelines.refresh import calendar
from pipelines.refresh.calendar import sessions


def test_the_table_is_what_the_library_says() -> None:
    command = [sys.executable, "-W", "ignore", "-m", "tests.closed_days"]
    made = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert Path(calendar.__file__).with_name("closed_days.toml").read_text() == made


def test_days_of_the_table_need_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "none")
    days = sessions("XSTO", date(2026, 12, 22), date(2027, 1, 4))
    assert days == [date(2026, 12, n) for n in (22, 23, 28, 29, 30)] + [date(2027, 1, 4)]
    assert sessions("XOSL", date(2026, 11, 21), date(2026, 11, 22)) == []


def test_days_beyond_the_table_are_those_of_the_library() -> None:
    days = sessions("XNYS", date(2035, 12, 24), date(2036, 1, 2))
    assert days == [*(date(2035, 12, n) for n in (24, 26, 27, 28, 31)), date(2036, 1, 2)]
    assert sessions("XOSL", date(2036, 11, 22), date(2036, 11, 23)) == []


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("raise ImportError('no module of that name')", "ImportError: no module of that name"),
        ("import os; os.kill(os.getpid(), 9)", "it ended with code -9"),
    ],
)
def test_a_process_that_fails_is_one_sentence(
    script: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "calendar.py").write_text(script)
    sessions("XOSL", date(2026, 11, 21), date(2026, 11, 22))  # the table is read before it moves
    monkeypatch.setattr(calendar, "__file__", str(tmp_path / "calendar.py"))
    with pytest.raises(CalendarFailed) as failed:
        sessions("XOSL", date(2036, 11, 22), date(2036, 11, 23))
    assert str(failed.value) == (
        f"the trading days of XOSL cannot be made: {why}; nothing was published, "
        "install the libraries of requirements.lock again, then try again"
    )
