"""The walk of portfolios as frames: value by day, and every trade with its reason."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl

from pipelines.research.market import Market
from pipelines.research.portfolio import Portfolio, Walked
from pipelines.research.record import Why
from pipelines.research.signals import Signals

LEAST_UNITS: Final = 1e-9
"""Fewer are what rounding leaves of none."""
SIDES: Final = {
    Why.ENTERED: "buy",
    Why.LEFT: "sell",
    Why.DELISTED: "sell",
    Why.DIVIDEND: "dividend",
}
REASONS: Final = {
    Why.ENTERED: "entered",
    Why.REBALANCED: "rebalanced",
    Why.DELISTED: "delisted",
    Why.DIVIDEND: "dividend",
}
LEDGER: Final = pl.Schema(
    {
        "strategy": pl.String,
        "date": pl.Date,
        "signal_date": pl.Date,
        "ticker": pl.String,
        "side": pl.String,
        "shares": pl.Float64,
        "price": pl.Float64,
        "cost": pl.Float64,
        "cash_after": pl.Float64,
        "rank": pl.Int64,
        "score": pl.Float64,
        "reason": pl.String,
    }
)
NAV: Final = pl.Schema(
    {
        "strategy": pl.String,
        "date": pl.Date,
        "nav": pl.Float64,
        "cash": pl.Float64,
        "holdings": pl.Float64,
    }
)
FLOWS: Final = pl.Schema(
    {"strategy": pl.String, "date": pl.Date, "turnover": pl.Float64, "costs": pl.Float64}
)
HELD: Final = pl.Schema(
    {"strategy": pl.String, "ticker": pl.String, "date": pl.Date, "units": pl.Float64}
)
GAINS: Final = pl.Schema({"strategy": pl.String, "ticker": pl.String, "gain": pl.Float64})


def nav_frame(market: Market, walked: Walked, portfolios: Sequence[Portfolio]) -> pl.DataFrame:
    """Return the value of portfolios by day, with the columns `NAV`: of each portfolio its name."""
    days = pl.Series("date", market.days, dtype=pl.Date)
    parts = [
        pl.DataFrame(
            {"date": days, "nav": walked.nav[:, n], "cash": walked.cash[:, n]}
        ).with_columns(strategy=pl.lit(portfolio.name), holdings=pl.col("nav") - pl.col("cash"))
        for n, portfolio in enumerate(portfolios)
    ]
    return pl.concat(parts).select(NAV.names())


def flow_frame(market: Market, walked: Walked, portfolios: Sequence[Portfolio]) -> pl.DataFrame:
    """Return the turnover and the costs of portfolios on the days with trades, as `FLOWS`.

    The turnover is half of the sum by which the weights of the stocks change.
    """
    count, stops = len(portfolios), len(walked.flows)
    days = np.repeat(np.array([day for day, _, _ in walked.flows], dtype=np.int64), count)
    rows = pl.DataFrame(
        {
            "strategy": [portfolio.name for portfolio in portfolios] * stops,
            "date": pl.Series(market.days[days], dtype=pl.Date),
            "turnover": np.array([turnover for _, turnover, _ in walked.flows]).ravel(),
            "costs": np.array([costs for _, _, costs in walked.flows]).ravel(),
        },
        schema=FLOWS,
    )
    return rows.filter((pl.col("turnover") > 0) | (pl.col("costs") > 0))


def ledger_frame(
    market: Market, signals: Signals, walked: Walked, portfolios: Sequence[Portfolio],
    ranks: pl.DataFrame,
) -> pl.DataFrame:  # fmt: skip
    """Return the trades and the dividends of portfolios, with the columns `LEDGER`.

    `shares` are those of the day, and a price is in the currency of the portfolio. A dividend has
    the shares that it was paid for, and its amount a share as the price.
    """
    rows = walked.record
    scale = market.scales.at(rows["day"].to_numpy(), rows["stock"].to_numpy())
    shares = pl.Series(np.abs(rows["units"].to_numpy()) * scale)
    capital = [portfolio.rules.capital for portfolio in portfolios]
    bought = (pl.col("units") > 0) & (pl.col("why") != Why.DIVIDEND)
    moved = pl.when(bought).then(-pl.col("value")).otherwise(pl.col("value")) - pl.col("cost")
    named = rows.with_columns(
        strategy=_named("portfolio", [portfolio.name for portfolio in portfolios]),
        follows=_named("portfolio", [portfolio.strategy for portfolio in portfolios]),
        date=_named("day", pl.Series(market.days, dtype=pl.Date)),
        signal_date=_named("signal", pl.Series(signals.days, dtype=pl.Date)),
        ticker=_named("stock", pl.Series(market.tickers, dtype=pl.String)),
        shares=shares,
        price=pl.col("value") / shares,
        # Rounding alone may leave a hair less than nothing.
        cash_after=(_named("portfolio", capital) + moved.cum_sum().over("portfolio")).clip(
            lower_bound=0.0
        ),
    )
    placed = named.join(
        ranks.select("strategy", "as_of", "ticker", "rank", "score"),
        left_on=["follows", "signal_date", "ticker"],
        right_on=["strategy", "as_of", "ticker"],
        how="left", maintain_order="left",
    )  # fmt: skip
    return placed.select(*_told()).cast(LEDGER)


def held_frame(market: Market, walked: Walked, portfolios: Sequence[Portfolio]) -> pl.DataFrame:
    """Return the units of each stock after each day on which they changed, as `HELD`."""
    place = ("portfolio", "stock")
    moved = walked.record.filter(pl.col("why") != Why.DIVIDEND)
    after = moved.with_columns(pl.col("units").cum_sum().over(place))
    last = after.group_by(*place, "day", maintain_order=True).agg(pl.col("units").last())
    return last.select(
        strategy=_named("portfolio", [portfolio.name for portfolio in portfolios]),
        ticker=_named("stock", pl.Series(market.tickers, dtype=pl.String)),
        date=_named("day", pl.Series(market.days, dtype=pl.Date)),
        units=pl.when(pl.col("units") > LEAST_UNITS).then("units").otherwise(0.0),
    ).cast(HELD)


def gain_frame(market: Market, walked: Walked, portfolios: Sequence[Portfolio]) -> pl.DataFrame:
    """Return what came of each stock, less what was paid, with its value on the last day."""
    bought = (pl.col("units") > 0) & (pl.col("why") != Why.DIVIDEND)
    cash = pl.when(bought).then(-pl.col("value")).otherwise("value") - pl.col("cost")
    units = pl.when(pl.col("why") != Why.DIVIDEND).then("units").otherwise(0.0)
    last = pl.Series(np.nan_to_num(market.value[-1]))
    rows = walked.record.group_by("portfolio", "stock").agg(cash=cash.sum(), units=units.sum())
    return rows.select(
        strategy=_named("portfolio", [portfolio.name for portfolio in portfolios]),
        ticker=_named("stock", pl.Series(market.tickers, dtype=pl.String)),
        gain=pl.col("cash") + pl.col("units") * _named("stock", last),
    ).cast(GAINS)


def _named(number: str, values: pl.Series | list[str] | list[float]) -> pl.Expr:
    """Return the value of each number in a column."""
    return pl.lit(pl.Series(values)).gather(pl.col(number))


def _told() -> list[pl.Expr | str]:
    """Return the columns of the ledger; the rank is that for which a stock was traded, if any."""
    why = pl.col("why")
    by_rank = ~why.is_in([Why.DELISTED, Why.DIVIDEND])
    left = (
        pl.when(pl.col("rank").is_null())
        .then(pl.lit("left_ranking"))
        .otherwise(pl.lit("left_band"))
    )
    side = pl.when(pl.col("units") > 0).then(pl.lit("buy")).otherwise(pl.lit("sell"))
    return [
        "strategy", "date", "signal_date", "ticker",
        why.replace_strict(dict(SIDES), default=side).alias("side"),
        "shares", "price", "cost", "cash_after",
        pl.when(by_rank).then("rank").alias("rank"),
        pl.when(by_rank).then("score").alias("score"),
        why.replace_strict(dict(REASONS), default=left).alias("reason"),
    ]  # fmt: skip
