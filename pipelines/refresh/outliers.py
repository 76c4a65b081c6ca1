"""Odd values: closes that moved far in a day, as in a split, and ratios that jumped."""

from collections.abc import Callable
from datetime import date
from typing import Final

import polars as pl

from pipelines.lake import Check, Lake
from pipelines.ranking import RATIO_COLUMNS, REPORT_WINDOW, applied_splits
from pipelines.refresh.findings import check, counted, some

LARGEST_MOVE: Final = 0.60
SPLITS: Final = (2, 3, 4, 5, 10, 20)
SPLIT_TOLERANCE: Final = 0.03
"""How far a ratio may be from that of a split, for the price also moves on that day."""
SAME_DAY_SHARE: Final = 0.02
SAME_DAY_STOCKS: Final = 5
"""If at least this share of the stocks, and at least this many, make a large move on one day, the
feed has changed its unit or currency: in a market such moves hardly share a day."""
LARGEST_JUMP: Final = 1000.0
"""How many times up or down a change of unit moves a ratio; earnings near zero rarely do."""
ORDER: Final = ("ticker", "known_from", "fiscal_date", "source", "id")
"""The columns by which the rows of a ticker are sorted: in the order they became known."""
AT_A_TIME: Final = 1000
"""Stocks whose rows are in memory at a time."""


def moves(prices: pl.LazyFrame) -> pl.DataFrame:
    """Return closes far from the one before: `ticker, from_date, date, from, to, split`.

    Far is more than `LARGEST_MOVE`, or a ratio as in a split; then `split` is true. The close
    before is divided by the `shares` for one that a split gave in between.
    """
    ratio = pl.col("to") / pl.col("from")
    splits = [r for n in SPLITS for r in (float(n), 1 / n)]
    is_split = pl.any_horizontal((ratio - r).abs() <= SPLIT_TOLERANCE * r for r in splits)
    return (
        prices.select("ticker", "date", "shares", to=pl.col("close").cast(pl.Float64))
        .sort("ticker", "date")
        .with_columns(
            _before("date").alias("from_date"),
            (_before("to") / pl.col("shares")).alias("from"),
        )
        .with_columns(split=is_split)
        .filter(~ratio.is_between(1 - LARGEST_MOVE, 1 + LARGEST_MOVE) | pl.col("split"))
        .select("ticker", "from_date", "date", "from", "to", "split")
        .collect(engine="streaming")
    )


def _before(column: str) -> pl.Expr:
    """Return the value in the row before, of rows sorted by ticker; null in a ticker's first."""
    return pl.when(pl.col("ticker") == pl.col("ticker").shift()).then(pl.col(column).shift())


def price_checks(lake: Lake, stocks: pl.DataFrame, as_of: date) -> list[Check]:
    """Return the checks of moves that no split explains, and of splits without an adjustment.

    Moves that are jumps are left to the check of those, but for a day with many moves.
    """
    prices = _with_splits(lake, lake.prices(since=as_of - REPORT_WINDOW, until=as_of))
    moved = _ranked_first(_found(prices, stocks, moves), stocks)
    jumps = lake.jumps().select("ticker", "date").collect(engine="streaming")
    found = moved.join(jumps, on=("ticker", "date"), how="anti", maintain_order="left")
    odd = found.filter(~pl.col("split")).drop("split")
    splits = found.filter("split").drop("split")
    what = f"closes that moved more than {LARGEST_MOVE:.0%} in a day, short of a jump"
    return [
        _same_day(moved, stocks) or _odd("outliers", odd, what),
        _odd("splits", splits, "closes that moved as in a 2:1 split, and are not adjusted for it"),
    ]


def _with_splits(lake: Lake, prices: pl.LazyFrame) -> pl.LazyFrame:
    """Add the ratio of the applied splits between each close and the one before, as `shares`."""
    if (splits := applied_splits(lake)) is None:
        return prices.with_columns(shares=pl.lit(1.0))
    ratios = splits.group_by("ticker", date="date_after").agg(shares=pl.col("ratio").product())
    beside = prices.join(ratios.collect().lazy(), on=("ticker", "date"), how="left")
    return beside.with_columns(pl.col("shares").fill_null(1.0))


def _same_day(found: pl.DataFrame, stocks: pl.DataFrame) -> Check | None:
    """Return a critical check if one day has many moves: a fault of the feed."""
    days = found.group_by("date").len("stocks").sort("stocks", "date", descending=True)
    if not days.height or days["stocks"][0] < max(SAME_DAY_STOCKS, SAME_DAY_SHARE * stocks.height):
        return None
    day, count = days.row(0)
    return check(
        "outliers",
        "critical",
        f"{count} closes moved more than {LARGEST_MOVE:.0%} or as in a split on {day} alone; "
        "the feed has changed its unit, currency or adjustment",
        counted(found, found.filter(date=day).drop("split")),
    )


def jumps(fundamentals: pl.LazyFrame) -> pl.DataFrame:
    """Return ratios that jumped since their last value: `ticker, known_from, ratio, from, to`.

    The sign does not count, nor does a zero on either side; rows without the ratio are skipped.
    """
    rows = fundamentals.select(*ORDER, *RATIO_COLUMNS).sort(ORDER).collect(engine="streaming")
    ratios = RATIO_COLUMNS if rows.height else RATIO_COLUMNS[:1]  # one has the columns of all
    # One ratio after the other, so that one is in memory.
    return pl.concat(_jump(rows, ratio) for ratio in ratios)


def _jump(rows: pl.DataFrame, ratio: str) -> pl.DataFrame:
    """Return the jumps of one ratio, from rows that are sorted by ticker and time."""
    before, after = pl.col("from"), pl.col("to")
    last = pl.col(ratio).forward_fill().shift().over("ticker").alias("from")
    pairs = rows.select("ticker", "known_from", last, ratio=pl.lit(ratio), to=ratio)
    return pairs.filter(_is_far(after, before), after != 0, before != 0).select(
        "ticker", "known_from", "ratio", "from", "to"
    )


def _is_far(after: pl.Expr, before: pl.Expr) -> pl.Expr:
    times = (after / before).abs()
    return (times >= LARGEST_JUMP) | (times <= 1 / LARGEST_JUMP)


def _ranges_far(fundamentals: pl.LazyFrame) -> pl.DataFrame:
    """Return the tickers with a ratio whose values are far from each other, one of them at least.

    No other has a jump, and they are few.
    """
    sizes = {c: pl.when(pl.col(c) != 0).then(pl.col(c).abs()) for c in RATIO_COLUMNS}
    is_far = (_is_far(size.max(), size.min()) for size in sizes.values())
    ranges = fundamentals.group_by("ticker").agg(far_=pl.any_horizontal(is_far))
    return ranges.filter("far_").select("ticker").collect(engine="streaming")


def ratio_check(lake: Lake, stocks: pl.DataFrame, as_of: date) -> Check:
    """Return the check of jumps in the window, from rows of that window or the one before."""
    rows = lake.fundamentals(known_by=as_of, known_since=as_of - 2 * REPORT_WINDOW)
    wide = stocks.join(_ranges_far(rows), on="ticker", how="semi", maintain_order="left")
    recent = _found(rows, wide, jumps).filter(pl.col("known_from") >= as_of - REPORT_WINDOW)
    found = _ranked_first(recent, stocks)
    return _odd("ratios", found, f"ratios that jumped {LARGEST_JUMP:,.0f} times up or down")


def _found(
    rows: pl.LazyFrame, stocks: pl.DataFrame, search: Callable[[pl.LazyFrame], pl.DataFrame]
) -> pl.DataFrame:
    """Return what a search finds in the rows of the stocks, some stocks at a time.

    A search sorts, and would need memory for the whole market at once. The files are sorted by
    ticker, so that only the part of each with those stocks is read.
    """
    found = []
    for slice_ in stocks.iter_slices(AT_A_TIME):
        tickers = slice_["ticker"]
        near = pl.col("ticker").is_between(pl.lit(tickers[0]), pl.lit(tickers[-1]))
        found.append(search(rows.filter(near, pl.col("ticker").is_in(tickers.implode()))))
    return pl.concat(found) if found else search(rows.clear())


def _ranked_first(cases: pl.DataFrame, stocks: pl.DataFrame) -> pl.DataFrame:
    """Return the cases with the rank of their stock: the best ranks first, then the newest."""
    day = "date" if "date" in cases.columns else "known_from"
    ranked = cases.join(stocks.select("ticker", "rank"), on="ticker", how="left")
    newest = ranked.sort(pl.all()).sort(day, descending=True, maintain_order=True)
    return newest.sort("rank", nulls_last=True, maintain_order=True)


def _odd(name: str, cases: pl.DataFrame, what: str) -> Check:
    """Return a check of single odd values: a warning if a ranked stock has any."""
    ranked = cases.drop_nulls("rank")["ticker"].unique(maintain_order=True).to_list()
    named = f", of ranked stocks those of {some(ranked)}" if ranked else ", none of a ranked stock"
    message = f"{what}: {cases.height} in {REPORT_WINDOW.days} days{named if cases.height else ''}"
    value = counted(cases)
    return check(name, "warning" if ranked else "ok", message, value)
