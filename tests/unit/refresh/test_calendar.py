"""The process that loads the calendar library, asked itself: other tests ask it once for all."""

from datetime import date
from pathlib import Path

import pytest

from pipelines.errors import CalendarFailed
from pipelines.refresh import calendar
from pipelines.refresh.calendar import sessions
from tests.trading_days import known_sessions


@pytest.mark.parametrize("exchange", ["XSTO", "XNYS"])
def test_a_narrow_question_has_the_answer_of_a_wide_one(exchange: str) -> None:
    days = date(2026, 12, 1), date(2027, 1, 31)
    asked = sessions(exchange, *days)
    assert len(asked) > 35
    assert asked == known_sessions(exchange, *days)


def test_a_range_without_trading_days_is_empty() -> None:
    assert sessions("XOSL", date(2026, 11, 21), date(2026, 11, 22)) == []


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
    monkeypatch.setattr(calendar, "__file__", str(tmp_path / "calendar.py"))
    with pytest.raises(CalendarFailed) as failed:
        sessions("XOSL", date(2026, 11, 21), date(2026, 11, 22))
    assert str(failed.value) == (
        f"the trading days of XOSL cannot be made: {why}; nothing was published, "
        "install the libraries of requirements.lock again, then try again"
    )
