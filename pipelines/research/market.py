"""Closes as matrices of days and stocks, in units that a split, or a jump, does not change.

A holding is a number of units. A unit is `scale` shares, one at first: a split that is applied
multiplies it, and a jump up that nothing explains divides it, so that it counts as no move. The
value of a unit on a day is thus known from what is known on that day.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from pipelines.errors import StockRankError
from pipelines.lake import Lake
from pipelines.research.arrays import Days, Flags, Floats, Numbers, fill_forward
from pipelines.research.payments import Dividends, dividends_of
from pipelines.research.rates import Rates
from pipelines.research.rules import DELISTED_AFTER, Fill
from pipelines.research.scales import Scales, scales_of, suspect_days
from pipelines.universe import TrustedJump


@dataclass(frozen=True, kw_only=True)
class Market:
    """The prices of stocks on the trading days of the exchange, in the currency of the portfolio.

    `value` is that of a unit by its last close, and `fill` the price of one that is traded on the
    day, NaN where none can be. `can_buy` is false where a jump has made the price suspect.
    `delistings` are pairs of a day and a stock.
    """

    days: Days
    tickers: tuple[str, ...]
    value: Floats
    fill: Floats
    can_buy: Flags
    scales: Scales
    dividends: Dividends
    delistings: Numbers
    fill_at: Fill
    without_rate: tuple[str, ...] = ()
    """The currencies of stocks that are never bought, for no rate of theirs is known."""

    def before(self, day: int) -> Floats:
        """Return the values of units that are known when trades of a day are made."""
        known: Floats = self.value[day if self.fill_at is Fill.NEXT_CLOSE else day - 1]
        return known


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which prices a backtest reads, and how."""

    tickers: tuple[str, ...]
    since: date
    until: date
    currency: str | None = None
    fill: Fill = Fill.NEXT_CLOSE
    trusted_jumps: tuple[TrustedJump, ...] = ()


def market_of(lake: Lake, wanted: Wanted) -> Market:
    """Return the prices of some tickers between two days; `currency` None converts nothing."""
    prices = lake.prices(since=wanted.since, until=wanted.until)
    days = prices.select(pl.col("date").unique().sort()).collect(engine="streaming")
    stocks = pl.DataFrame({"ticker": wanted.tickers}, schema={"ticker": pl.String})
    traded_at = "close" if wanted.fill is Fill.NEXT_CLOSE else "open"
    rows = _placed(prices, days, stocks, sorted({"close", traded_at}))
    if wanted.fill is Fill.NEXT_OPEN and rows.height and rows["open"].null_count() == rows.height:
        raise StockRankError(
            f"no price from {wanted.since} to {wanted.until} has an open; trade at the next close, "
            "with --fill next_close"
        )
    day, stock = rows["day"].to_numpy(), rows["stock"].to_numpy()
    axis = days["date"].to_numpy().astype("datetime64[D]")
    scales = scales_of(lake, axis, wanted.tickers, wanted.trusted_jumps)
    rates = Rates.of(lake, axis, wanted.tickers, wanted.currency)

    value = _matrix(days, stocks, day, stock, rows["close"])
    delistings = _delistings(value)
    scales.to_units(value)
    if wanted.fill is Fill.NEXT_CLOSE:
        fill = value.copy()
    else:
        fill = _matrix(days, stocks, day, stock, rows["open"])
        scales.to_units(fill)
    fill = rates.traded(fill)
    fill_forward(value)
    suspect = suspect_days(lake, axis, wanted.tickers, wanted.trusted_jumps)
    return Market(
        days=axis, tickers=wanted.tickers, value=rates.valued(value), fill=fill,
        can_buy=~np.isnan(fill) & ~suspect, scales=scales,
        dividends=dividends_of(lake, axis, wanted.tickers, scales, rates),
        delistings=delistings, fill_at=wanted.fill, without_rate=rates.missing,
    )  # fmt: skip


def _placed(
    prices: pl.LazyFrame, days: pl.DataFrame, stocks: pl.DataFrame, columns: list[str]
) -> pl.DataFrame:
    """Return some prices of the stocks, with the numbers of their days and stocks."""
    numbered = prices.select("ticker", "date", *columns).join(
        stocks.lazy().with_row_index("stock"), on="ticker"
    )
    beside = numbered.join(days.lazy().with_row_index("day"), on="date")
    return beside.select("day", "stock", pl.col(columns).cast(pl.Float64)).collect(
        engine="streaming"
    )


def _matrix(
    days: pl.DataFrame, stocks: pl.DataFrame, day: Numbers, stock: Numbers, prices: pl.Series
) -> Floats:
    matrix = np.full((days.height, stocks.height), np.nan)
    matrix[day, stock] = prices.to_numpy()
    return matrix


def _delistings(closes: Floats) -> Numbers:
    """Return the day and the stock of each delisting, in the order of the days."""
    rows = np.arange(len(closes), dtype=np.int32)[:, None]
    last = np.maximum.accumulate(np.where(np.isnan(closes), np.int32(-1), rows), axis=0)
    day, stock = np.nonzero((last >= 0) & (rows - last == DELISTED_AFTER))
    return np.stack([day, stock], axis=1)
