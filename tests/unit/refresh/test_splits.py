"""Each rule of the decision on a split, in closes that are written out."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from pipelines.lake.contracts import lake_schema
from pipelines.refresh.splits import DECIDED, NONE_KNOWN, decide, still_known
from tests.factories import closes

SPLITS = lake_schema("splits")
Closes = dict[str, float]


def decided(ratios: dict[str, float], by_day: Closes) -> list[dict[str, Any]]:
    """The splits of one ticker, by day, with what is decided from its closes."""
    rows = [{"ticker": "A", "date": date.fromisoformat(d), "ratio": r} for d, r in ratios.items()]
    splits = pl.DataFrame(rows, schema=SPLITS)
    prices = pl.DataFrame(closes("A", by_day), schema=lake_schema("prices"))
    found = decide(splits, prices.lazy())
    assert found.columns == [*SPLITS, *DECIDED]
    assert found["date"].is_sorted()
    return found.to_dicts()


CASES: dict[str, tuple[float, Closes, str]] = {
    "raw": (2.0, {"2024-05-02": 100.0, "2024-05-03": 51.0}, "applied"),
    "adjusted": (2.0, {"2024-05-02": 100.0, "2024-05-03": 98.0}, "in_prices"),
    "raw, reverse": (0.1, {"2024-05-02": 1.0, "2024-05-03": 9.0}, "applied"),
    "adjusted, reverse": (0.1, {"2024-05-02": 10.0, "2024-05-03": 9.0}, "in_prices"),
    "adjusted the wrong way": (2.0, {"2024-05-02": 100.0, "2024-05-03": 200.0}, "in_prices"),
    "just nearer to 1 / ratio": (4.0, {"2024-05-02": 100.0, "2024-05-03": 49.9}, "applied"),
    "as near to both": (4.0, {"2024-05-02": 100.0, "2024-05-03": 50.0}, "in_prices"),
    "just nearer to 1": (4.0, {"2024-05-02": 100.0, "2024-05-03": 50.1}, "in_prices"),
    "as small as a number can be": (5e-324, {"2024-05-02": 1e9, "2024-05-03": 1.0}, "in_prices"),
    "as large": (1.7e308, {"2024-05-02": 1.0, "2024-05-03": 1e9}, "in_prices"),
    "no split": (1.0, {"2024-05-02": 100.0, "2024-05-03": 50.0}, "in_prices"),
    "first close after a week-end": (2.0, {"2024-05-02": 100.0, "2024-05-06": 50.0}, "applied"),
    "first close ten days after": (2.0, {"2024-05-02": 100.0, "2024-05-13": 50.0}, "applied"),
    "first close eleven days after": (2.0, {"2024-05-02": 100.0, "2024-05-14": 50.0}, "no_closes"),
    "last close years before": (2.0, {"2019-01-02": 100.0, "2024-05-03": 50.0}, "applied"),
    "no close before": (2.0, {"2024-05-03": 50.0}, "no_closes"),
    "no close after": (2.0, {"2024-05-02": 100.0}, "no_closes"),
    "no close at all": (2.0, {}, "no_closes"),
}


@pytest.mark.parametrize(("ratio", "by_day", "decision"), CASES.values(), ids=CASES)
def test_a_split_of_3_may_is(ratio: float, by_day: Closes, decision: str) -> None:
    (row,) = decided({"2024-05-03": ratio}, by_day)
    assert row["decision"] == decision
    assert row["divisor"] == (ratio if decision == "applied" else 1.0)


def test_the_closes_next_to_the_split_decide() -> None:
    by_day = {"2024-05-01": 7.0, "2024-05-02": 100.0, "2024-05-04": 50.0, "2024-05-07": 99.0}
    (row,) = decided({"2024-05-03": 2.0}, by_day)
    assert row == {
        "ticker": "A", "date": date(2024, 5, 3), "ratio": 2.0, "date_before": date(2024, 5, 2),
        "close_before": 100.0, "date_after": date(2024, 5, 4), "close_after": 50.0,
        "decision": "applied", "divisor": 2.0,
    }  # fmt: skip


def test_the_divisor_is_that_of_all_splits_that_are_applied() -> None:
    by_day = {
        "2020-01-01": 120.0, "2020-01-02": 60.0, "2021-01-01": 60.0, "2021-01-02": 61.0,
        "2022-01-01": 60.0, "2022-01-02": 20.0, "2023-01-01": 1.0, "2023-01-02": 10.0,
    }  # fmt: skip
    ratios = {"2022-01-02": 3.0, "2020-01-02": 2.0, "2021-01-02": 5.0, "2023-01-02": 0.1}
    rows = decided(ratios, by_day)
    assert [row["decision"] for row in rows] == ["applied", "in_prices", "applied", "applied"]
    assert [row["divisor"] for row in rows] == [2.0, 2.0, 6.0, 6.0 * 0.1]


@pytest.mark.parametrize(
    ("close", "decisions", "divisor"),
    [
        (10.0, ["applied", "applied"], 6.0),
        (30.0, ["applied", "in_prices"], 2.0),
        (61.0, ["in_prices", "in_prices"], 1.0),
    ],
)
def test_of_splits_between_the_same_closes_each_explains_what_is_left(
    close: float, decisions: list[str], divisor: float
) -> None:
    rows = decided(
        {"2024-05-03": 2.0, "2024-05-05": 3.0}, {"2024-05-02": 60.0, "2024-05-06": close}
    )
    assert [row["decision"] for row in rows] == decisions
    assert rows[1]["divisor"] == divisor


def test_a_split_that_is_listed_twice_is_applied_once() -> None:
    rows = decided({"2024-05-03": 2.0, "2024-05-06": 2.0}, {"2024-05-02": 60.0, "2024-05-07": 30.0})
    assert [row["decision"] for row in rows] == ["applied", "in_prices"]
    assert rows[1]["divisor"] == 2.0


@pytest.mark.parametrize(
    ("changed", "kept"),
    [
        ([], True), ([2019], True), ([2020], False), ([2022], False), ([2024], False),
        ([2025], False), ([2026], True), ([2019, 2026], True), ([2019, 2021], False),
    ],
)  # fmt: skip
def test_the_closes_around_a_split_are_known_unless_a_year_between_them_changed(
    changed: list[int], *, kept: bool
) -> None:
    by_day = {"2020-05-02": 100.0, "2024-12-28": 50.0}
    (row,) = decided({"2024-12-27": 2.0}, by_day)
    rows = pl.DataFrame([row], schema={**SPLITS, **DECIDED})
    assert still_known(rows, changed).height == kept


@pytest.mark.parametrize(("changed", "kept"), [(1990, False), (2024, False), (2025, True)])
def test_a_close_before_may_come_in_any_year(changed: int, *, kept: bool) -> None:
    (row,) = decided({"2024-05-03": 2.0}, {"2024-05-03": 50.0})
    rows = pl.DataFrame([row], schema={**SPLITS, **DECIDED})
    assert still_known(rows, [changed]).height == kept


def test_what_is_known_is_not_looked_for() -> None:
    known = pl.DataFrame(
        [("A", date(2024, 5, 3), date(2024, 5, 2), 100.0, date(2024, 5, 3), 50.0)],
        schema=NONE_KNOWN.schema, orient="row",
    )  # fmt: skip
    splits = pl.DataFrame([("A", date(2024, 5, 3), 2.0)], schema=SPLITS, orient="row")
    found = decide(splits, pl.LazyFrame(), known)
    assert found["decision"].to_list() == ["applied"]
