"""The dates that are ranked, and the blocks in which they are.

`tests/property/test_history.py` holds the rankings of many dates against those of each.
"""

from datetime import date

import pytest

from pipelines.ranking import many
from pipelines.ranking.many import Every, first_days, history
from pipelines.universe import SWEDEN
from tests.factories import closes, frame_lake, stock

DAYS = ["2023-12-28", "2024-01-02", "2024-01-03", "2024-01-08", "2024-02-01", "2024-04-02"]
LAKE = frame_lake([stock("A")], closes("A", dict.fromkeys(DAYS, 1.0)))


@pytest.mark.parametrize(
    ("every", "expected"),
    [
        (Every.DAY, [0, 1, 2, 3, 4, 5]),
        (Every.WEEK, [0, 1, 3, 4, 5]),
        (Every.MONTH, [0, 1, 4, 5]),
        (Every.QUARTER, [0, 1, 5]),
        (Every.YEAR, [0, 1]),
    ],
)
def test_the_first_day_of_each_period(every: Every, expected: list[int]) -> None:
    found = first_days(LAKE, since=date(2023, 1, 1), every=every)
    assert [str(day) for day in found] == [DAYS[n] for n in expected]


def test_days_before_the_first_date_do_not_count() -> None:
    found = first_days(LAKE, since=date(2024, 1, 3), every=Every.MONTH)
    assert [str(day) for day in found] == ["2024-01-03", "2024-02-01", "2024-04-02"]
    assert first_days(LAKE, since=date(2024, 4, 3), every=Every.DAY) == []


@pytest.mark.parametrize(("together", "sizes"), [(1, [1, 1, 1]), (2, [2, 1]), (36_000, [3])])
def test_a_plan_for_each_block(
    monkeypatch: pytest.MonkeyPatch, together: int, sizes: list[int]
) -> None:
    monkeypatch.setattr(many, "TOGETHER", together)
    dates = [date(2024, 1, 2), date(2024, 2, 1), date(2024, 4, 2)]
    plans = list(history(LAKE, dates=dates, universe=SWEDEN))
    assert [p.collect(engine="streaming")["as_of"].n_unique() for p in plans] == sizes


def test_no_dates_are_no_plans() -> None:
    assert list(history(LAKE, dates=[], universe=SWEDEN)) == []
