"""The rankings of a universe: screens, ranks and tables, from a cross-section of stocks.

Nothing here collects. Every plan runs natively on the streaming engine.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final

import polars as pl

from pipelines.lake import Lake
from pipelines.ranking import factors
from pipelines.ranking.currencies import in_currency
from pipelines.ranking.eligible import first_universe_reason, is_class_b
from pipelines.ranking.expressions import first_reason
from pipelines.ranking.known import FACTS, cross_section
from pipelines.ranking.rules_version import rules_hash
from pipelines.ranking.strategies import STRATEGIES, Composite, Strategy
from pipelines.universe import Universe

PERCENTILES: Final = tuple(
    dict.fromkeys(
        f"p_{metric.name}"
        for strategy in STRATEGIES.values()
        if strategy.composite
        for metric in strategy.composite.metrics
    )
)


def rankings(
    lake: Lake, *, as_of: date, universe: Universe, strategies: Iterable[Strategy] | None = None
) -> pl.LazyFrame:
    """Return the rankings of a universe on a date: a row for each stock and strategy.

    Columns: `strategy`, `rank` (1 to n without gaps, null for an excluded stock), `excluded_by`
    (the first reason, null for a ranked one), `score`, the composite with `primary_rank` and the
    percentile `p_<metric>` of each metric, and `FACTS`. Returns, ratios and scores are fractions;
    money is in million of the universe's currency. The rows are in the order of the strategies,
    ranked stocks first, then the excluded by ticker.
    """
    chosen = tuple(STRATEGIES.values() if strategies is None else strategies)
    known = cross_section(lake, as_of=as_of, trusted=universe.trusted_jumps)
    stocks = in_currency(known, lake, universe, first=as_of, last=as_of)
    tables = ranking_tables(stocks, universe, chosen)
    return pl.concat([table.sort("rank", "ticker", nulls_last=True) for table in tables])


def ranking_tables(
    stocks: pl.LazyFrame, universe: Universe, strategies: Iterable[Strategy]
) -> list[pl.LazyFrame]:
    """Return an unsorted table for each strategy, as `rankings` describes it, of all the dates."""
    chosen = tuple(strategies)
    for column, strategy in {_universe_column(s): s for s in chosen}.items():
        stocks = _in_universe(stocks, universe, strategy, column)
    for strategy in chosen:
        stocks = _screened(stocks, strategy)
    # The order is one and the same for all strategies, so they share a sort.
    stocks = stocks.sort(
        "as_of", "momentum", "market_cap_msek", "ticker",
        descending=[False, True, True, False], nulls_last=True,
    )  # fmt: skip
    for strategy in chosen:
        stocks = _with_rank(stocks, strategy)
    return [_table(stocks, strategy) for strategy in chosen]


def published_or_computed(
    lake: Lake, *, as_of: date | None = None, universe: Universe
) -> pl.LazyFrame:
    """Return all rankings on a date, by default the newest, from the version where it has them."""
    as_of = as_of or lake.as_of
    if as_of == lake.as_of and lake.manifest.rules == rules_hash():
        if universe == lake.manifest.universe:
            return lake.rankings()
        if universe in lake.manifest.other_universes:
            return lake.other_rankings(universe.name)
    return rankings(lake, as_of=as_of, universe=universe)


def holds_rankings(lake: Lake, universe: Universe, others: Sequence[Universe] = ()) -> bool:
    """Return true if the published rankings are of these universes and made by these rules."""
    found, wanted = lake.manifest, (universe, *others)
    return ((found.universe, *found.other_universes), found.rules) == (wanted, rules_hash())


# --------------------------------------------------------------------------------- screening


def _in_universe(
    stocks: pl.LazyFrame, universe: Universe, strategy: Strategy, out: str
) -> pl.LazyFrame:
    """Add the first reason of the universe to exclude a stock as `out`, share classes last.

    Of the eligible tickers of one share, and then of the classes of a company, one stays.
    """
    reason = first_universe_reason(universe, pl.col("as_of"), keep_sectors=strategy.keep_sectors)
    stocks = stocks.with_columns(reason.alias(out))
    for group, reason_of_others in (("share", "same_share"), ("company", "other_share_class")):
        stocks = _with_one_of_each(stocks, group, out, reason_of_others)
    return stocks


def _with_one_of_each(
    stocks: pl.LazyFrame, group: str, out: str, reason_of_others: str
) -> pl.LazyFrame:
    """Exclude all eligible stocks of a group but one.

    B is preferred, then the highest market cap, then the ticker. Each step has its own column, for
    a window inside a window does not stream.
    """
    eligible, cap, ticker = pl.col(out).is_null(), pl.col("market_cap_msek"), pl.col("ticker")
    steps = (is_class_b(), cap, ticker)
    stocks = stocks.with_columns(among_=eligible)
    for value, best in zip(steps, ("max", "max", "min"), strict=True):
        stocks = stocks.with_columns(value_=pl.when("among_").then(value)).with_columns(
            among_=pl.col("value_") == getattr(pl.col("value_"), best)().over("as_of", group)
        )
    other = eligible & ~pl.col("among_").fill_null(value=False)
    reason = pl.when(other).then(pl.lit(reason_of_others)).otherwise(out)
    return stocks.with_columns(reason.alias(out))


def _screened(stocks: pl.LazyFrame, strategy: Strategy) -> pl.LazyFrame:
    """Add a strategy's composite and the first reason, as `excluded_<name>`."""
    by_universe = _universe_column(strategy)
    screens = dict(strategy.screens)
    if strategy.composite:
        eligible = pl.col(by_universe).is_null()
        stocks = _with_composite(stocks, strategy.name, strategy.composite, eligible)
        rank = f"primary_rank_{strategy.name}"
        screens["missing_metrics"] = pl.col(rank).is_null()
        screens[strategy.composite.reason_outside] = factors.outside_best(
            rank, strategy.composite.keep_percent
        )
    screens["no_momentum"] = pl.col("momentum").is_null()
    reason = pl.coalesce(by_universe, first_reason(screens))
    return stocks.with_columns(reason.alias(f"excluded_{strategy.name}"))


def _universe_column(strategy: Strategy) -> str:
    return "excluded_by_universe_but_" + "_".join(strategy.keep_sectors)


def _with_composite(
    stocks: pl.LazyFrame, name: str, composite: Composite, eligible: pl.Expr
) -> pl.LazyFrame:
    """Add the percentiles, the composite and its rank, with the strategy's name as suffix."""
    values = {f"p_{m.name}_{name}": m.value for m in composite.metrics}
    mean = factors.composite(tuple(values), eligible, composite.at_least)
    return (
        stocks.with_columns(factors.percentile(v, eligible).alias(p) for p, v in values.items())
        .with_columns(mean.alias(f"composite_{name}"))
        .with_columns(factors.primary_rank(f"composite_{name}").alias(f"primary_rank_{name}"))
    )


def _with_rank(stocks: pl.LazyFrame, strategy: Strategy) -> pl.LazyFrame:
    """Add the rank of the sorted stocks among those of their date that stay."""
    stays = pl.col(f"excluded_{strategy.name}").is_null()
    # Those that stay up to this row minus those before its date: both stream, unlike a
    # cumulative sum over the date.
    before = (pl.col("stayed_") - stays.cast(pl.UInt32)).min().over("as_of")
    rank = pl.when(stays).then(pl.col("stayed_") - before).cast(pl.UInt32)
    return stocks.with_columns(stayed_=stays.cum_sum().cast(pl.UInt32)).with_columns(
        rank.alias(f"rank_{strategy.name}")
    )


def _table(stocks: pl.LazyFrame, strategy: Strategy) -> pl.LazyFrame:
    """Return the ranking of one strategy, from the columns of all."""
    own = {m.name for m in strategy.composite.metrics} if strategy.composite else set()

    def of(column: str, dtype: type[pl.DataType], *, there: bool = bool(own)) -> pl.Expr:
        name = f"{column}_{strategy.name}"
        return (pl.col(name) if there else pl.lit(None, dtype=dtype)).alias(column)

    return stocks.select(
        pl.lit(strategy.name).alias("strategy"),
        of("rank", pl.UInt32, there=True),
        pl.col("momentum").alias("score"),
        of("excluded", pl.String, there=True).alias("excluded_by"),
        of("composite", pl.Float64),
        of("primary_rank", pl.UInt32),
        *FACTS,
        *(of(p, pl.Float64, there=p[2:] in own) for p in PERCENTILES),
    )
