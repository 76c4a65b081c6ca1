"""What the fast look at a contract lets pass is what the contract library lets pass."""

from datetime import date

import dataframely as dy
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines.refresh.held import hold, meet
from pipelines.refresh.normalise import ROW_CONTRACTS


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


def odd_values(dtype: pl.DataType) -> tuple[object, ...]:
    if dtype.is_float():
        return None, 0.0, -1.0, float("nan"), float("inf")
    return (None, 0, 127) if dtype.is_integer() else (None, "") if dtype == pl.String else (None,)


def test_other_types_and_columns() -> None:
    assert not meet(levels(GOOD).cast({"low": pl.Float64}), Levels)
    assert not meet(levels(GOOD).drop("high"), Levels)
    assert meet(levels(GOOD).with_columns(more=1), Levels)


@pytest.mark.parametrize("contract", ROW_CONTRACTS.values(), ids=ROW_CONTRACTS)
def test_an_odd_value_in_any_column_is_met_or_not_as_the_library_filters_it(
    contract: type[dy.Schema],
) -> None:
    good = contract.sample(1, generator=dy.random.Generator(1))
    odd = [
        good.with_columns(pl.lit(value, dtype).alias(column))
        for column, dtype in good.schema.items() for value in odd_values(dtype)
    ]  # fmt: skip
    rows = pl.concat([good, *odd]).unique(maintain_order=True)
    kept, failure = contract.filter(rows)
    assert kept.height
    assert len(failure)
    met = [row for row in rows.iter_slices(1) if meet(row, contract)]
    assert_frame_equal(pl.concat(met), kept, check_exact=True)


def test_rows_of_a_dataset_are_held_to_its_contract() -> None:
    before, day = date(2024, 1, 2), date(2024, 1, 3)
    jump = ("A", before, 1.0, day, 5.0, 5.0, False, None, None)
    columns = ("ticker", "date_before", "close_before", "date", "close", "ratio", "split_known",
               "reverted_on", "reverts")  # fmt: skip
    rows = pl.DataFrame([jump], schema=columns, orient="row").cast({"reverted_on": pl.Date})
    hold(rows, "jumps")
    with pytest.raises(dy.exc.ValidationError, match="min_exclusive"):
        hold(rows.with_columns(ratio=0.0), "jumps")
