"""Strategies that rank nobody in a first version, with what keeps most of the stocks out."""

from collections.abc import Iterator, Mapping

import polars as pl

from pipelines.ranking import Strategy


def unranked(rankings: pl.DataFrame, strategies: Mapping[str, Strategy]) -> Iterator[str]:
    """Yield a sentence for each strategy that ranks no stock, with its most common reason."""
    for (strategy,), rows in rankings.group_by("strategy", maintain_order=True):
        if rows["rank"].count():
            continue
        counts = (
            rows.group_by("excluded_by").len().sort("len", "excluded_by", descending=[True, False])
        )
        reason, count = counts.row(0)
        yield (
            f"{strategy} ranks none of {rows.height:,} stocks; {count:,} are out for {reason} "
            f"({strategies[strategy].reasons[reason]})"
        )
