"""Every reason for which a stock may leave has its sentence."""

import re
from dataclasses import replace

import polars as pl

from pipelines.ranking.eligible import first_universe_reason
from pipelines.ranking.reasons import REASONS
from pipelines.ranking.strategies import STRATEGIES
from pipelines.universe import SWEDEN

OF_ALL = [
    "same_share", "other_share_class", "missing_metrics", "outside_best_40_percent", "no_momentum",
    "no_score",
]  # fmt: skip


def test_every_reason_has_a_sentence() -> None:
    universe = replace(SWEDEN, returns_in="SEK")
    of_universe = re.findall(
        r'String\((\w+)\)|"(\w+)"', str(first_universe_reason(universe, pl.lit(0)))
    )
    of_strategies = [code for s in STRATEGIES.values() for code, _ in s.screens]
    found = {code for pair in of_universe for code in pair if code in REASONS}
    assert found == {*list(REASONS)[:8]}
    assert {*found, *of_strategies, *OF_ALL} == {*REASONS}
