"""Conditions and expressions in SQL: what they mean, and what is said of those that are refused."""

import math
from typing import Any

import polars as pl
import pytest

from pipelines.ranking import sql
from pipelines.ranking.words import NotSql

COLUMNS: sql.Columns = {
    "pe": "number", "pb": "number", "f_score": "number", "f_available": "number",
    "turnover_3m": "number", "sector": "text", "roa_rose": "truth",
}  # fmt: skip
SCHEMA = {"pe": pl.Float64, "pb": pl.Float64, "f_score": pl.Int8, "f_available": pl.Int8,
          "turnover_3m": pl.Float64, "sector": pl.String, "roa_rose": pl.Boolean}  # fmt: skip


def value(expr: pl.Expr, **row: Any) -> Any:
    return pl.DataFrame([row], schema=SCHEMA).lazy().select(expr).collect().item()


@pytest.mark.parametrize(
    ("text", "row", "expected"),
    [
        ("pe < 10", {"pe": 9.0}, True),
        ("pe < 10", {"pe": 10.0}, False),
        ("pe < 10", {}, None),
        ("10 >= pe", {"pe": 10.0}, True),
        ("pe = 10 OR pb <> 2", {"pe": 10.0}, True),
        ("pe = 10 AND pb <> 2", {"pe": 10.0}, None),
        ("pe = 10 and pb <> 2", {"pe": 9.0}, False),
        ("NOT pe = 10", {"pe": 9.0}, True),
        ("not not roa_rose", {"roa_rose": True}, True),
        ("roa_rose = FALSE", {"roa_rose": False}, True),
        ("pe IS NULL", {}, True),
        ("pe IS NOT NULL", {}, False),
        ("pe BETWEEN 1 AND 2 AND pb > 0", {"pe": 2.0, "pb": 1.0}, True),
        ("pe NOT BETWEEN 1 AND 2", {"pe": 2.5}, True),
        ("sector IN ('Bank', 'It''s')", {"sector": "It's"}, True),
        ("sector NOT IN ('Bank')", {"sector": "Bank"}, False),
        ("sector LIKE 'Ba_k%'", {"sector": "Banking"}, True),
        ("sector LIKE 'B.nk'", {"sector": "Bank"}, False),
        ("sector LIKE '100%<>'", {"sector": "100 <>"}, True),
        ("sector NOT LIKE '%x'", {"sector": "ab"}, True),
        ("lower(sector) = 'bank'", {"sector": "BANK"}, True),
        ("length(sector) > 3", {"sector": "Öäåé"}, True),
        ("f_score * 100 > f_available * 50", {"f_score": 9, "f_available": 9}, True),
        ("f_score / f_available < 5 / 9", {"f_score": 4, "f_available": 9}, True),
        ("pe / pb > 1 OR TRUE", {"pe": 1.0, "pb": 0.0}, True),
        ("pe / pb > 1", {"pe": 1.0, "pb": 0.0}, None),
        ("sqrt(pe) > 3", {"pe": -1.0}, None),
        ("ln(pe) < 3", {"pe": 0.0}, None),
        ("pe * 1e200 > 0", {"pe": 1e200}, None),
        ("pe * 1e200 * 1e200 - pe * 1e200 * 1e200 IS NULL", {"pe": 1.0}, True),
        ("(pe + 1) * 2 - -1 = 5", {"pe": 1.0}, True),
        ("pe - 1 - 1 = 0 AND 8 / 2 / 2 = 2", {"pe": 2.0}, True),
        ("greatest(pe, pb) = 2 and least(pe, pb) = 1", {"pe": 1.0, "pb": 2.0}, True),
        ("coalesce(pe, pb, 0) = 0", {}, True),
        ("nullif(pe, 0) IS NULL", {"pe": 0.0}, True),
        ("nullif(pe, pb) = 1", {"pe": 1.0}, True),
        ("CASE WHEN pe > 0 THEN pe ELSE 99 END < 10", {"pe": -1.0}, False),
        ("CASE WHEN pe > 0 THEN 'a' WHEN pe > -2 THEN 'b' END = 'b'", {"pe": -1.0}, True),
        ("CASE WHEN pe > 0 THEN pe END IS NULL", {"pe": -1.0}, True),
        ("abs(pe) = 1 AND sign(pe) = -1 AND floor(pe) = ceil(pe)", {"pe": -1.0}, True),
    ],
)  # fmt: skip
def test_what_a_condition_means(text: str, row: dict[str, Any], expected: bool | None) -> None:
    found = sql.condition(text, COLUMNS)
    assert value(found.expr, **row) is expected
    assert found.expr.meta.is_row_separable()


@pytest.mark.parametrize(
    ("text", "row", "expected"),
    [
        ("pe - pb", {"pe": 3.0, "pb": 1.0}, 2.0),
        ("-(pe)", {"pe": 3.0}, -3.0),
        ("1 / pe", {"pe": 0.0}, None),
        ("pe * pe", {"pe": 1e200}, None),
        ("f_score * f_score * f_score", {"f_score": 9}, 729.0),
        ("ln(pe)", {"pe": math.e}, 1.0),
    ],
)
def test_what_an_expression_means(text: str, row: dict[str, Any], expected: float | None) -> None:
    assert value(sql.expression(text, COLUMNS).finite, **row) == expected


@pytest.mark.parametrize(
    ("text", "at", "message"),
    [
        ("", 1, "is empty; write a condition, such as pe < 10"),
        ("pe", 1, "is a number; write a condition, such as pe < 10"),
        ("turnover3m < 4", 1, "unknown column 'turnover3m'; the nearest is turnover_3m"),
        ("pe > 1 AND PB < 4", 12, "unknown column 'PB'; the nearest is pb"),
        ("sqr(pe) > 1", 1, "unknown function 'sqr'; the nearest is sqrt"),
        ("pe > max(pe)", 6, "'max' looks at more than one row; use a factor of the stock"),
        ("rank() OVER (ORDER BY pe) < 3", 1,
         "'rank' looks at more than one row; use a factor of the stock"),
        ("abs(pe) OVER () < 3", 9, "'OVER' looks at more than one row; use a factor of the stock"),
        ("(SELECT 1) = 1", 2, "'SELECT' looks at more than one row; use a factor of the stock"),
        ("EXISTS (SELECT 1)", 1, "'EXISTS' looks at more than one row; use a factor of the stock"),
        ("pe < 'x'", 4, "< needs a number here, not a text"),
        ("pe < 1 < 2", 8, "< needs a condition here, not a number"),
        ("roa_rose < TRUE", 10, "< compares numbers or texts, not conditions"),
        ("sector + 1 = 2", 8, "+ needs a number here, not a text"),
        ("pe AND roa_rose", 4, "AND needs a condition here, not a number"),
        ("NOT pe", 1, "NOT needs a condition here, not a number"),
        ("pe IN ('a')", 4, "IN needs a number here, not a text"),
        ("pe LIKE 'a'", 4, "LIKE needs a text here, not a number"),
        ("abs(sector) > 1", 1, "abs needs a number here, not a text"),
        ("sqrt(pe, 1) > 1", 1, "sqrt takes one value, not 2"),
        ("nullif(pe) > 1", 1, "nullif takes two values, not 1"),
        ("CASE WHEN pe THEN 1 END > 1", 1, "CASE needs a condition here, not a number"),
        ("CASE WHEN roa_rose THEN 1 ELSE 'a' END > 1", 1, "CASE needs a number here, not a text"),
        ("CASE END = 1", 6, "expected WHEN, found 'END'"),
        ("pe < NULL", 6, "NULL is no value here; write IS NULL, or leave ELSE out"),
        ("pe <", 5, "expected a value, found the end"),
        ("pe > 1 pb", 8, "expected AND, OR or the end, found 'pb'"),
        ("(pe > 1", 8, "expected ), found the end"),
        ("pe > 1; DROP TABLE x", 7, "the sign ';' is not known here"),
        ('"pe" > 1', 1, "write names without quotes, and texts in single ones"),
        ("sector = 'a", 10, "the text has no closing quote; add '"),
        ("pe > --1", 6, "-- begins a comment in SQL; write - -"),
        ("pe > 1.2.3", 6, "'1.2.3' is no number"),
        ("pe > 1e999", 6, "the number 1e999 is too large"),
        ("pe > 1 \x00", 8, "the sign '\\x00' is not known here"),
        ("sector = 'a\x00'", 12, "the sign '\\x00' is not known here"),
        ("(" * 31 + "pe > 1" + ")" * 31, 31, "is nested deeper than 30; write it flatter"),
        (" + ".join(["pe"] * 101) + " > 1", 501, "has more than 200 words; write it shorter"),
        ("1/(" * 12 + "pe" + ")" * 12 + " > 1", 8, "takes too many steps to compute; "
         "write it shorter"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_is_wrong_and_where(text: str, at: int, message: str) -> None:
    with pytest.raises(NotSql) as error:
        sql.condition(text, COLUMNS)
    assert (error.value.at, str(error.value)) == (at, message)


@pytest.mark.parametrize(
    ("text", "sign", "number"),
    [("pe < 10", "<", 10.0), ("50e6 > turnover_3m", "<", 50e6), ("pe / pb >= -1", ">=", -1.0)],
)
def test_the_cut_of_a_comparison(text: str, sign: str, number: float) -> None:
    cut = sql.condition(text, COLUMNS).cut
    assert cut is not None
    assert (cut.sign, cut.number) == (sign, number)


@pytest.mark.parametrize("text", ["pe < pb", "pe < 1 AND pb < 1", "sector = 'x'", "1 < 2 = TRUE"])
def test_what_has_no_cut(text: str) -> None:
    assert sql.condition(text, COLUMNS).cut is None
