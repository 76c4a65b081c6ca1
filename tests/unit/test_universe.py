"""The universes that are built in."""

from dataclasses import replace
from datetime import date

from pipelines.universe import BUILT_IN, NORDIC, SWEDEN


def test_the_default_universe() -> None:
    assert SWEDEN.name == "sweden"
    assert SWEDEN.markets == ("stockholmsborsen", "first_north")
    assert SWEDEN.currency == "SEK"
    assert SWEDEN.floors == ((date.min, 500.0), (date(2023, 6, 1), 2000.0))


def test_the_nordic_universe_adds_three_exchanges() -> None:
    assert NORDIC.name == "nordic"
    assert NORDIC.markets == ("stockholmsborsen", "first_north", "helsinki", "copenhagen", "oslo")
    assert (NORDIC.currency, NORDIC.floors) == ("SEK", SWEDEN.floors)
    assert BUILT_IN == (SWEDEN, NORDIC)
    assert {universe.returns_in for universe in BUILT_IN} == {"local"}


def test_a_universe_is_written_with_its_floors() -> None:
    assert repr(SWEDEN) == (
        "Universe sweden: stockholmsborsen, first_north; SEK, market cap at least "
        "500.0 million, 2,000.0 million from 2023-06-01"
    )
    assert repr(replace(SWEDEN, floors=())).endswith("SEK, market cap at least nothing")
    in_kronor = replace(SWEDEN, floors=(), returns_in="SEK")
    assert repr(in_kronor).endswith("SEK, market cap at least nothing; returns in SEK")
