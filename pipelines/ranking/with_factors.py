"""The factors of the catalogue that are expressions over a cross-section, added to it."""

import polars as pl

from pipelines.ranking.catalogue import FACTORS


def with_factors(stocks: pl.LazyFrame, names: frozenset[str]) -> pl.LazyFrame:
    """Add the factors of these names that are no columns yet; null where one is not finite."""
    values = {
        name: value
        for name in sorted(names)
        if name in FACTORS
        and not FACTORS[name].is_column
        and (value := FACTORS[name].value) is not None
    }
    return stocks.with_columns(
        pl.when(value.is_finite()).then(value).alias(name) for name, value in values.items()
    )
