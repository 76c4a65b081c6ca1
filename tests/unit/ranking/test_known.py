"""What is known on a date: closes, ratios and statements.

`test_methodology` has the cases that are put to the oracle too.
"""

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from pipelines.ranking.known import closes as closes_of
from pipelines.ranking.known import newest_ratios, price_return
from pipelines.ranking.statements import statements
from pipelines.ranking.windows import ANCHORS, in_window
from tests.factories import Row, closes, frame_lake, snapshot, statement

D = date(2024, 5, 31)
DAY = pl.lit(D)
WINDOWS = {n: in_window(DAY, n) for n in ANCHORS}


# ------------------------------------------------------------------------------------ prices


@pytest.mark.parametrize(
    ("months", "base"), [(3, date(2024, 2, 29)), (6, date(2023, 11, 30)), (12, date(2023, 5, 31))]
)
def test_a_base_is_the_last_close_of_ten_days(months: int, base: date) -> None:
    def found(*ages: int) -> list[tuple[Any, ...]]:
        days = {str(base - timedelta(days=n)): float(n + 20) for n in (*ages, -1)}
        frame = closes_of(frame_lake([], closes("A", days)).prices(), WINDOWS).collect()
        return frame.select(f"base_close_{months}m", f"base_date_{months}m").rows()

    assert found(10, 11) == [(30.0, base - timedelta(days=10))]
    assert found(4, 0, 9) == [(20.0, base)]
    assert found(11) == [(None, None)]


def test_a_price_return_over_any_number_of_months() -> None:
    prices = frame_lake(
        [],
        [*closes("A", {"2024-04-30": 80.0, "2024-05-31": 100.0, "2024-06-03": 5.0}),
         *closes("B", {"2024-04-19": 80.0, "2024-05-31": 100.0})],
    ).prices()  # fmt: skip
    frame = price_return(prices, None, as_of=D, months=1).sort("ticker").collect()
    assert frame.rows() == [("A", 0.25, D, date(2024, 4, 30)), ("B", None, D, None)]


# ------------------------------------------------------------------------------------ ratios

OLD, NEW = "2022-12-31", "2023-12-31"


def ratio(fiscal: str | None, known: str, *, number: int = 1, **values: float) -> Row:
    if fiscal is None:
        return snapshot("A", known, number=number, **values)
    return statement("A", fiscal, known, number=number, **values)


@pytest.mark.parametrize(
    ("rows", "pe"),
    [
        ([], None),
        ([(NEW, "2024-02-01", 1), (OLD, "2024-05-01", 9)], 0),  # restated late: an older period
        ([(NEW, "2024-02-01", 9), (NEW, "2024-03-01", 1)], 1),  # restated: the same period
        ([(NEW, "2024-02-01", 1), (NEW, "2024-02-01", 2)], 1),  # the highest id
        ([(None, "2024-02-01", 2), (None, "2024-02-01", 1)], 0),
        ([(None, "2024-02-02", 1), (NEW, "2024-02-01", 9)], 0),  # a snapshot known later
        ([(None, "2024-02-01", 9), (NEW, "2024-02-01", 1)], 1),  # on the same day not
        ([(NEW, "2024-02-01", 1), (OLD, "2024-05-01", 2), (None, "2024-03-01", 3)], 2),
        ([(NEW, "2024-02-01", 1), (NEW, "2024-06-01", 2)], 0),  # known tomorrow
        ([(OLD, "2024-02-01", 1), (NEW, "2024-06-01", 2)], 0),
        ([(NEW, "2024-05-31", 1)], 0),
        ([(NEW, "2023-05-31", 1)], 0),  # twelve months
        ([(NEW, "2023-05-30", 1)], None),  # a day more
        ([(None, "2023-05-30", 1)], None),
        ([(NEW, "2023-05-30", 1), (OLD, "2024-05-01", 2)], None),  # superseded all the same
    ],
)
def test_the_row_of_the_ratios(rows: list[Any], pe: float | None) -> None:
    for order in (1, -1):
        filed = [ratio(f, k, number=i, pe=float(n)) for n, (f, k, i) in enumerate(rows)][::order]
        known = frame_lake([], [], filed).fundamentals(known_by=D)
        found = newest_ratios(known, DAY).collect()["pe"].to_list()
        assert found == ([] if pe is None else [pe])


def test_ratios_come_from_one_row_and_a_row_without_any_supersedes_nothing() -> None:
    rows = [ratio(OLD, "2024-02-01", pe=1.0, pb=2.0), ratio(NEW, "2024-03-01", net_income_ccy=1.0)]
    rows += [ratio(None, "2024-02-02", number=7, pe=3.0)]
    frame = newest_ratios(frame_lake([], [], rows).fundamentals(), DAY).collect()
    assert frame.select("pe", "pb", "ratios_known_from").row(0) == (3.0, None, date(2024, 2, 2))


# -------------------------------------------------------------------------------- statements


def years(rows: list[Row]) -> Row:
    """What the F-score of A is made from."""
    known = frame_lake([], [], rows).fundamentals(known_by=D)
    return next(statements(known, DAY).collect().iter_rows(named=True), {})


def filed(fiscal: str, known: str, number: int, **values: Any) -> Row:
    return statement("A", fiscal, known, number=number, net_income_ccy=float(number), **values)


@pytest.mark.parametrize(
    ("rows", "income"),
    [
        ([(NEW, "2024-02-01", 1), (OLD, "2024-05-01", 9)], 1),
        ([(NEW, "2024-02-01", 9), (NEW, "2024-03-01", 1)], 1),
        ([(NEW, "2024-02-01", 1), (NEW, "2024-02-01", 2)], 2),
        ([(OLD, "2024-02-01", 1), (NEW, "2024-06-01", 2)], 1),
        ([("2022-11-30", "2023-02-28", 1)], 1),  # eighteen months
        ([("2022-11-29", "2024-02-28", 1)], None),  # a day more
    ],
)
def test_the_statements_of_the_newest_year(rows: list[Any], income: float | None) -> None:
    for order in (1, -1):
        assert years([filed(*row) for row in rows[::order]]).get("net_income_ccy_0") == income


def test_a_restatement_replaces_a_year_as_a_whole() -> None:
    rows = [filed(NEW, "2024-02-01", 1), filed(OLD, "2023-02-01", 2, gross_margin=0.5)]
    row = years([*rows, filed(OLD, "2024-04-01", 3, current_ratio=2.0)])
    assert (row["net_income_ccy_0"], row["net_income_ccy_1"]) == (1.0, 3.0)
    assert (row["gross_margin_1"], row["current_ratio_1"]) == (None, 2.0)


def assets_of_years(fiscal_dates: list[str]) -> tuple[float | None, ...]:
    """The total assets that are taken for t, t-1 and t-2, where each year's are its place."""
    row = years([filed(day, "2024-04-01", n, total_assets_ccy=float(n))
                 for n, day in enumerate(fiscal_dates)])  # fmt: skip
    return tuple(row[f"total_assets_ccy_{year}"] for year in (0, 1, 2))


@pytest.mark.parametrize(
    ("earlier", "expected"),
    [
        (["2022-12-31"], 1),  # twelve months before
        (["2022-10-31"], 1),  # fourteen
        (["2022-10-30"], None),  # a day more
        (["2023-02-28"], 1),  # ten
        (["2023-03-01"], None),  # a day less
        (["2022-12-01", "2023-01-15"], 2),  # the nearer of two
        (["2022-12-26", "2023-01-05"], 2),  # five days on either side: the later
        (["2022-12-27", "2023-01-05"], 1),  # four days against five: the nearer
    ],
)
def test_the_year_before(earlier: list[str], expected: int | None) -> None:
    assert assets_of_years(["2023-12-31", *earlier])[1] == expected


def test_the_year_two_before_is_counted_from_the_year_before() -> None:
    assert assets_of_years(["2023-12-31", "2022-11-30", "2021-11-30"]) == (0, 1, 2)
    assert assets_of_years(["2023-12-31", "2022-11-30", "2020-12-31"]) == (0, 1, None)
    assert assets_of_years(["2023-12-31", "2021-12-31"]) == (0, None, None)
    # Fourteen months twice, which end two days before 28 months.
    assert assets_of_years(["2023-04-30", "2022-02-28", "2020-12-28"]) == (0, 1, 2)


@pytest.mark.parametrize(
    ("rows", "vendor"),
    [
        ([(NEW, "2024-02-01", 1, 4), (OLD, "2024-05-01", 9, 7)], 4),
        ([(NEW, "2024-02-01", 1, None), (OLD, "2023-02-01", 2, 7)], None),  # of an earlier year
        ([(NEW, "2024-02-01", 9, 4), (NEW, "2024-03-01", 1, 5)], 5),
        ([(NEW, "2024-02-01", 9, 4), (NEW, "2024-03-01", 1, None)], 4),
        ([(NEW, "2024-02-01", 2, 3), (NEW, "2024-02-01", 1, 8)], 3),
        ([(NEW, "2024-06-01", 2, 3), (OLD, "2024-02-01", 1, 8)], 8),  # known tomorrow
        ([(OLD, "2024-02-01", 1, 8), (NEW, "2024-06-01", 2, 3)], 8),
        ([("2022-11-29", "2024-02-01", 1, 6)], None),  # of a year that is too old
    ],
)
def test_the_vendors_score_is_that_of_the_newest_year(rows: list[Any], vendor: Any) -> None:
    for order in (1, -1):
        scored = [filed(f, k, i, piotroski_f_score=score) for f, k, i, score in rows[::order]]
        assert years(scored).get("vendor_f_score") == vendor


@pytest.mark.parametrize(
    ("vendors", "mixes"),
    [
        (["avanza", "tradingview"], True),
        (["tradingview", "avanza"], False),
        (["tradingview", None], False),
        (["avanza", "TradingView"], True),
    ],
)
def test_periods_mix_where_the_newest_row_of_t_is_of_tradingview(
    vendors: list[str | None], mixes: bool
) -> None:
    rows = [filed(NEW, f"2024-0{n}-01", n, gross_margin=0.4, data_source=vendor)
            for n, vendor in enumerate(vendors, start=1)]  # fmt: skip
    older = filed(OLD, "2024-05-01", 9, gross_margin=0.4, data_source="tradingview")
    assert years([*rows, older])["mixes_periods"] is mixes
