"""The process that loads the calendar library, asked itself: other tests ask it once for all."""

from datetime import date

import pytest

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
