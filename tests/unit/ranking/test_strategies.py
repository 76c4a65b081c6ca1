"""The strategies as values."""

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


def test_an_unknown_strategy_names_those_there_are() -> None:
    with pytest.raises(Unknown, match="unknown strategy 'x'; expected one of sammansatt_momentum"):
        strategy_named("x")
