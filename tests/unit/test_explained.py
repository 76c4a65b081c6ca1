"""The explanation of a stock in words: its place by the composite, and how far the cut is."""

import pytest

from pipelines.explained import _of_cut
from pipelines.ranking import CutFact
from pipelines.shown import ordinal


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
