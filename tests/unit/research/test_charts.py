"""Charts: which levels are drawn."""

import re
from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from pipelines.research.charts import Line, lines


def levels(values: Sequence[float], *, log: bool) -> list[str]:
    """The texts beside the levels of a chart."""
    days = [date(2024, 1, 1) + timedelta(n) for n in range(len(values))]
    chart = lines(days, [Line("own", "mine", values)], log=log)
    return re.findall(r'class="end"[^>]*>([^<]+)<', chart)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0, 1.8], ["1", "1.2", "1.4", "1.6", "1.8"]),
        ([0.9, 2.5], ["1", "1.5", "2", "2.5"]),
        ([0.5, 5.0], ["0.5", "1", "2", "5"]),
        ([1.0, 300.0], ["1", "2", "5", "10", "20", "50", "100", "200"]),
    ],
)
def test_growth_has_at_least_three_levels(values: list[float], expected: list[str]) -> None:
    assert levels(values, log=True) == expected


def test_a_fall_has_round_levels_in_percent() -> None:
    assert levels([0.0, -0.22], log=False) == ["-20%", "-10%", "0%"]
