"""Jumps of prices: which pairs of closes are far apart, across years too, and which runs revert."""

from datetime import date, timedelta
from pathlib import Path
from typing import Final

import polars as pl
import pytest

from pipelines.refresh import datasets
from pipelines.refresh.jumps import NO_SPLITS, SPLITS, Closes, Search, judged
from tests.factories import Row
from tests.factories import closes as rows_of
from tests.tasks import table, task, written

SCHEMA: Final = {"ticker": pl.String, "date": pl.Date, "close": pl.Float32}
Found = tuple[str, str, float, float]


def frame(rows: list[Row]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA).sort("ticker", "date")


def pairs(*stocks: dict[str, float]) -> pl.DataFrame:
    """The far pairs of stocks A, B, … by ISO date."""
    rows = [r for name, by_day in zip("ABC", stocks, strict=False) for r in rows_of(name, by_day)]
    return Closes.of(frame(rows)).pairs


def jumps(by_day: dict[str, float]) -> pl.DataFrame:
    return judged(pairs(by_day), NO_SPLITS)


def days(column: pl.Series) -> list[str | None]:
    return column.dt.to_string().to_list()


# -------------------------------------------------------------------------------- far pairs


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (10.0, 25.0, True), (10.0, 24.99, False), (25.0, 10.0, True), (24.99, 10.0, False),
        (0.4, 1.0, True), (1.0, 0.4, True), (0.1, 0.25, True), (0.3, 0.12, True),
        (7.0, 7.0, False),
    ],
)  # fmt: skip
def test_a_jump_is_two_and_a_half_times_or_more(before: float, after: float, found: bool) -> None:
    day = {"2024-01-02": before, "2024-01-03": after}
    assert pairs(day).height == found


def test_a_pair_is_of_one_stock_however_long_nothing_was_traded() -> None:
    found = pairs({"2020-01-02": 1.0, "2024-01-02": 9.0}, {"2024-01-01": 90.0, "2024-01-02": 91.0})
    assert found.rows() == [("A", date(2024, 1, 2), 9.0, date(2020, 1, 2), 1.0)]


def test_a_jump_has_the_ratio_of_its_closes() -> None:
    found = jumps(
        {"2019-03-06": 170.0, "2019-03-07": 0.01, "2019-03-08": 5.06, "2019-03-11": 158.4}
    )
    assert found["ratio"].to_list() == pytest.approx([0.01 / 170, 506.0, 158.4 / 5.06])
    assert found["reverted_on"].null_count() == found["reverts"].null_count() == 3
    assert found["split_known"].any() is False


# ------------------------------------------------------------------------------ across years


def searched(*years: tuple[int, list[Row]], there: tuple[int, ...] = ()) -> Search:
    """A search over the rows of years, some of which are there already."""
    kept = {year: [Closes.of(frame(rows))] for year, rows in years if year in there}
    search = Search(pl.DataFrame(schema=SCHEMA), kept)
    for year, rows in years:
        if year not in there:
            search.add(year, [Closes.of(frame(rows))])
    search.finish()
    return search


YEARS: Final = (
    (2022, rows_of("A", {"2022-12-30": 10.0}) + rows_of("B", {"2022-01-03": 8.0})),
    (2023, rows_of("A", {"2023-01-02": 30.0, "2023-06-01": 90.0})),
    (2024, rows_of("A", {"2024-01-02": 30.0}) + rows_of("B", {"2024-01-02": 2.0})),
)  # fmt: skip


@pytest.mark.parametrize("there", [(), (2022,), (2023,), (2024,), (2022, 2024), (2022, 2023, 2024)])
def test_the_years_are_joined_whichever_are_there_already(there: tuple[int, ...]) -> None:
    search = searched(*YEARS, there=there)
    assert search.pairs.select("ticker", "date_before", "date").rows() == [
        ("A", date(2022, 12, 30), date(2023, 1, 2)),
        ("A", date(2023, 1, 2), date(2023, 6, 1)),
        ("A", date(2023, 6, 1), date(2024, 1, 2)),
        ("B", date(2022, 1, 3), date(2024, 1, 2)),
    ]
    assert search.newest.sort("ticker").rows() == [
        ("A", date(2024, 1, 2), 30.0), ("B", date(2024, 1, 2), 2.0)
    ]  # fmt: skip


def test_the_jumps_of_a_database(tmp_path: Path) -> None:
    made = task(tmp_path, daily_prices=[
        {"ticker": "B-A", "date": "2023-12-29", "close": 100.0},
        {"ticker": "A", "date": "2024-01-02", "close": 1.0},
        {"ticker": "B A", "date": "2024-01-02", "close": 10.0},
        {"ticker": "B A", "date": "2024-01-03", "close": 0.0},
        {"ticker": "B A", "date": "2024-01-04", "close": 100.0},
    ])  # fmt: skip
    prices = datasets.prices(made, table(made, "daily_prices"), None)
    entry = datasets.jumps(made, prices.pairs, None)
    assert (entry.rows, entry.rows_in, len(entry.files)) == (2, None, 1)
    first, last = date(2024, 1, 2), date(2024, 1, 4)
    ten, hundred, tenth = 10.0, 100.0, 10.0 / 100.0
    assert written(made, "jumps/0.parquet").rows() == [
        ("B A", first, ten, date(2023, 12, 29), hundred, tenth, False, last, None),
        ("B A", last, hundred, first, ten, 10.0, False, None, first),
    ]


# ---------------------------------------------------------------------------- runs that revert


@pytest.mark.parametrize(
    ("closes", "runs"),
    [
        ([10, 100, 101, 10], [(1, 3)]),
        ([10, 100, 100, 100], []),
        ([10, 100, 15], [(1, 2)]),  # back to 1.5 times
        ([10, 100, 15.01], []),
        ([15, 1, 10], [(1, 2)]),  # back to a share of 1 / 1.5
        ([15, 1, 9.99], []),
        ([170, 0.01, 5.06, 158.4], []),  # in steps, none of which takes the price back
        ([10, 100, 300, 100, 10], [(1, 4), (2, 3)]),  # one within another
        ([10, 100, 10, 100], [(1, 2)]),  # the third has none left to revert
        ([10, 100, 10, 100, 10], [(1, 2), (3, 4)]),
        ([10, 100, 1000, 100], [(1, 3)]),  # the first to begin, though the second is between
    ],
)
def test_a_run_reverts_by_the_first_jump_that_takes_the_price_back(
    closes: list[float], runs: list[tuple[int, int]]
) -> None:
    first = date(2024, 1, 1)
    found = jumps({f"{first + timedelta(days=n)}": c for n, c in enumerate(closes)})
    back = found.drop_nulls("reverted_on")
    assert [((a - first).days, (b - first).days)
            for a, b in back.select("date", "reverted_on").rows()] == runs  # fmt: skip
    forth = found.drop_nulls("reverts").select("reverts", "date").sort("reverts")
    assert forth.rows() == back.select("date", "reverted_on").sort("date").rows()


@pytest.mark.parametrize(("after", "reverts"), [(400, True), (401, False)])
def test_a_run_is_at_most_400_days_long(after: int, reverts: bool) -> None:
    last = date(2022, 1, 4) + timedelta(days=after)
    found = jumps({"2022-01-03": 1.0, "2022-01-04": 10.0, f"{last}": 1.0})
    assert days(found["reverted_on"]) == [f"{last}" if reverts else None, None]


# ------------------------------------------------------------------------------------ splits


def split(day: str, ratio: float, ticker: str = "A") -> pl.DataFrame:
    return pl.DataFrame([(ticker, date.fromisoformat(day), ratio)], schema=SPLITS, orient="row")


@pytest.mark.parametrize(
    ("known", "ratio", "is_known"),
    [
        (split("2024-01-03", 10.0), 1.05, True),
        (split("2024-01-03", 2.0), 0.21, False),  # applied, and not enough
        (split("2024-01-02", 10.0), 0.105, False),  # before both closes
        (split("2024-01-04", 10.0), 0.105, False),  # after both
        (split("2024-01-03", 10.0, "B"), 0.105, False),
    ],
)
def test_a_split_that_is_known_explains_a_jump(
    known: pl.DataFrame, ratio: float, is_known: bool
) -> None:  # fmt: skip
    found = judged(pairs({"2024-01-02": 100.0, "2024-01-03": 10.5}), known)
    assert found["ratio"].to_list() == pytest.approx([ratio])
    assert found["split_known"].to_list() == [is_known]


def test_what_a_split_explains_is_in_no_run() -> None:
    closes = {"2024-01-02": 100.0, "2024-01-03": 10.0, "2024-02-01": 100.0}
    found = judged(pairs(closes), split("2024-01-03", 10.0))
    assert days(found["reverted_on"]) == days(found["reverts"]) == [None, None]
