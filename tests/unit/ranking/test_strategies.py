"""The strategies as values."""

from dataclasses import replace

import pytest

from pipelines.errors import Unknown
from pipelines.ranking.strategies import STRATEGIES, strategy_named


def test_the_four_strategies() -> None:
    march = (3,)
    months = {s.title: s.rebalance_months for s in STRATEGIES.values()}
    assert months == {"Sammansatt Momentum": (3, 6, 9, 12), "Trendande Värde": march,
                      "Trendande Utdelning": march, "Trendande Kvalitet": march}  # fmt: skip
    assert {s.portfolio_size for s in STRATEGIES.values()} == {10}
    assert list(STRATEGIES) == [s.name for s in STRATEGIES.values()]


@pytest.mark.parametrize(
    ("months", "words"),
    [
        ((3,), "annual"),
        ((3, 9), "semiannual"),
        ((12, 6), "semiannual"),
        ((3, 4), "2 times a year"),
        ((1, 5, 9), "3 times a year"),
        ((3, 6, 9, 12), "quarterly"),
        ((1, 4, 7, 10), "quarterly"),
        ((1, 2, 3, 4), "4 times a year"),
        ((2, 4, 6, 8, 10, 12), "6 times a year"),
        (tuple(range(1, 13)), "monthly"),
    ],
)
def test_how_often_a_strategy_is_rebalanced(months: tuple[int, ...], words: str) -> None:
    strategy = replace(STRATEGIES["trendande_varde"], rebalance_months=months)
    assert strategy.rebalance_frequency == words


def test_an_unknown_strategy_names_those_there_are() -> None:
    with pytest.raises(Unknown, match="unknown strategy 'x'; expected one of sammansatt_momentum"):
        strategy_named("x")


def test_a_title_is_told_with_the_name() -> None:
    with pytest.raises(Unknown, match="'trendande värde'; the nearest is trendande_varde; exp"):
        strategy_named("trendande värde")
    with pytest.raises(Unknown, match="'; the nearest is sammansatt_momentum; expected"):
        strategy_named("Sammansatt Momentum")
