"""What the fast look at a contract lets pass is what the contract library lets pass."""

from datetime import date

import dataframely as dy
import polars as pl
import pytest

from pipelines.refresh.held import hold, meet


class Levels(dy.Schema):
    name = dy.String(nullable=False, min_length=1)
    low = dy.Float32(nullable=True, min_exclusive=0)
    high = dy.Float32(nullable=True)

    @dy.rule()
    def low_above_high(cls) -> pl.Expr:  # noqa: N805 - dataframely passes the class
        return pl.col("low") <= pl.col("high")


TYPES = {"name": pl.String, "low": pl.Float32, "high": pl.Float32}
GOOD = ("A", 1.0, 2.0)


def levels(*rows: tuple[object, ...]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=TYPES, orient="row")


@pytest.mark.parametrize("rows", [(), (GOOD,), (GOOD, ("B", None, 2.0), ("C", 1.0, None))])
def test_rows_that_meet_all_rules(rows: tuple[tuple[object, ...], ...]) -> None:
    assert meet(levels(*rows), Levels)


@pytest.mark.parametrize(
    "row", [(None, 1, 2), ("", 1, 2), ("A", 0, 2), ("A", float("nan"), 2), ("A", 1, float("inf")),
            ("A", 3, 2)],
)  # fmt: skip
def test_a_row_that_breaks_a_rule(row: tuple[object, ...]) -> None:
    rows = levels(GOOD, row, GOOD)
    assert not meet(rows, Levels)
    assert not Levels.is_valid(rows)


def test_other_types_and_columns() -> None:
    assert not meet(levels(GOOD).cast({"low": pl.Float64}), Levels)
    assert not meet(levels(GOOD).drop("high"), Levels)
    assert meet(levels(GOOD).with_columns(more=1), Levels)


def test_rows_of_a_dataset_are_held_to_its_contract() -> None:
    before, day = date(2024, 1, 2), date(2024, 1, 3)
    jump = ("A", before, 1.0, day, 5.0, 5.0, False, None, None)
    columns = ("ticker", "date_before", "close_before", "date", "close", "ratio", "split_known",
               "reverted_on", "reverts")  # fmt: skip
    rows = pl.DataFrame([jump], schema=columns, orient="row").cast({"reverted_on": pl.Date})
    hold(rows, "jumps")
    with pytest.raises(dy.exc.ValidationError, match="min_exclusive"):
        hold(rows.with_columns(ratio=0.0), "jumps")
