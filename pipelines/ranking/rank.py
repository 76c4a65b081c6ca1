"""The rankings of a universe: screens, ranks and tables, from a cross-section of stocks.

Nothing here collects. Every plan runs natively on the streaming engine.
"""

from collections.abc import Iterable, Sequence
from datetime import date

import polars as pl

from pipelines.lake import Lake
from pipelines.ranking import factors
from pipelines.ranking.catalogue import windows_of
from pipelines.ranking.currencies import in_currency
from pipelines.ranking.eligible import first_universe_reason, is_class_b
from pipelines.ranking.expressions import first_reason
from pipelines.ranking.known import FACTS, cross_section
from pipelines.ranking.price_windows import PriceWindows
from pipelines.ranking.rules_version import rules_hash
from pipelines.ranking.strategies import STRATEGIES, strategies_of
from pipelines.ranking.strategy import Composite, Score, Strategy, own
from pipelines.ranking.with_factors import with_factors
from pipelines.universe import Universe


def rankings(
    lake: Lake, *, as_of: date, universe: Universe, strategies: Iterable[Strategy] | None = None
) -> pl.LazyFrame:
    """Return the rankings of a universe on a date: a row for each stock and strategy.

    Columns: `strategy`, `rank` (1 to n without gaps, null for an excluded stock), `excluded_by`
    (the first reason, null for a ranked one), `score`, the composite with `primary_rank` and the
    percentile `p_<metric>` of each metric, `FACTS`, and the other factors of the strategies.
    Returns, ratios and scores are fractions; money is in million of the universe's currency. The
    rows are in the order of the strategies, ranked stocks first, then the excluded by ticker. The
    strategies are those of the universe, unless others are named.
    """
    chosen = tuple(strategies_of(universe).values() if strategies is None else strategies)
    read = windows_read(chosen, universe)
    known = cross_section(lake, as_of=as_of, trusted=universe.trusted_jumps, read=read)
    stocks = in_currency(known, lake, universe, first=as_of, last=as_of, also=read.names)
    tables = ranking_tables(stocks, universe, chosen)
    return pl.concat([table.sort("rank", "ticker", nulls_last=True) for table in tables])


def windows_read(strategies: Iterable[Strategy], universe: Universe) -> PriceWindows:
    """Return the price windows that strategies read."""
    return PriceWindows(names=windows_of(_read(strategies)), index=universe.index)


def _read(strategies: Iterable[Strategy]) -> frozenset[str]:
    return frozenset().union(*(strategy.factors for strategy in strategies))


def ranking_tables(
    stocks: pl.LazyFrame, universe: Universe, strategies: Iterable[Strategy]
) -> list[pl.LazyFrame]:
    """Return an unsorted table for each strategy, as `rankings` describes it, of all the dates."""
    chosen = tuple(strategies)
    stocks = with_factors(stocks, _read(chosen))
    for column, strategy in {_universe_column(s): s for s in chosen}.items():
        stocks = _in_universe(stocks, universe, strategy, column)
    for strategy in chosen:
        stocks = _screened(stocks, strategy)
    for order, together in _by_order(chosen).items():
        stocks = _sorted(stocks, order)
        for strategy in together:
            stocks = _with_rank(stocks, strategy)
    columns = _shown(chosen)
    # Named as shared: to find that out takes the optimiser a quarter of a small ranking.
    stocks = stocks.cache()
    return [_table(stocks, strategy, *columns) for strategy in chosen]


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
    """Add a strategy's composite, its score, and the first reason as `excluded`."""
    by_universe = _universe_column(strategy)
    screens = dict(strategy.screens)
    if strategy.composite:
        eligible = pl.col(by_universe).is_null()
        stocks = _with_composite(stocks, strategy.name, strategy.composite, eligible)
        rank = own("primary_rank", strategy.name)
        screens["missing_metrics"] = pl.col(rank).is_null()
        screens[strategy.composite.reason_outside] = factors.outside_best(
            rank, strategy.composite.keep_percent
        )
    screens[strategy.score.reason_without] = strategy.score.key.is_null()
    reason = pl.coalesce(by_universe, first_reason(screens))
    return stocks.with_columns(
        strategy.score.value.cast(pl.Float64).alias(own("score", strategy.name)),
        reason.alias(own("excluded", strategy.name)),
    )


def _universe_column(strategy: Strategy) -> str:
    return "excluded_by_universe_but_" + "_".join(strategy.keep_sectors)


def _with_composite(
    stocks: pl.LazyFrame, name: str, composite: Composite, eligible: pl.Expr
) -> pl.LazyFrame:
    """Add the percentiles, the composite and its rank, with the strategy's name as suffix."""
    values = {own(f"p_{m.name}", name): m.value for m in composite.metrics}
    weights = {own(f"p_{m.name}", name): m.weight for m in composite.metrics}
    mean = factors.composite(weights, eligible, composite.at_least)
    return (
        stocks.with_columns(factors.percentile(v, eligible).alias(p) for p, v in values.items())
        .with_columns(mean.alias(own("composite", name)))
        .with_columns(factors.primary_rank(own("composite", name)).alias(own("primary_rank", name)))
    )


Order = tuple[Score, ...]


def _by_order(strategies: Iterable[Strategy]) -> dict[Order, list[Strategy]]:
    """Return the strategies that one sort is enough for, by their score and the ties after it."""
    orders: dict[tuple[tuple[str, str, str], ...], Order] = {}
    found: dict[Order, list[Strategy]] = {}
    for strategy in strategies:
        order = (strategy.score, *strategy.ties)
        same = orders.setdefault(tuple(score.label for score in order), order)
        found.setdefault(same, []).append(strategy)
    return found


def _sorted(stocks: pl.LazyFrame, order: Order) -> pl.LazyFrame:
    keys = [score.key for score in order]
    return stocks.sort(
        "as_of", *keys, "ticker",
        descending=[False, *(True for _ in keys), False], nulls_last=True,
    )  # fmt: skip


def _with_rank(stocks: pl.LazyFrame, strategy: Strategy) -> pl.LazyFrame:
    """Add the rank of the sorted stocks among those of their date that stay."""
    stays = pl.col(own("excluded", strategy.name)).is_null()
    # Those that stay up to this row minus those before its date: both stream, unlike a
    # cumulative sum over the date.
    before = (pl.col("stayed_") - stays.cast(pl.UInt32)).min().over("as_of")
    rank = pl.when(stays).then(pl.col("stayed_") - before).cast(pl.UInt32)
    return stocks.with_columns(stayed_=stays.cum_sum().cast(pl.UInt32)).with_columns(
        rank.alias(own("rank", strategy.name))
    )


def _shown(strategies: Sequence[Strategy]) -> tuple[list[str], list[str]]:
    """Return the percentiles, and the factors beside `FACTS`, that the tables show.

    The percentiles of the strategies of the house are always there.
    """
    known = (*STRATEGIES.values(), *strategies)
    percentiles = dict.fromkeys(f"p_{m.name}" for s in known for m in s.metrics)
    return list(percentiles), sorted(_read(strategies).difference(FACTS))


def _table(
    stocks: pl.LazyFrame, strategy: Strategy, percentiles: Sequence[str], read: Sequence[str]
) -> pl.LazyFrame:
    """Return the ranking of one strategy, from the columns of all."""
    metrics = {f"p_{m.name}" for m in strategy.metrics}

    def of(column: str, dtype: type[pl.DataType], *, there: bool = bool(metrics)) -> pl.Expr:
        mine = pl.col(own(column, strategy.name))
        return (mine if there else pl.lit(None, dtype=dtype)).alias(column)

    return stocks.select(
        pl.lit(strategy.name).alias("strategy"),
        of("rank", pl.UInt32, there=True),
        of("score", pl.Float64, there=True),
        of("excluded", pl.String, there=True).alias("excluded_by"),
        of("composite", pl.Float64),
        of("primary_rank", pl.UInt32),
        *FACTS,
        *(of(p, pl.Float64, there=p in metrics) for p in percentiles),
        *read,
    )
