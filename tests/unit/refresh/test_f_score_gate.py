"""The warning that the gate of the F-score hardly filters."""

import polars as pl
import pytest

from pipelines.refresh.f_score_gate import f_score_checks
from tests.factories import FrameLake
from tests.integrity import RANKED, value

COLUMNS = ("strategy", "ticker", "rank", "excluded_by", "f_available")
Row = tuple[str, str, int | None, str | None, int]


def lake(*rows: Row) -> FrameLake:
    schema = {name: RANKED[name] for name in COLUMNS}
    return FrameLake(rankings=pl.DataFrame(rows, schema=schema, orient="row"))


def stocks(signals: list[int], excluded_by: str | None = None) -> list[Row]:
    return [
        ("sammansatt_momentum", f"{excluded_by}{n}", None, excluded_by, known)
        for n, known in enumerate(signals)
    ]


@pytest.mark.parametrize(("few", "status"), [(0, "ok"), (2, "ok"), (3, "warning")])
def test_more_than_a_fifth_with_few_signals_is_a_warning(few: int, status: str) -> None:
    check = f_score_checks(lake(*stocks([5] * few + [6] * (10 - few))))[0]
    assert check.status == status
    told = f"{few} of 10 eligible stocks have fewer than 6 of the nine signals of the F-score"
    hardly = "; nearly every company earns those few, so the gate hardly filters"
    assert check.message == told + hardly * (status == "warning")
    listed = [{"ticker": f"None{n}", "f_available": 5} for n in range(few)]
    assert value(check) == {"count": few, "stocks": 10, "cases": listed}


@pytest.mark.parametrize("reason", ["no_f_score", "low_f_score", "no_momentum"])
def test_those_that_leave_by_the_gate_or_after_it_are_eligible(reason: str) -> None:
    check = f_score_checks(lake(*stocks([9] * 3), *stocks([2], reason)))[0]
    assert (check.status, value(check)["count"], value(check)["stocks"]) == ("warning", 1, 4)


def test_others_do_not_count() -> None:
    other = ("trendande_varde", "A", 1, None, 0)
    check = f_score_checks(lake(*stocks([9]), *stocks([0], "inactive"), other))[0]
    assert (check.status, value(check)["count"], value(check)["stocks"]) == ("ok", 0, 1)


def test_nobody_eligible_is_no_fault() -> None:
    assert f_score_checks(lake())[0].status == "ok"
