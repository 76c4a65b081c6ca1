"""What the expressions give for zero, negative, missing and rounded values."""

from typing import Any

import polars as pl

from pipelines.ranking.expressions import divided, first_reason, has_any, inverse, positive


def values(expr: pl.Expr, **columns: list[Any]) -> list[Any]:
    """What an expression gives for columns of one cross-section."""
    return pl.DataFrame(columns).select(expr).to_series().to_list()


def test_the_inverse_of_a_multiple() -> None:
    found = values(inverse("pe"), pe=[4.0, -2.0, 0.0, -0.0, None])
    assert found == [0.25, -0.5, None, None, None]


def test_positive() -> None:
    assert values(positive("x"), x=[0.5, 0.0, -1.0, None]) == [0.5, None, None, None]


def test_a_quotient_is_rounded_once() -> None:
    assert values(divided(pl.col("x"), 100.0), x=[57.0, None]) == [0.57, None]


def test_any_value_in_a_row() -> None:
    found = values(has_any(("a", "b")), a=[1.0, None, None], b=[None, 0.0, None])
    assert found == [True, True, False]


def test_a_rule_that_is_unknown_does_not_exclude() -> None:
    rules = {"a": pl.lit(None, dtype=pl.Boolean), "b": pl.lit(value=True), "c": pl.lit(value=True)}
    assert pl.select(first_reason(rules)).item() == "b"
    assert pl.select(first_reason({"a": rules["a"]})).item() is None
