"""What a reader of a backtest has to know of its data: who ended, and whose price jumped."""

from collections.abc import Iterator, Sequence
from datetime import date

import numpy as np
import polars as pl

from pipelines.lake import Lake
from pipelines.ranking import MAX_PRICE_AGE, counted_jumps
from pipelines.research.inputs import OF_UNIVERSE, Inputs
from pipelines.research.simulation import Simulation


def survivorship(
    lake: Lake, ranks: pl.DataFrame, universe: str, days: Sequence[date]
) -> pl.DataFrame:
    """Return `year, names, ended`: the eligible stocks of each year, and those that ended in it.

    They are those of a universe among the ranks, on the days of its strategy.

    A stock has ended if its last close is more than ten days older than the newest of all.
    """
    own_days = pl.Series(days, dtype=pl.Date).implode()
    eligible = ranks.filter(pl.col("as_of").is_in(own_days), strategy=universe)
    names = eligible.group_by(year=pl.col("as_of").dt.year()).agg(names=pl.col("ticker").n_unique())
    newest = pl.lit(lake.as_of) - pl.duration(days=MAX_PRICE_AGE)
    ended = (
        last_closes(lake, eligible.select("ticker").unique())
        .filter(pl.col("newest_date") < newest)
        .group_by(year=pl.col("newest_date").dt.year())
        .agg(ended=pl.len())
    )
    return names.join(ended, on="year", how="full", coalesce=True).sort("year").fill_null(0)


def last_closes(lake: Lake, stocks: pl.DataFrame) -> pl.DataFrame:
    """Return `ticker, newest_date` of stocks, also of those that are gone from the source."""
    listed = lake.stocks().select("ticker", "newest_date").collect()
    there, gone = (stocks.join(listed, on="ticker", how=how) for how in ("inner", "anti"))
    if gone.is_empty():
        return there
    last = (
        lake.prices()
        .join(gone.lazy(), on="ticker", how="semi")
        .group_by("ticker")
        .agg(newest_date=pl.col("date").max())
        .collect(engine="streaming")
    )
    return pl.concat([there, last])


def suspects(lake: Lake, found: Simulation, inputs: Inputs, name: str) -> pl.DataFrame:
    """Return the unexplained jumps of stocks while a portfolio held them: `date, ticker, ratio`."""
    held = found.held.filter(strategy=name).sort("date")
    jumps = counted_jumps(lake, inputs.universe.trusted_jumps).collect().sort("date")
    before = jumps.join_asof(
        held, on="date", by="ticker", strategy="backward", allow_exact_matches=False,
        check_sortedness=False,
    )  # fmt: skip
    return before.filter(pl.col("units") > 0).select(
        "date", "ticker", "close_before", "close", "ratio", "reverted_on"
    )


def thin(ranks: pl.DataFrame, days: Sequence[date], size: int) -> str | None:
    """Return a sentence on the rebalances of a strategy with fewer stocks than places, if any."""
    counts = ranks.group_by("as_of").len("count")
    known = pl.DataFrame({"as_of": days}, schema={"as_of": pl.Date})
    found = known.join(counts, on="as_of", how="left")["count"].fill_null(0)
    few = found.filter(found < size)
    if few.is_empty():
        return None
    return (
        f"At {few.len()} of {len(days)} rebalances fewer than {size} stocks were ranked, "
        f"{few.sort()[0]} at the least; the portfolio held them in equal parts."
    )


def returned(found: Simulation, name: str) -> list[str]:
    """Return the stocks, each with its day, that a portfolio held when they counted as delisted.

    They are those that had a price again later.
    """
    market, place = found.market, {t: n for n, t in enumerate(found.market.tickers)}
    paid = found.ledger.filter(strategy=name, reason="delisted").select("ticker", "date").unique()
    return [
        f"{ticker} ({day})"
        for ticker, day in paid.sort("date", "ticker").iter_rows()
        if (~np.isnan(market.fill[market.days > np.datetime64(day), place[ticker]])).any()
    ]


def told(found: Simulation, inputs: Inputs, ended: pl.DataFrame, name: str) -> Iterator[str]:
    """Yield the sentences that stand beside every result of a portfolio."""
    dividends = found.market.dividends
    if not dividends.are_known:
        yield "Price return: the database has no table of dividends."
    if dividends.without_rate:
        yield f"{dividends.without_rate} dividends are left out, for no rate of theirs is known."
    if found.market.without_rate:
        yield (
            f"Stocks in {', '.join(found.market.without_rate)} are not bought, for no rate of "
            "theirs is known."
        )
    if back := returned(found, name):
        yield f"Paid out as delisted, and traded again later: {', '.join(back)}."
    if dividends.are_known and inputs.benchmark not in {None, "none", OF_UNIVERSE}:
        yield (
            f"The values of {inputs.benchmark} are taken as they are: one without dividends makes "
            "the portfolio, which has them, look better."
        )
    if not ended["ended"].sum():
        yield (
            "No stock of the universe ends before the data does: it holds survivors alone, "
            "and every result is too good."
        )
    if inputs.converted_to is None:
        yield "Prices are in the currency of each listing; nothing is converted."
    yield "Sectors, markets and market caps are those of today where the data has no others."
