"""Tickers that clients write, as the lake writes them."""

import pytest

from app.routes.strategies import _lake_ticker


@pytest.mark.parametrize(
    ("text", "ticker"),
    [("VOLV-B", "VOLV B"), ("volv_b", "VOLV B"), ("eric b", "eric b"), ("new", "new")],
)
def test_a_ticker_is_found_however_it_is_written(text: str, ticker: str) -> None:
    assert _lake_ticker(text, {"VOLV B", "eric b"}) == ticker
