"""The trades of a portfolio that follows a ranking in a band."""

import polars as pl
import pytest

from pipelines.ranking.banding import BUY_RANK, SELL_RANK, Banding, Place, Sale, places, trades

RANKED = [Place(f"S{n:02}", n) for n in range(1, 31)]
OUT = Place("OUT", None, "financial")
TEN = [f"S{n:02}" for n in range(1, 11)]


def names(first: int, last: int) -> list[str]:
    return [f"S{n:02}" for n in range(first, last + 1)]


def tickers(found: tuple[Place, ...]) -> list[str]:
    return [place.ticker for place in found]


def reasons(found: Banding) -> dict[str, str]:
    return {sale.ticker: sale.reason for sale in found.sell}


def test_the_band() -> None:
    assert (BUY_RANK, SELL_RANK) == (10, 20)


def test_of_fifteen_inside_the_band_the_best_ten_stay() -> None:
    found = trades([*RANKED, OUT], names(3, 17)[::-1], 10)
    assert tickers(found.keep) == names(3, 12) == found.portfolio
    assert reasons(found) == dict.fromkeys(names(13, 17)[::-1], "beyond_10_names")
    assert found.buy == ()


def test_of_twenty_inside_the_band_ten_are_sold_with_their_ranks() -> None:
    found = trades(RANKED, names(1, 20), 10)
    assert found.portfolio == TEN
    assert found.sell[0] == Sale("S11", 11, "beyond_10_names")
    assert len(found.sell) == 10


def test_a_sale_has_a_reason() -> None:
    found = trades([*RANKED, OUT], ["OUT", "S21", "NEW", *names(10, 20)], 10)
    assert found.sell == (
        Sale("OUT", None, "financial"),
        Sale("S21", 21, "outside_rank_20"),
        Sale("NEW", None, "unknown_ticker"),
        Sale("S20", 20, "beyond_10_names"),
    )


@pytest.mark.parametrize(
    ("held", "buy"),
    [
        ([], TEN),
        (names(11, 20), []),
        (names(12, 20), ["S01"]),
        (names(2, 4), ["S01", *names(5, 10)]),
        (TEN, []),
    ],
)
def test_free_room_is_filled_from_the_best(held: list[str], buy: list[str]) -> None:
    found = trades([*RANKED, OUT], held, 10)
    assert tickers(found.buy) == buy
    assert found.portfolio == sorted([*held, *buy])
    assert found.sell == ()


def test_the_size_is_that_of_the_portfolio() -> None:
    found = trades(RANKED, names(1, 4), 3)
    assert tickers(found.keep) == names(1, 3) == found.portfolio
    assert reasons(found) == {"S04": "beyond_3_names"}


def test_a_ticker_that_is_held_twice_counts_once() -> None:
    found = trades(RANKED, ["S02", "S02", "S25", "S25"], 2)
    assert found == Banding((Place("S02", 2),), (Sale("S25", 25, "outside_rank_20"),),
                            (Place("S01", 1),))  # fmt: skip


def test_places_are_read_from_the_rows_of_a_strategy() -> None:
    rows = pl.DataFrame(
        {"ticker": ["A", "B"], "rank": [1, None], "score": [0.5, None],
         "excluded_by": [None, "no_momentum"]}
    )  # fmt: skip
    assert places(rows) == [Place("A", 1), Place("B", None, "no_momentum")]
