"""The tickers of the portfolios of a version and of the one before it, to compare them."""

import logging
from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from app.serving.published import Version, collect
from app.serving.views import portfolio_rows
from pipelines.errors import LakeError
from pipelines.lake import Lake
from pipelines.ranking import STRATEGIES, Strategy, strategies_of

logger = logging.getLogger(__name__)

Tops = Mapping[str, Sequence[str]]
"""The tickers of the portfolio, by strategy."""


def both_tops(version: Version, before: Lake | None) -> tuple[Tops, Tops]:
    """Return the tickers of the portfolios, of a version and of the one before it.

    A strategy of the owner that has changed in between is left out: nothing of it can be compared.
    """
    own = before.manifest.universe.strategies if before else ()
    strategies = [
        strategy
        for name, strategy in strategies_of(version.universe).items()
        if name in STRATEGIES or strategy.definition in own
    ]
    now = _tops(version.rankings, strategies)
    return now, _tops_of(before, strategies) if before else {}


def _tops_of(lake: Lake, strategies: Iterable[Strategy]) -> Tops:
    """Return the tickers of the portfolios of an older version; none where it cannot be read."""
    try:
        return _tops(collect(lake.rankings()), strategies)
    except LakeError as error:
        logger.warning("the top tens are compared with none: version %s: %s", lake.version, error)
        return {}


def _tops(rankings: pl.DataFrame, strategies: Iterable[Strategy]) -> dict[str, list[str]]:
    return {s.name: portfolio_rows(rankings, s)["ticker"].to_list() for s in strategies}
