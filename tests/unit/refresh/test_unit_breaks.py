"""A part of the history in another unit for all stocks: what is told of it, and of what not."""

import pytest

from pipelines.lake import Check
from pipelines.refresh.unit_breaks import unit_breaks_check
from tests.factories import Row, closes, frame_lake, snapshot, stock

NAMES = [f"T{n:02}" for n in range(12)]
MENDED = "its unit has changed, as from percent to fractions; bring all years to one unit"


def found(rows: list[Row], prices: list[Row] | None = None) -> Check:
    return unit_breaks_check(frame_lake([stock(n) for n in NAMES], prices or [], rows))


def years(roe: dict[int, float], names: list[str] = NAMES) -> list[Row]:
    """A return on equity of each stock in each year, the same for all but a few hundredths."""
    return [
        snapshot(name, f"{year}-03-01", number=100 * year + n, roe=value * (1 + n / 100))
        for year, value in roe.items()
        for n, name in enumerate(names)
    ]


def test_percent_before_a_year_and_fractions_after_it_are_told_with_the_years() -> None:
    check = found(years({2017: 12.0, 2018: 15.0, 2020: 0.14, 2021: 0.15}))
    assert (check.name, check.status, check.value) == ("unit_breaks", "warning", {"count": 1})
    assert check.message == f"the median of roe is 15.8 in 2018 and 0.148 in 2020: {MENDED}"


def test_a_year_of_which_one_half_is_in_the_old_unit_hides_nothing() -> None:
    check = found([*years({2019: 12.0, 2021: 0.12}), *years({2020: 1.0})])
    assert check.status == "warning"


@pytest.mark.parametrize(
    ("roe", "status"),
    [
        ({2019: 0.1, 2020: 1.99}, "ok"),  # a market may move, but not twenty times
        ({2019: 0.1, 2020: 2.01}, "warning"),
        ({2019: 0.1, 2020: -10.0}, "warning"),  # the sign is of no matter
        ({2019: 0.0, 2020: 10.0}, "ok"),  # zero has no unit
        ({2020: 10.0}, "ok"),
        ({}, "ok"),
    ],
)
def test_years_differ_by_more_than_twenty_times(roe: dict[int, float], status: str) -> None:
    assert found(years(roe)).status == status


def test_a_market_that_grows_over_decades_has_one_unit() -> None:
    assert found(years({2000 + n: 0.01 * 1.3**n for n in range(40)})).status == "ok"


def test_a_year_of_both_units_is_between_the_years_that_are_told() -> None:
    assert found(years({2019: 12.0, 2020: 1.0, 2021: 0.12})).status == "warning"


@pytest.mark.parametrize(("stocks", "status"), [(9, "ok"), (10, "warning")])
def test_a_year_counts_from_ten_stocks_on(stocks: int, status: str) -> None:
    rows = [*years({2019: 12.0}), *years({2020: 0.12}, NAMES[:stocks])]
    assert found(rows).status == status


@pytest.mark.parametrize(("stocks", "status"), [(4, "ok"), (5, "warning")])
def test_pounds_that_become_pence_on_a_day_are_told(stocks: int, status: str) -> None:
    prices = [
        row
        for n, name in enumerate(NAMES)
        for row in closes(name, {"2019-12-30": 1.0, "2020-01-02": 100.0 if n < stocks else 1.1})
    ]
    check = found([], prices)
    assert check.status == status
    moved = "the closes of 5 stocks, such as T00, move a hundred times on 2020-01-02: the unit has "
    moved += "changed, as from pounds to pence; bring all days to one unit"
    assert check.message == (
        moved if status == "warning" else "no year of the history is in another unit"
    )
