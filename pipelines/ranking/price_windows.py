"""Windows over the prices of a stock: volatility, drawdown, trend, turnover, beta.

They are aggregations of the rows of a year, in the order of the days, beside those that find the
closes of a ranking: one scan serves both. Nothing here is computed unless a strategy reads it.
Closes are on the scale of the date, and in the currency of the listing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from math import sqrt
from typing import Final

import polars as pl

from pipelines.lake import Lake
from pipelines.ranking.adjusted import applied_splits
from pipelines.ranking.windows import (
    PRICE_WINDOW,
    days_before,
    earliest,
    in_window,
    months_before,
)

TRADING_DAYS: Final = sqrt(252)
"""The root of the trading days of a year, by which daily volatility becomes yearly."""
CLOSES_OF_YEAR: Final = 180
CLOSES_OF_QUARTER: Final = 45
DAYS_WITH_VOLUME: Final = 40
LONG_MEAN: Final = 200
"""How many closes each window needs; the catalogue says so of each factor."""
ADJUSTED: Final = "adjusted_"
OF_YEAR: Final = "of_year_"
OF_QUARTER: Final = "of_quarter_"
INDEX: Final = "of_index_"
TURNOVER: Final = "turnover_"
NEEDS_INDEX: Final = "beta_12m"


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceWindows:
    """The windows of `names` of the catalogue; `index` is the one that betas are of."""

    names: frozenset[str]
    index: str

    def __bool__(self) -> bool:
        return bool(self.names)

    def ordered(
        self, prices: pl.LazyFrame, lake: Lake, dates: Sequence[date], day: pl.Expr,
        by: tuple[str, ...],
    ) -> pl.LazyFrame:  # fmt: skip
        """Return good prices of a year before each date, by day, with what the windows read.

        `prices` has `as_of` among its columns where `by` does; `day` is the date of a row.
        """
        rows, close = _with_ratios(prices, lake, dates, by)
        if NEEDS_INDEX in self.names:
            rows = rows.join(self._levels(lake, dates), on="date", how="left")
        in_year, in_quarter = (pl.col("date") >= months_before(day, n) for n in (12, 3))
        traded = pl.col("close").cast(pl.Float64) * pl.col("volume").cast(pl.Float64)
        # Few columns are sorted; the others follow from them.
        return (
            rows.sort(*by, "date")
            .with_columns(close.alias(ADJUSTED))
            .with_columns(
                pl.when(in_year).then(ADJUSTED).alias(OF_YEAR),
                pl.when(in_quarter).then(pl.col(ADJUSTED).log()).alias(OF_QUARTER),
                pl.when(in_quarter).then(traded).alias(TURNOVER),
            )
        )

    def _levels(self, lake: Lake, dates: Sequence[date]) -> pl.LazyFrame:
        """Return the logarithm of the index by day; no day where the lake does not have it."""
        if "index_prices" not in lake.datasets:
            return pl.LazyFrame(schema={"date": pl.Date, INDEX: pl.Float64})
        since = days_before(dates[0], PRICE_WINDOW)
        levels = lake.index_prices(since=since, until=dates[-1]).filter(index_id=self.index)
        return levels.select("date", pl.col("close").cast(pl.Float64).log().alias(INDEX))

    def aggregations(self, day: pl.Expr) -> Iterator[pl.Expr]:
        """Yield the windows as aggregations of the rows of a stock, which are in order."""
        is_listed = (pl.col("date") >= earliest(day)).any()
        if "return_1m" in self.names:
            yield from _return_1m(day)
        for name, value in _values():
            if name in self.names:
                yield pl.when(is_listed & value.is_finite()).then(value).alias(name)


def _with_ratios(
    prices: pl.LazyFrame, lake: Lake, dates: Sequence[date], by: tuple[str, ...]
) -> tuple[pl.LazyFrame, pl.Expr]:
    """Return prices with the ratio of splits after them, and the close on the scale of the date."""
    close, splits = pl.col("close").cast(pl.Float64), applied_splits(lake)
    if splits is None:
        return prices, close
    ratios = _ratios(splits, dates)
    keys = ratios if "as_of" in by else ratios.drop("as_of")
    rows = prices.join(keys, on=[*by, "date"], how="left")
    return rows, close / pl.col("ratio").fill_null(1.0)


def _ratios(splits: pl.LazyFrame, dates: Sequence[date]) -> pl.LazyFrame:
    """Return the number by which a close of each day before a split is to be divided.

    It is the divisor of the last split that is known, over that before the first one after the day.
    """
    days = pl.LazyFrame({"as_of": dates}, schema={"as_of": pl.Date})
    first = pl.col("as_of").dt.offset_by(f"-{PRICE_WINDOW}d")
    counts = (pl.col("known_") <= pl.col("as_of")) & (pl.col("split_") > first)
    before = pl.col("divisor") / pl.col("ratio")
    return (
        splits.select("ticker", "ratio", "divisor", split_="date", known_="date_after")
        .join(days, how="cross")
        .with_columns(counts_=counts)  # a filter on it would make the join one that does not stream
        .with_columns(date=pl.date_ranges(pl.when("counts_").then(first), "split_", closed="left"))
        .explode("date")
        .group_by("as_of", "ticker", "date")
        .agg(ratio=pl.col("divisor").max_by("split_") / before.min_by("split_"))
    )


def _return_1m(day: pl.Expr) -> Iterator[pl.Expr]:
    """Yield the return over a month, and the day of its base."""
    now, then = (pl.when(in_window(day, n)).then("date") for n in (0, 1))
    close, base = (pl.col(ADJUSTED).max_by(days) for days in (now, then))
    yield (close / base - 1).alias("return_1m")
    yield then.max().alias("base_date_1m")


def _values() -> Iterator[tuple[str, pl.Expr]]:
    """Yield the windows that need a close in the ten days up to the date, by name."""
    closes, quarter, turnover = (pl.col(name) for name in (OF_YEAR, OF_QUARTER, TURNOVER))
    has_year = closes.count() >= CLOSES_OF_YEAR
    last, mean = pl.col(ADJUSTED).last(), pl.col(ADJUSTED).tail(LONG_MEAN).mean()
    fall = (closes / closes.cum_max() - 1).min()
    yield "volatility_12m", _where(has_year, closes.log().diff().std() * TRADING_DAYS)
    has_quarter = quarter.count() >= CLOSES_OF_QUARTER
    yield "volatility_3m", _where(has_quarter, quarter.diff().std() * TRADING_DAYS)
    yield "max_drawdown_12m", _where(has_year, fall)
    yield "high_52w", _where(has_year, last / closes.max())
    yield "above_200d", _where(pl.col(ADJUSTED).count() >= LONG_MEAN, last / mean)
    yield "turnover_3m", _where(turnover.count() >= DAYS_WITH_VOLUME, turnover.median())
    yield NEEDS_INDEX, _beta(closes.log().diff(), pl.col(INDEX).diff())


def _beta(own: pl.Expr, of_index: pl.Expr) -> pl.Expr:
    """Return the slope of returns on those of an index, of the days that have both."""
    stock = pl.when(of_index.is_not_null()).then(own)
    index = pl.when(own.is_not_null()).then(of_index)
    from_mean = index - index.mean()
    slope = (from_mean * stock).sum() / (from_mean * from_mean).sum()
    return _where(stock.count() >= CLOSES_OF_YEAR, slope)


def _where(test: pl.Expr, value: pl.Expr) -> pl.Expr:
    return pl.when(test).then(value)
