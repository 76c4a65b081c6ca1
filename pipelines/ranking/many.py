"""The rankings of many dates, some of them in one plan.

A plan ranks a block of dates by the rules and the code of a single date: each row of prices and
fundamentals is put beside the dates on which it counts, and every grouping and window is by date
too. The size of a block bounds the memory.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from enum import StrEnum
from typing import Final

import polars as pl

from pipelines.errors import LakeError
from pipelines.lake import Lake
from pipelines.ranking.adjusted import applied_splits
from pipelines.ranking.currencies import in_currency
from pipelines.ranking.jumps import counted_jumps, is_good, newest_jumps, with_bad
from pipelines.ranking.known import (
    closes,
    closes_of_ratios,
    dated_filings,
    joined,
    newest_ratios,
    newest_ratios_key,
    recent_ratios,
)
from pipelines.ranking.listed import listed_on_dates
from pipelines.ranking.price_windows import PriceWindows
from pipelines.ranking.rank import ranking_tables, windows_read
from pipelines.ranking.shares import with_shares_of_one_scale
from pipelines.ranking.statements import recent_statements, statements
from pipelines.ranking.strategies import strategies_of
from pipelines.ranking.strategy import Strategy
from pipelines.ranking.timely import with_prices
from pipelines.ranking.windows import (
    ANCHORS,
    PRICE_WINDOW,
    days_before,
    earliest,
    in_window,
    months_before,
)
from pipelines.universe import TrustedJump, Universe

TOGETHER: Final = 24_000
"""Stocks times dates that one plan ranks."""
RANKS_TOGETHER: Final = 96_000
"""The same where the ranks alone are read, without the columns beside them."""
WITH_WINDOWS: Final = 4_000
"""The same where price windows are read: each stock and date has all prices of a year."""
AT_ONCE: Final = 16
"""Strategies whose rows of such a block fit into memory."""
BY: Final = ("as_of", "ticker")
HISTORY_COLUMNS: Final = (
    "as_of", "strategy", "rank", "ticker", "name", "sector", "excluded_by", "score", "return_3m",
    "return_6m", "return_12m", "f_score", "f_available", "composite", "primary_rank", "close",
    "market_cap_msek",
)  # fmt: skip
"""The columns of each ranking that are kept; `pipelines.ranking.rankings` describes them."""
RANK_COLUMNS: Final = ("as_of", "strategy", "rank", "ticker", "sector", "excluded_by", "score")
"""Those of them that a backtest reads."""


class Every(StrEnum):
    """A period; the first day with prices in each one is ranked."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


PERIODS: Final = {
    Every.DAY: "1d",
    Every.WEEK: "1w",
    Every.MONTH: "1mo",
    Every.QUARTER: "1q",
    Every.YEAR: "1y",
}


def first_days(lake: Lake, *, since: date, every: Every, until: date | None = None) -> list[date]:
    """Return the first day with a price in each period, from `since` to `until` or the newest."""
    days = (
        lake.prices(since=since, until=until).select("date").unique().sort("date").collect()["date"]
    )
    periods = days.dt.truncate(PERIODS[every])
    firsts = pl.DataFrame({"date": days, "period": periods}).unique("period", keep="first")
    return firsts["date"].sort().to_list()


def no_price(lake: Lake, since: date, until: date | None) -> LakeError:
    """Return the error for a stretch of time without a price."""
    stretch = f"from {since} to {until}" if until else f"from {since} on"
    return LakeError(f"there is no price {stretch}; name a day up to {lake.as_of}")


def history(
    lake: Lake,
    *,
    dates: Iterable[date],
    universe: Universe,
    strategies: Iterable[Strategy] | None = None,
) -> Iterator[pl.LazyFrame]:
    """Yield the rankings of dates, a plan for each block of them, oldest first, none twice.

    Rows and values are those of `rankings` on each date, with `HISTORY_COLUMNS`, in the order of
    date, strategy, rank and ticker.
    """
    chosen = tuple(strategies_of(universe).values() if strategies is None else strategies)
    for block in blocks(lake, dates, universe, chosen):
        yield block_history(lake, block, universe, chosen)


def history_of_ranks(
    lake: Lake, *, dates: Iterable[date], universe: Universe, strategies: Iterable[Strategy]
) -> Iterator[pl.LazyFrame]:
    """Yield the rows of `history` with `RANK_COLUMNS` alone, in larger blocks and in no order."""
    chosen = tuple(strategies)
    for block in blocks(lake, dates, universe, chosen, ranks_alone=True):
        yield block_ranks(lake, block, universe, chosen)


def blocks(
    lake: Lake,
    dates: Iterable[date],
    universe: Universe,
    strategies: Sequence[Strategy],
    *,
    ranks_alone: bool = False,
) -> Iterator[tuple[date, ...]]:
    """Yield dates in blocks, oldest first, none twice.

    The more stocks there are, the smaller; likewise from twice `AT_ONCE` strategies on.
    """
    stocks, every = lake.stocks().select(pl.len()).collect().item(), sorted(set(dates))
    together = RANKS_TOGETHER if ranks_alone else TOGETHER
    if windows_read(strategies, universe):
        together = WITH_WINDOWS
    size = max(1, together // max(1, stocks) // max(1, len(strategies) // AT_ONCE))
    yield from (tuple(every[start : start + size]) for start in range(0, len(every), size))


def block_history(
    lake: Lake, block: Sequence[date], universe: Universe, strategies: Sequence[Strategy]
) -> pl.LazyFrame:
    """Return the rankings of a block of dates, as `history` yields them."""
    tables = _tables(lake, block, universe, strategies)
    return pl.concat([table.select(HISTORY_COLUMNS) for table in tables]).sort(
        "as_of", "strategy", "rank", "ticker", nulls_last=True
    )


def block_ranks(
    lake: Lake, block: Sequence[date], universe: Universe, strategies: Sequence[Strategy]
) -> pl.LazyFrame:
    """Return the same with `RANK_COLUMNS` alone, and in no order."""
    tables = _tables(lake, block, universe, strategies)
    return pl.concat([table.select(RANK_COLUMNS) for table in tables])


def _tables(
    lake: Lake, block: Sequence[date], universe: Universe, strategies: Sequence[Strategy]
) -> list[pl.LazyFrame]:
    """Return the rankings of each strategy on a block of dates."""
    read = windows_read(strategies, universe)
    known = cross_sections(lake, block, universe.trusted_jumps, read)
    stocks = in_currency(known, lake, universe, first=block[0], last=block[-1], also=read.names)
    return ranking_tables(stocks, universe, strategies)


def cross_sections(
    lake: Lake,
    dates: Sequence[date],
    trusted: Sequence[TrustedJump] = (),
    read: PriceWindows | None = None,
) -> pl.LazyFrame:
    """Return what is known of every stock on each date: a row a stock and date.

    Beside it are the price windows that are `read`.
    """
    days = pl.LazyFrame({"as_of": dates}, schema={"as_of": pl.Date})
    day, jumps = pl.col("as_of"), counted_jumps(lake, trusted)
    recent = recent_ratios(lake, dates[0], dates[-1])
    dated = dated_filings(lake, dates[0], dates[-1])
    ratios = newest_ratios(
        _newest_beside(recent, dates), day, BY,
        dated=_beside(_newest_by_day(dated, dates[0]), dates),
    )  # fmt: skip
    return joined(
        listed_on_dates(lake, dates),
        _closes(lake, dates, jumps, read),
        newest_jumps(jumps.join(days, how="cross"), day, BY),
        with_prices(ratios, closes_of_ratios(lake, dates[0], dates[-1]), jumps, day, BY),
        with_shares_of_one_scale(
            statements(_beside(recent_statements(lake, dates[0], dates[-1]), dates), day, BY),
            lake,
            BY,
        ),
        splits=applied_splits(lake),
        by=BY,
    )


# ----------------------------------------------------------------- rows beside their dates


def _closes(
    lake: Lake, dates: Sequence[date], jumps: pl.LazyFrame, read: PriceWindows | None
) -> pl.LazyFrame:
    """Return the closes of each stock and date, and the price windows that are read."""
    if not read:
        prices = _in_windows(lake, dates, jumps).filter(is_good(pl.col("as_of")))
        return closes(prices, {n: pl.col("months") == n for n in ANCHORS}, BY)
    day, since = pl.col("as_of"), days_before(dates[0], PRICE_WINDOW)
    years = pl.DataFrame({"as_of": dates}, schema={"as_of": pl.Date}).with_columns(
        date=pl.date_ranges(day.dt.offset_by(f"-{PRICE_WINDOW}d"), "as_of")
    )
    prices = lake.prices(since=since, until=dates[-1]).select("ticker", "date", "close", "volume")
    rows = with_bad(prices, jumps, since=since).join(years.explode("date").lazy(), on="date")
    ordered = read.ordered(rows.filter(is_good(day)), lake, dates, day, BY)
    return closes(ordered, {n: in_window(day, n) for n in ANCHORS}, BY, read.aggregations(day))


def _in_windows(lake: Lake, dates: Sequence[date], jumps: pl.LazyFrame) -> pl.LazyFrame:
    """Return each price once for every window that it is in: a date and a number of months.

    The day from which it is known to be bad is beside it, as `BAD_FROM`.
    """
    days = pl.DataFrame({"as_of": dates}, schema={"as_of": pl.Date})
    ends = pl.concat(
        days.select("as_of", end=months_before(pl.col("as_of"), n), months=pl.lit(n))
        for n in ANCHORS
    )
    windows = ends.select(
        "as_of", "months", date=pl.date_ranges(earliest(pl.col("end")), "end")
    ).explode("date")
    since = days_before(dates[0], PRICE_WINDOW)
    prices = lake.prices(since=since, until=dates[-1]).select("ticker", "date", "close")
    return with_bad(prices, jumps, since=since).join(windows.lazy(), on="date")


def _beside(fundamentals: pl.LazyFrame, dates: Sequence[date]) -> pl.LazyFrame:
    """Return each row once for every date by which it is known, with the date as `as_of`."""
    return _with_later(_with_next(fundamentals, dates), dates)


def _newest_beside(ratios: pl.LazyFrame, dates: Sequence[date]) -> pl.LazyFrame:
    """Return the same of those rows alone that may be the newest on a date.

    Of the rows of a ticker and fiscal date that become known after one date, up to the next, each
    is superseded by the last: on no date is one of them known and that one not.
    """
    newest = pl.col("key_").max().over("ticker", "next_", "fiscal_date")
    rows = _with_next(ratios, dates).with_columns(key_=newest_ratios_key())
    return _with_later(rows.filter(pl.col("key_") == newest).drop("key_"), dates)


def _with_next(fundamentals: pl.LazyFrame, dates: Sequence[date]) -> pl.LazyFrame:
    """Add the first date by which each row is known, as `next_`; rows known after all dates go."""
    starts = [days_before(dates[0], 1), *dates[:-1]]
    spans = pl.DataFrame({"from_": starts, "next_": dates}, schema_overrides=dict.fromkeys(
        ("from_", "next_"), pl.Date))  # fmt: skip
    days = spans.select("next_", known_=pl.date_ranges(pl.col("from_").dt.offset_by("1d"), "next_"))
    known = pl.max_horizontal("known_from", pl.lit(dates[0]))
    next_dates = days.explode("known_").lazy()
    return fundamentals.with_columns(known_=known).join(next_dates, on="known_").drop("known_")


def _with_later(rows: pl.LazyFrame, dates: Sequence[date]) -> pl.LazyFrame:
    """Return each row once for `next_` and every date after it, with the date as `as_of`."""
    next_ = pl.LazyFrame({"next_": dates}, schema={"next_": pl.Date})
    pairs = next_.join(next_.select(as_of="next_"), how="cross")
    later = pairs.filter(pl.col("as_of") >= pl.col("next_"))
    return rows.join(later, on="next_").drop("next_")


def _newest_by_day(dated: pl.LazyFrame, first: date) -> pl.LazyFrame:
    """Return the newest fiscal date of each ticker and day; all days up to the first are one."""
    day = pl.max_horizontal("known_from", pl.lit(first))
    return dated.group_by("ticker", known_from=day).agg(pl.col("fiscal_date").max())
