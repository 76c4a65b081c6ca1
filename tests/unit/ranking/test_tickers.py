"""A ticker in every way in which it is written, as a text and in a column."""

import polars as pl
import pytest

from pipelines.errors import Unknown
from pipelines.ranking.tickers import (
    canonical_ticker,
    canonical_tickers,
    ticker_if_known,
    ticker_named,
)

THERE = ["ABB", "INVE B", "VOLV A", "VOLV B"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("VOLV B", "VOLV B"),
        ("VOLV-B", "VOLV B"),
        ("VOLV_B", "VOLV B"),
        (" VOLV -_ B\t", "VOLV B"),
        ("VOLV\N{NO-BREAK SPACE}B", "VOLV B"),
        ("VOLV.B", "VOLV.B"),
        ("-volv b_", "volv b"),
        ("A\N{COMBINING RING ABOVE}A\N{COMBINING DIAERESIS} B", "ÅÄ B"),
    ],
)
def test_text_and_column_have_one_rule(text: str, expected: str) -> None:
    assert canonical_ticker(text) == expected
    assert pl.DataFrame({"t": [text]}).select(canonical_tickers("t")).item() == expected


def test_an_empty_ticker_is_none() -> None:
    frame = pl.DataFrame({"t": ["", " ", "-_", None]}, schema={"t": pl.String})
    assert frame.select(canonical_tickers("t")).to_series().to_list() == [None] * 4


@pytest.mark.parametrize("text", ["VOLV B", "volv-b", "Volv_B"])
def test_the_ticker_that_is_meant(text: str) -> None:
    assert ticker_named(text, THERE) == "VOLV B"


def test_an_unknown_ticker_names_those_that_look_alike() -> None:
    with pytest.raises(Unknown, match="unknown ticker 'volv c'; expected one of VOLV"):
        ticker_named("volv c", THERE)
    with pytest.raises(Unknown, match="expected one of 4 tickers, such as ABB, INVE B, VOLV A"):
        ticker_named("###", THERE)
    with pytest.raises(Unknown, match=r"expected one of ABB, INVE B$"):
        ticker_named("###", THERE[:2])


@pytest.mark.parametrize(
    ("text", "ticker"),
    [("VOLV-B", "VOLV B"), ("volv_b", "VOLV B"), ("eric b", "eric b"), ("new", "new")],
)
def test_a_ticker_is_found_however_it_is_written(text: str, ticker: str) -> None:
    assert ticker_if_known(text, {"VOLV B", "eric b"}) == ticker
