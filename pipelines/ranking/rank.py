"""Where a strategy meets data: a cross-section of stocks on a date, and its rankings.

Nothing here collects. Every plan runs natively on the streaming engine.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final

import polars as pl

from pipelines.lake import Lake
from pipelines.ranking import factors
from pipelines.ranking.factors import MONTHS, RATIOS, SIGNALS, STATEMENT_ITEMS
from pipelines.ranking.rules import rules_hash
from pipelines.ranking.strategies import STRATEGIES, Strategy
from pipelines.universe import Universe, company, first_reason, is_class_b, universe_reason

ID_BITS: Final = 45
"""Room for an id in the packed sort keys; the contract of `fundamentals` holds ids below it."""

ANCHORS: Final = (0, *MONTHS)
LONGEST_WINDOW: Final = 377
"""Days before a date in which its prices are: twelve months and ten days."""
RETURNS: Final = tuple(f"return_{n}m" for n in MONTHS)
PERCENTILES: Final = tuple(
    dict.fromkeys(
        f"p_{metric.name}"
        for strategy in STRATEGIES.values()
        if strategy.composite
        for metric in strategy.composite.metrics
    )
)
FACTS: Final = (
    *("as_of", "ticker", "name"),
    *(*RETURNS, "momentum", "f_score", "f_available", "f_source"),
    *("market_cap_msek", "market_cap_source", "market", "sector", "stock_type", "currency"),
    *("close", "close_date", *(f"base_{w}_{n}m" for n in MONTHS for w in ("close", "date"))),
    *("fiscal_date", "ratios_known_from", *RATIOS[1:], *SIGNALS),
)
"""The columns of a cross-section that a ranking shows."""


def rankings(
    lake: Lake, *, as_of: date, universe: Universe, strategies: Iterable[Strategy] | None = None
) -> pl.LazyFrame:
    """The rankings of a universe on a date: a row for every stock of the lake and strategy.

    Columns: `strategy`, `rank` (1 to n without gaps, null for an excluded stock), `excluded_by`
    (the first reason, null for a ranked one), `score`, the composite with `primary_rank` and the
    percentile `p_<metric>` of each metric, and `FACTS`. Returns, ratios and scores are fractions,
    money is in million of the universe's currency. In the order of the strategies, ranked
    stocks first, then the excluded by ticker.
    """
    chosen = tuple(STRATEGIES.values() if strategies is None else strategies)
    tables = ranked(cross_section(lake, as_of=as_of), universe, chosen)
    return pl.concat([table.sort("rank", "ticker", nulls_last=True) for table in tables])


def ranked(
    stocks: pl.LazyFrame, universe: Universe, strategies: Iterable[Strategy]
) -> list[pl.LazyFrame]:
    """A table for each strategy, as `rankings` describes it, of one or more dates; not in order."""
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
    """All rankings on a date, the newest if none is given: from the version if it holds them."""
    as_of = as_of or lake.as_of
    if as_of == lake.as_of and holds_rankings(lake, universe):
        return lake.rankings()
    return rankings(lake, as_of=as_of, universe=universe)


def holds_rankings(lake: Lake, universe: Universe) -> bool:
    """Whether the published rankings are of this universe and made by these rules."""
    made = (lake.manifest["universe"], lake.manifest.get("rules"))
    return made == (universe.as_dict(), rules_hash())


def cross_section(lake: Lake, *, as_of: date) -> pl.LazyFrame:
    """What is known of every stock on a date: a row a stock, with `FACTS` and the statements."""
    day = pl.lit(as_of, dtype=pl.Date)
    known = lake.fundamentals(known_by=as_of)
    windows = {n: factors.in_window(day, n) for n in ANCHORS}
    prices = lake.prices(since=days_before(as_of, LONGEST_WINDOW), until=as_of)
    return facts(
        lake.stocks().with_columns(as_of=day),
        closes(prices.filter(pl.any_horizontal(windows.values())), windows),
        ratios(known, day),
        statements(known, day),
    )


def facts(
    stocks: pl.LazyFrame, *parts: pl.LazyFrame, by: tuple[str, ...] = ("ticker",)
) -> pl.LazyFrame:
    """Stocks with their `as_of`, and what is known of them joined to it by the given columns."""
    for part in parts:
        stocks = stocks.join(part, on=by, how="left")
    return (
        stocks.with_columns(**_market_cap(pl.col("as_of")))
        .with_columns(factors.total_return(n) for n in MONTHS)
        .with_columns(factors.momentum(), *factors.f_signals(), company=company())
        .with_columns(factors.f_score())
    )


def days_before(day: date, days: int) -> date:
    """So many calendar days before a day, or the first day there is."""
    return date.fromordinal(max(day.toordinal() - days, 1))


# ------------------------------------------------------------------- what is known on a date


def closes(
    prices: pl.LazyFrame, windows: Mapping[int, pl.Expr], by: tuple[str, ...] = ("ticker",)
) -> pl.LazyFrame:
    """The last closes in the windows that end so many months before a date: a row a ticker.

    `windows` has a mask of the rows for each number of months, of which 0 is the date itself.
    """
    return prices.group_by(by).agg(
        e for n, mask in windows.items() for e in factors.anchor(mask, n)
    )


def ratios(known: pl.LazyFrame, day: pl.Expr, by: tuple[str, ...] = ("ticker",)) -> pl.LazyFrame:
    """The newest ratios of each ticker, of one row, at most twelve months old."""
    fiscal, known_from = pl.col("fiscal_date"), pl.col("known_from")
    of_fundamentals = (pl.col("source") == "fundamentals").cast(pl.Int64)
    key = _packed(known_from, of_fundamentals * 2**ID_BITS + pl.col("id"), bits=ID_BITS + 1)
    with_any = known.filter(factors.has_any(RATIOS))
    # A row that is too old can supersede others, no more: only its fiscal date is needed. What is
    # grouped has few columns, and those of the ratios pass by a small join: nothing wide waits.
    newest = with_any.filter(fiscal.is_not_null()).group_by(by).agg(newest_=fiscal.max())
    rows = with_any.filter(known_from >= factors.months_before(day, 12)).with_columns(key_=key)
    best = (
        rows.select(*by, "key_", "fiscal_date")
        .join(newest, on=by, how="left")
        .filter(fiscal.is_null() | (fiscal == pl.col("newest_")))
        .group_by(by)
        .agg(pl.col("key_").max(), fiscal_date=fiscal.max_by("key_"))
    )
    # By the fiscal date too: a superseded row may have the key of the best, for ids may recur.
    best_rows = rows.join(best, on=[*by, "key_", "fiscal_date"], nulls_equal=True)
    return best_rows.select(*by, *RATIOS, ratios_known_from="known_from")


def statements(
    known: pl.LazyFrame, day: pl.Expr, by: tuple[str, ...] = ("ticker",)
) -> pl.LazyFrame:
    """The statement items of t, t-1 and t-2 as `<item>_0`, `_1`, `_2`, and `vendor_f_score`.

    t is the newest fiscal year known, null with all the rest when older than 18 months; an
    earlier year is the known one 10 to 14 months before, nearest to 12, the later of two.
    """
    fiscal, vendor = pl.col("fiscal_date"), pl.col("piotroski_f_score")
    key = _packed(pl.col("known_from"), pl.col("id"))
    rows = (
        known.filter(factors.has_any((*STATEMENT_ITEMS, "piotroski_f_score")))
        .with_columns(
            key_=key,
            year_0=fiscal.max().over(by),
            scored_=pl.when(vendor.is_not_null()).then(fiscal),
        )
        .filter(pl.col("year_0") >= factors.months_before(day, 18))
        .with_columns(scored_=pl.when(pl.col("scored_") == _most("scored_", by)).then("key_"))
        .with_columns(
            is_vendor=pl.col("scored_") == _most("scored_", by),
            is_newest=pl.col("key_") == pl.col("key_").max().over(*by, "fiscal_date"),
        )
    )
    for year in (1, 2):
        rows = _with_year_before(rows, year, by)
    return rows.group_by(by).agg(
        pl.col("year_0").first().alias("fiscal_date"),
        pl.when("is_vendor").then(vendor).max().alias("vendor_f_score"),
        *(_of_year(item, 0) for item in STATEMENT_ITEMS),
        *(_of_year(item, 1) for item in STATEMENT_ITEMS),
        _of_year("total_assets_ccy", 2),
    )


def _with_year_before(rows: pl.LazyFrame, year: int, by: tuple[str, ...]) -> pl.LazyFrame:
    fiscal, later = pl.col("fiscal_date"), pl.col(f"year_{year - 1}")
    centre = factors.months_before(later, 12)
    distance = (fiscal - centre).dt.total_days().abs()
    candidate = fiscal.is_between(
        factors.months_before(later, 14), factors.months_before(later, 10)
    )
    return (
        rows.with_columns(distance_=pl.when(candidate).then(-distance))
        .with_columns(year_=pl.when(pl.col("distance_") == _most("distance_", by)).then(fiscal))
        .with_columns(_most("year_", by).alias(f"year_{year}"))
    )


def _most(column: str, by: tuple[str, ...]) -> pl.Expr:
    return pl.col(column).max().over(by)


def _of_year(item: str, year: int) -> pl.Expr:
    row = pl.col("is_newest") & (pl.col("fiscal_date") == pl.col(f"year_{year}"))
    return pl.when(row).then(item).max().alias(f"{item}_{year}")


def _packed(day: pl.Expr, low: pl.Expr, bits: int = ID_BITS) -> pl.Expr:
    """A date and a number below 2**bits as one Int64 that orders by the date first."""
    room: int = 2**bits
    return day.cast(pl.Int32).cast(pl.Int64) * room + low


def _market_cap(day: pl.Expr) -> dict[str, pl.Expr]:
    """The market cap in million, from the ratios' row or scaled from today's, and which."""
    reported = factors.divided(factors.positive("market_cap_ccy"), 1e6)
    listed = factors.positive("market_cap_msek")
    past = (day < pl.col("newest_date")).fill_null(value=False)
    newest = pl.col("newest_close").cast(pl.Float64)
    scaled = pl.when(past).then(listed * (pl.col("close") / newest)).otherwise(listed)
    source = (
        pl.when(reported.is_not_null()).then(pl.lit("reported"))
        .when(scaled.is_null()).then(None)
        .when(past).then(pl.lit("price_scaled"))
        .otherwise(pl.lit("current"))
    )  # fmt: skip
    return {"market_cap_msek": pl.coalesce(reported, scaled), "market_cap_source": source}


# --------------------------------------------------------------------------------- screening


def _in_universe(
    stocks: pl.LazyFrame, universe: Universe, strategy: Strategy, out: str
) -> pl.LazyFrame:
    """The stocks with the first reason of the universe in `out`, share classes last.

    Of the eligible classes of a company B is preferred, then the highest market cap, then the
    ticker. One column a step, for a window inside a window does not stream.
    """
    eligible, cap, ticker = pl.col(out).is_null(), pl.col("market_cap_msek"), pl.col("ticker")
    reason = universe_reason(universe, pl.col("as_of"), keep_sectors=strategy.keep_sectors)
    steps = (is_class_b(), cap, ticker)
    stocks = stocks.with_columns(reason.alias(out)).with_columns(among_=eligible)
    for value, best in zip(steps, ("max", "max", "min"), strict=True):
        stocks = stocks.with_columns(value_=pl.when("among_").then(value)).with_columns(
            among_=pl.col("value_") == getattr(pl.col("value_"), best)().over("as_of", "company")
        )
    other = eligible & ~pl.col("among_").fill_null(value=False)
    reason = pl.when(other).then(pl.lit("other_share_class")).otherwise(out)
    return stocks.with_columns(reason.alias(out))


def _screened(stocks: pl.LazyFrame, strategy: Strategy) -> pl.LazyFrame:
    """The stocks with a strategy's composite and, in `excluded_<name>`, the first reason."""
    by_universe = _universe_column(strategy)
    screens = dict(strategy.screens)
    if strategy.composite:
        stocks = _with_composite(stocks, strategy, pl.col(by_universe).is_null())
        rank = f"primary_rank_{strategy.name}"
        screens["missing_metrics"] = pl.col(rank).is_null()
        screens["outside_best_40_percent"] = factors.outside_best(
            rank, strategy.composite.keep_percent
        )
    screens["no_momentum"] = pl.col("momentum").is_null()
    reason = pl.coalesce(by_universe, first_reason(screens))
    return stocks.with_columns(reason.alias(f"excluded_{strategy.name}"))


def _universe_column(strategy: Strategy) -> str:
    return "excluded_by_universe_but_" + "_".join(strategy.keep_sectors)


def _with_composite(stocks: pl.LazyFrame, strategy: Strategy, eligible: pl.Expr) -> pl.LazyFrame:
    assert strategy.composite  # noqa: S101 - the caller asked
    metrics = strategy.composite.metrics
    names = tuple(f"p_{m.name}_{strategy.name}" for m in metrics)
    composite, rank = f"composite_{strategy.name}", f"primary_rank_{strategy.name}"
    return (
        stocks.with_columns(
            factors.percentile(m.value, eligible).alias(name)
            for m, name in zip(metrics, names, strict=True)
        )
        .with_columns(
            factors.composite(names, eligible, strategy.composite.at_least).alias(composite)
        )
        .with_columns(factors.primary_rank(composite).alias(rank))
    )


def _with_rank(stocks: pl.LazyFrame, strategy: Strategy) -> pl.LazyFrame:
    """The sorted stocks with the rank among those of their date that stay."""
    stays = pl.col(f"excluded_{strategy.name}").is_null()
    # How many stay up to here less how many stayed before the date: both stream, unlike a
    # cumulative sum over the date.
    before = (pl.col("stayed_") - stays.cast(pl.UInt32)).min().over("as_of")
    rank = pl.when(stays).then(pl.col("stayed_") - before).cast(pl.UInt32)
    return stocks.with_columns(stayed_=stays.cum_sum().cast(pl.UInt32)).with_columns(
        rank.alias(f"rank_{strategy.name}")
    )


def _table(stocks: pl.LazyFrame, strategy: Strategy) -> pl.LazyFrame:
    """One strategy's ranking out of the cross-section of all."""
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
