"""The parts of a condition in SQL as Polars expressions: what each of them means.

All numbers are 64-bit floating point. What has no result is null: a division by zero, the square
root or logarithm of a negative number, a number beyond the largest.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final, Literal

import polars as pl

Kind = Literal["number", "text", "truth"]

REGULAR: Final = r"\.+*?()|[]{}^$"
"""Signs with a meaning in regular expressions."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cut:
    """The number with which a condition compares a value, and how."""

    value: pl.Expr
    sign: str
    number: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A part of an expression: its kind, what it computes, and the columns that it reads."""

    kind: Kind
    expr: pl.Expr
    columns: frozenset[str] = frozenset()
    number: float | None = None
    """The number itself, of one that is written out."""
    may_overflow: bool = False
    cut: Cut | None = None
    size: int = 1
    """Roughly the number of steps to compute it."""

    @property
    def finite(self) -> pl.Expr:
        """Return the expression, null where a number has become infinite."""
        return pl.when(self.expr.is_finite()).then(self.expr) if self.may_overflow else self.expr


@dataclass(frozen=True, slots=True)
class Function:
    """A function: the kind of its values, of its result, how many it takes, and what it does."""

    of: Kind
    gives: Kind
    least: int
    most: int
    apply: Callable[..., pl.Expr]

    @property
    def takes(self) -> str:
        """Return how many values it takes, in words."""
        values = "one value" if self.least == 1 else "two values"
        return values + (" or more" if self.most > self.least else "")


def _only_where(
    test: Callable[[pl.Expr], pl.Expr], function: Callable[[pl.Expr], pl.Expr]
) -> Callable[[pl.Expr], pl.Expr]:
    return lambda x: pl.when(test(x)).then(function(x))


def _null_if(x: pl.Expr, y: pl.Expr) -> pl.Expr:
    return pl.when(x == y).then(None).otherwise(x)


FUNCTIONS: Final[Mapping[str, Function]] = {
    "ABS": Function("number", "number", 1, 1, lambda x: x.abs()),
    "SIGN": Function("number", "number", 1, 1, lambda x: x.sign()),
    "FLOOR": Function("number", "number", 1, 1, lambda x: x.floor()),
    "CEIL": Function("number", "number", 1, 1, lambda x: x.ceil()),
    "SQRT": Function("number", "number", 1, 1, _only_where(lambda x: x >= 0, lambda x: x.sqrt())),
    "LN": Function("number", "number", 1, 1, _only_where(lambda x: x > 0, lambda x: x.log())),
    "GREATEST": Function("number", "number", 2, 20, pl.max_horizontal),
    "LEAST": Function("number", "number", 2, 20, pl.min_horizontal),
    "COALESCE": Function("number", "number", 2, 20, pl.coalesce),
    "NULLIF": Function("number", "number", 2, 2, _null_if),
    "LOWER": Function("text", "text", 1, 1, lambda x: x.str.to_lowercase()),
    "UPPER": Function("text", "text", 1, 1, lambda x: x.str.to_uppercase()),
    "LENGTH": Function("text", "number", 1, 1, lambda x: x.str.len_chars().cast(pl.Float64)),
}
"""GREATEST and LEAST leave missing values out."""
COMPARISONS: Final[Mapping[str, Callable[[pl.Expr, pl.Expr], pl.Expr]]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
MIRRORED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "<>": "<>", "!=": "<>"}
ARITHMETIC: Final[Mapping[str, Callable[[pl.Expr, pl.Expr], pl.Expr]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda x, y: pl.when(y != 0).then(x / y),
}


def number(value: float) -> Part:
    """Return a number that is written out."""
    return Part(kind="number", expr=pl.lit(value, dtype=pl.Float64), number=value)


def text(value: str) -> Part:
    """Return a text that is written out."""
    return Part(kind="text", expr=pl.lit(value, dtype=pl.String))


def truth(value: bool) -> Part:
    """Return TRUE or FALSE."""
    return Part(kind="truth", expr=pl.lit(value, dtype=pl.Boolean))


def column(name: str, kind: Kind) -> Part:
    """Return a column; one of numbers as 64-bit floating point."""
    found = pl.col(name)
    expr = found.cast(pl.Float64) if kind == "number" else found
    return Part(kind=kind, expr=expr, columns=frozenset({name}))


def negative(part: Part) -> Part:
    """Return a number with the other sign."""
    if part.number is not None:
        return number(-part.number)
    return _made("number", -part.expr, part, may_overflow=part.may_overflow)


def computed(sign: str, left: Part, right: Part) -> Part:
    """Return the result of + - * /; null for a division by zero."""
    expr = ARITHMETIC[sign](left.expr, right.expr)
    twice = (right,) if sign == "/" else ()
    return _made("number", expr, left, right, *twice, may_overflow=True)


def called(function: Function, parts: Sequence[Part]) -> Part:
    """Return the result of a function."""
    expr = function.apply(*(part.expr for part in parts))
    overflow = any(part.may_overflow for part in parts)
    return _made(function.gives, expr, *parts, *parts, may_overflow=overflow)


def compared(sign: str, left: Part, right: Part) -> Part:
    """Return a comparison; null where a value is missing."""
    expr = COMPARISONS[sign](left.finite, right.finite)
    return _made("truth", expr, left, right, left, right, cut=_cut(sign, left, right))


def between(value: Part, low: Part, high: Part) -> Part:
    """Return true for a value from one number to another."""
    expr = (value.finite >= low.finite) & (value.finite <= high.finite)
    return _made("truth", expr, *(value,) * 4, low, high, low, high)


def one_of(value: Part, others: Sequence[Part]) -> Part:
    """Return true for a value that equals one of others."""
    expr = reduce(operator.or_, (value.finite == other.finite for other in others))
    return _made("truth", expr, *(value,) * 2 * len(others), *others, *others)


def like(value: Part, pattern: str) -> Part:
    """Return true for a text of a pattern: % stands for any text, _ for one sign."""
    signs = {"%": ".*", "_": "."} | {sign: f"\\{sign}" for sign in REGULAR}
    regular = "".join(signs.get(sign, sign) for sign in pattern)
    return _made("truth", value.expr.str.contains(f"(?s)^{regular}$"), value)


def is_null(value: Part) -> Part:
    """Return true where a value is missing."""
    return _made("truth", value.finite.is_null(), value, value)


def is_not(part: Part) -> Part:
    """Return the opposite of a condition; null where it is null."""
    return _made("truth", ~part.expr, part)


def both(left: Part, right: Part) -> Part:
    """Return true where both conditions are."""
    return _made("truth", left.expr & right.expr, left, right)


def either(left: Part, right: Part) -> Part:
    """Return true where one of the conditions is."""
    return _made("truth", left.expr | right.expr, left, right)


def case(cases: Sequence[tuple[Part, Part]], last: Part | None) -> Part:
    """Return the value beside the first condition that is true, else the last one, else null."""
    expr = last.expr if last else pl.lit(None)
    for test, value in reversed(cases):
        expr = pl.when(test.expr).then(value.expr).otherwise(expr)
    parts = [part for pair in cases for part in pair] + ([last] if last else [])
    overflow = any(part.may_overflow for part in parts)
    return _made(cases[0][1].kind, expr, *parts, may_overflow=overflow)


def _made(
    kind: Kind, expr: pl.Expr, *parts: Part, may_overflow: bool = False, cut: Cut | None = None
) -> Part:
    """Return a part that is made of others; one that is computed twice is named twice."""
    return Part(
        kind=kind,
        expr=expr,
        columns=frozenset().union(*(part.columns for part in parts)),
        may_overflow=may_overflow,
        cut=cut,
        size=1 + sum(part.size for part in parts),
    )


def _cut(sign: str, left: Part, right: Part) -> Cut | None:
    """Return the cut of a comparison of a value with a number; None for any other."""
    if right.number is not None and left.kind == "number":
        return Cut(value=left.finite, sign=sign, number=right.number)
    if left.number is not None and right.kind == "number":
        return Cut(value=right.finite, sign=MIRRORED[sign], number=left.number)
    return None
