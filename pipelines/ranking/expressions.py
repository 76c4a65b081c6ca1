"""Expressions that handle zero, missing and rounded values as all factors need it."""

from collections.abc import Mapping, Sequence

import polars as pl


def inverse(column: str) -> pl.Expr:
    """Return 1 / x: the cheapest multiple is highest, a negative one lowest, and zero is null."""
    x = pl.col(column)
    return pl.when(x != 0).then(pl.lit(1.0) / x)


def positive(column: str) -> pl.Expr:
    """Return the value where it is greater than zero, else null."""
    return pl.when(pl.col(column) > 0).then(column)


def divided(value: pl.Expr, by: pl.Expr | float) -> pl.Expr:
    """Return the quotient of finite values, correctly rounded.

    Where all rows share a divisor, a literal or a column that it knows to be constant, Polars
    multiplies by the reciprocal: 57 / 100 is then not 0.57, which can tip a comparison.
    """
    return value / (value * 0.0 + by)


def has_any(columns: Sequence[str]) -> pl.Expr:
    """Return true for a row that has a value in any of the columns."""
    return pl.any_horizontal(pl.col(*columns).is_not_null())


def first_reason(rules: Mapping[str, pl.Expr]) -> pl.Expr:
    """Return the name of the first rule that is true; null where none is."""
    return pl.coalesce(pl.when(rule).then(pl.lit(name)) for name, rule in rules.items())
