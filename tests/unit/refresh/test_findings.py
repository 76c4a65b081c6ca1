"""What the checks of the integrity report list, and how they name what they found."""

from datetime import date

import polars as pl

from pipelines.lake import Check
from pipelines.refresh.findings import LISTED, cases, check, counted, some

ROWS = pl.DataFrame({"ticker": ["A", "B"], "day": [date(2026, 11, 20), None], "x": [1.23456789, 2]})


def test_cases_are_what_json_holds() -> None:
    assert cases(ROWS) == [
        {"ticker": "A", "day": "2026-11-20", "x": 1.23457},
        {"ticker": "B", "day": None, "x": 2.0},
    ]


def test_all_cases_are_counted_and_the_first_are_listed() -> None:
    many = pl.DataFrame({"n": range(LISTED + 1)})
    found = counted(many)
    assert (found["count"], found["cases"]) == (51, [{"n": n} for n in range(50)])
    assert counted(many, ROWS.head(0)) == {"count": 51, "cases": []}


def test_names_beyond_the_first_five_are_a_number() -> None:
    assert some(["A"]) == "A"
    assert some(list("ABCDE")) == "A, B, C, D, E"
    assert some(list("ABCDEFG")) == "A, B, C, D, E and 2 more"
    assert some(list("ABC"), 1) == "A and 2 more"


def test_a_check_has_what_it_was_given() -> None:
    found = check("isins", "ok", "none", {"share": 0.5})
    assert found == Check(name="isins", status="ok", message="none", value={"share": 0.5})
    assert found.share == 0.5
