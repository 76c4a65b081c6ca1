"""The explanation of a stock in words: its place by the composite, and how far the cut is."""

import pytest

from pipelines.explained import _of_cut, _reading_lines
from pipelines.ranking import CutFact, ScreenFact
from pipelines.shown import number, ordinal


@pytest.mark.parametrize(
    ("distance", "told"),
    [
        (5, "the first 3 stay, the best 40 %; 5 places outside"),
        (1, "the first 3 stay, the best 40 %; 1 place outside"),
        (0, "the first 3 stay, the best 40 %; it is the last of them"),
        (-1, "the first 3 stay, the best 40 %; 1 place inside"),
        (-2, "the first 3 stay, the best 40 %; 2 places inside"),
        (None, "the first 3 stay, the best 40 %"),
    ],
)
def test_how_far_off_the_cut(distance: int | None, told: str) -> None:
    assert _of_cut(CutFact(compared=8, kept=3, keep_percent=40, distance=distance)) == told


@pytest.mark.parametrize(
    ("place", "text"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (13, "13th"),
     (21, "21st"), (102, "102nd"), (111, "111th"), (1203, "1,203rd")],
)  # fmt: skip
def test_a_place(place: int, text: str) -> None:
    assert ordinal(place) == text


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (55_940_141.566, "5,940,142 above the cut 50,000,000"),
        (31e6, "19,000,000 below the cut 50,000,000"),
    ],
)
def test_a_value_and_how_far_off_the_cut_it_is(value: float, told: str) -> None:
    screen = ScreenFact(
        reason="thin", condition="turnover_3m < 50e6", excludes=value < 50e6, value=value, cut=50e6
    )
    assert list(_reading_lines(screen)) == [("", number(value), told)]


def test_a_number_from_a_million_on_has_no_decimals() -> None:
    assert [number(n) for n in (0.05, -999_999.5, 1e6, None)] == [
        "0.0500", "-999,999.5000", "1,000,000", "",
    ]  # fmt: skip
