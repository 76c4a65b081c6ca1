"""The rankings of a universe: screens, ranks and tables, from a cross-section of stocks.

Nothing here collects. Every plan runs natively on the streaming engine.
"""

from collections.abc import Iterable, Mapping, Sequence
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
from pipelines.ranking.strategy import Score, Strategy, own
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
    stocks = _in_universe(stocks, universe, {_universe_column(s): s.keep_sectors for s in chosen})
    stocks = _screened(stocks, chosen)
    for order, together in _by_order(chosen).items():
        stocks = _with_ranks(_sorted(stocks, order), together)
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


# Each step is one for all strategies: of a small market the steps of a plan are what takes time.


def _in_universe(
    stocks: pl.LazyFrame, universe: Universe, keeping: Mapping[str, Sequence[str]]
) -> pl.LazyFrame:
    """Add the first reason of the universe to exclude a stock, share classes last.

    `keeping` has the columns to add, each with the sectors that it keeps. Of the eligible tickers
    of one share, and then of the classes of a company, one stays.
    """
    stocks = stocks.with_columns(
        first_universe_reason(universe, pl.col("as_of"), keep_sectors=sectors).alias(out)
        for out, sectors in keeping.items()
    )
    for group, reason_of_others in (("share", "same_share"), ("company", "other_share_class")):
        stocks = _with_one_of_each(stocks, group, tuple(keeping), reason_of_others)
    return stocks


def _with_one_of_each(
    stocks: pl.LazyFrame, group: str, outs: Sequence[str], reason_of_others: str
) -> pl.LazyFrame:
    """Exclude all eligible stocks of a group but one, in each column of reasons.

    B is preferred, then the highest market cap, then the ticker. Each step has its own column, for
    a window inside a window does not stream.
    """
    cap, ticker = pl.col("market_cap_msek"), pl.col("ticker")
    steps = ((is_class_b(), "max"), (cap, "max"), (ticker, "min"))
    eligible = {out: pl.col(out).is_null() for out in outs}
    stocks = stocks.with_columns(rule.alias(own("among", out)) for out, rule in eligible.items())
    for value, best in steps:
        values = {out: pl.col(own("value", out)) for out in outs}
        stocks = stocks.with_columns(
            pl.when(own("among", out)).then(value).alias(own("value", out)) for out in outs
        ).with_columns(
            (of == getattr(of, best)().over("as_of", group)).alias(own("among", out))
            for out, of in values.items()
        )
    others = {
        out: rule & ~pl.col(own("among", out)).fill_null(value=False)
        for out, rule in eligible.items()
    }
    return stocks.with_columns(
        pl.when(other).then(pl.lit(reason_of_others)).otherwise(out).alias(out)
        for out, other in others.items()
    )


def _screened(stocks: pl.LazyFrame, strategies: Sequence[Strategy]) -> pl.LazyFrame:
    """Add the composite of each strategy, its score, and the first reason as `excluded`."""
    return _with_composites(stocks, strategies).with_columns(
        *(s.score.value.cast(pl.Float64).alias(own("score", s.name)) for s in strategies),
        *(_reason(s).alias(own("excluded", s.name)) for s in strategies),
    )


def _reason(strategy: Strategy) -> pl.Expr:
    """Return the first reason that excludes a stock."""
    screens = dict(strategy.screens)
    if strategy.composite:
        rank = own("primary_rank", strategy.name)
        screens["missing_metrics"] = pl.col(rank).is_null()
        screens[strategy.composite.reason_outside] = factors.outside_best(
            rank, strategy.composite.keep_percent
        )
    screens[strategy.score.reason_without] = strategy.score.key.is_null()
    return pl.coalesce(_universe_column(strategy), first_reason(screens))


def _universe_column(strategy: Strategy) -> str:
    return "excluded_by_universe_but_" + "_".join(strategy.keep_sectors)


def _with_composites(stocks: pl.LazyFrame, strategies: Iterable[Strategy]) -> pl.LazyFrame:
    """Add the percentiles, the composites and their ranks, with the strategy's name as suffix."""
    percentiles, means, ranks = [], [], []
    for strategy in strategies:
        name, eligible = strategy.name, pl.col(_universe_column(strategy)).is_null()
        if composite := strategy.composite:
            columns = {own(f"p_{m.name}", name): m for m in composite.metrics}
            weights = {column: m.weight for column, m in columns.items()}
            mean, out = factors.composite(weights, eligible, composite.at_least), "composite"
            percentiles += [
                factors.percentile(m.value, eligible).alias(column) for column, m in columns.items()
            ]
            means.append(mean.alias(own(out, name)))
            ranks.append(factors.primary_rank(own(out, name)).alias(own("primary_rank", name)))
    return stocks.with_columns(percentiles).with_columns(means).with_columns(ranks)


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


def _with_ranks(stocks: pl.LazyFrame, strategies: Sequence[Strategy]) -> pl.LazyFrame:
    """Add the ranks of the sorted stocks among those of their date that stay."""
    stays = {s.name: pl.col(own("excluded", s.name)).is_null() for s in strategies}
    return stocks.with_columns(
        stay.cum_sum().cast(pl.UInt32).alias(own("stayed", name)) for name, stay in stays.items()
    ).with_columns(_rank(name, stay).alias(own("rank", name)) for name, stay in stays.items())


def _rank(name: str, stays: pl.Expr) -> pl.Expr:
    """Return the number of stocks that stay up to a row, minus that of those before its date.

    Both stream, unlike a cumulative sum over the date.
    """
    stayed = pl.col(own("stayed", name))
    before = (stayed - stays.cast(pl.UInt32)).min().over("as_of")
    return pl.when(stays).then(stayed - before).cast(pl.UInt32)


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
