"""The dates that are ranked, and the blocks in which they are.

`tests/property/test_history.py` holds the rankings of many dates against those of each.
"""

from datetime import date

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines.ranking import many
from pipelines.ranking.many import (
    RANK_COLUMNS,
    Every,
    cross_sections,
    first_days,
    history,
    history_of_ranks,
)
from pipelines.ranking.strategies import STRATEGIES
from pipelines.universe import SWEDEN
from tests.factories import closes, frame_lake, snapshot, statement, stock

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


@pytest.mark.parametrize(
    ("strategies", "sizes"), [(4, [3]), (31, [3]), (32, [2, 1]), (64, [1, 1, 1])]
)
def test_a_block_is_smaller_for_many_strategies(
    monkeypatch: pytest.MonkeyPatch, strategies: int, sizes: list[int]
) -> None:
    monkeypatch.setattr(many, "RANKS_TOGETHER", 4)
    dates = [date(2024, 1, 2), date(2024, 2, 1), date(2024, 4, 2)]
    chosen = [STRATEGIES["trendande_varde"]] * strategies
    found = many.blocks(LAKE, dates, SWEDEN, chosen, ranks_alone=True)
    assert [len(block) for block in found] == sizes


def test_no_dates_are_no_plans() -> None:
    assert list(history(LAKE, dates=[], universe=SWEDEN)) == []


@pytest.mark.parametrize("together", [1, 2, 36_000])
def test_dates_in_any_order_and_more_than_once_are_as_the_sorted_set(
    monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    monkeypatch.setattr(many, "TOGETHER", together)
    first, second, third = date(2024, 1, 2), date(2024, 2, 1), date(2024, 4, 2)

    def found(*dates: date) -> pl.DataFrame:
        plans = history(LAKE, dates=dates, universe=SWEDEN)
        return pl.concat(plan.collect(engine="streaming") for plan in plans)

    expected = found(first, second, third)
    assert expected["as_of"].unique().to_list() == [first, second, third]
    assert expected.filter(strategy="sammansatt_momentum")["close"].to_list() == [1.0] * 3
    assert_frame_equal(found(third, first, second, first, third), expected)


def test_one_strategy_alone_is_as_among_all() -> None:
    dates = [date(2024, 1, 2), date(2024, 2, 1)]
    strategy = STRATEGIES["trendande_varde"]
    (every,) = history(LAKE, dates=dates, universe=SWEDEN)
    (alone,) = history(LAKE, dates=dates, universe=SWEDEN, strategies=[strategy])
    expected = every.filter(strategy="trendande_varde").collect(engine="streaming")
    assert_frame_equal(alone.collect(engine="streaming"), expected)


def test_a_history_tells_name_sector_returns_and_score() -> None:
    day = date(2024, 4, 2)
    (plan,) = history(LAKE, dates=[day], universe=SWEDEN)
    row = plan.filter(strategy="sammansatt_momentum").collect(engine="streaming").row(0, named=True)
    told = ("name", "sector", "return_3m", "return_12m", "f_score", "f_available")
    assert [row[column] for column in told] == ["A", "Industri", 0.0, None, 0, 0]


def test_the_last_date_counts() -> None:
    found = first_days(LAKE, since=date(2024, 1, 1), until=date(2024, 2, 1), every=Every.MONTH)
    assert [str(day) for day in found] == ["2024-01-02", "2024-02-01"]
    assert first_days(LAKE, since=date(2024, 2, 2), until=date(2024, 3, 1), every=Every.DAY) == []


@pytest.mark.parametrize("together", [1, 2, 96_000])
def test_the_ranks_alone_are_those_of_the_history(
    monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    monkeypatch.setattr(many, "RANKS_TOGETHER", together)
    dates, chosen = (
        [date(2024, 1, 2), date(2024, 2, 1), date(2024, 4, 2)],
        list(STRATEGIES.values()),
    )
    (every,) = history(LAKE, dates=dates, universe=SWEDEN)
    alone = history_of_ranks(LAKE, dates=dates, universe=SWEDEN, strategies=chosen)
    found = pl.concat(plan.collect(engine="streaming") for plan in alone)
    expected = every.select(RANK_COLUMNS).collect(engine="streaming")
    assert expected.height == 12
    assert_frame_equal(found, expected, check_row_order=False)


def test_of_the_ratios_between_two_dates_the_newest_of_each_year_counts() -> None:
    days = [date(2024, 1, 2), date(2024, 2, 1), date(2024, 4, 2)]
    rows = [
        snapshot("A", "2023-12-01", number=1, pe=1.0),
        snapshot("A", "2023-12-08", number=2, pe=2.0),
        snapshot("A", "2024-01-10", number=3, pe=3.0),
        snapshot("A", "2024-01-10", number=4, pe=4.0),
        snapshot("A", "2024-02-01", number=5, pe=5.0),
        # Of the year after: the statements of the year before no longer count.
        statement("A", "2023-12-31", "2024-03-01", number=6, pe=6.0),
        statement("A", "2022-12-31", "2024-03-20", number=7, pe=7.0),
    ]
    lake = frame_lake([stock("A")], closes("A", dict.fromkeys(DAYS, 1.0)), rows)
    known = cross_sections(lake, days).select("as_of", "pe").sort("as_of")
    assert known.collect(engine="streaming").rows() == list(zip(days, [2.0, 5.0, 6.0], strict=True))
