"""Names that do not match: tickers, ISINs, markets and sectors of other vendors."""

import difflib
from datetime import date
from typing import Final

import polars as pl

from pipelines.lake import Check, Lake
from pipelines.ranking import REPORT_WINDOW, is_stock, market_keys
from pipelines.refresh.findings import WEEK, check, counted, some
from pipelines.universe import Universe, market_key

LIKE_A_MARKET: Final = 0.8
"""How alike two names of markets are, of 1, where they may mean the same."""
FINANCE: Final = r"bank|financ|finans|insur|försäkr|kredit|credit"
"""What the names of financial sectors have in them, in lower case."""


def orphans_check(lake: Lake, as_of: date) -> Check:
    """Return the check of tickers with prices but without a row in stocks: they have no market."""
    orphans = (
        lake.prices(since=as_of - REPORT_WINDOW, until=as_of)
        .group_by("ticker")
        .agg(newest_date=pl.col("date").max())
        .join(lake.stocks().select("ticker"), on="ticker", how="anti")
        .sort("newest_date", "ticker", descending=[True, False])
        .collect(engine="streaming")
    )
    trade = orphans.filter(pl.col("newest_date") > as_of - WEEK)["ticker"].to_list()
    named = f", of which {some(trade)} still trade" if trade else ""
    message = f"tickers with prices that are not in stocks: {orphans.height}{named}"
    return check("orphans", "warning" if trade else "ok", message, counted(orphans))


def isins_check(stocks: pl.DataFrame) -> Check:
    """Return the check of ISINs with more than one ticker, of which one is ranked at most."""
    twice = (
        stocks.filter(pl.col("share") != pl.col("ticker"))
        .group_by(isin="share")
        .agg(tickers="ticker", ranked=pl.col("ticker").filter(pl.col("rank").is_not_null()))
        .filter(pl.col("tickers").list.len() > 1)
        .sort("isin")
    )
    ranked = twice["ranked"].explode().drop_nulls().to_list()
    named = f"; of each one ticker is ranked at most: {some(ranked)}" if ranked else ""
    message = f"ISINs of more than one ticker: {twice.height}{named}"
    return check("isins", "warning" if ranked else "ok", message, counted(twice.drop("ranked")))


def markets_check(lake: Lake, universe: Universe) -> Check:
    """Return the check of markets outside the universe; a warning if one may be misspelled."""
    known = [market_key(market) for market in universe.markets]
    others = (
        lake.stocks()
        .filter(is_stock(), market_keys("market").is_in(known).fill_null(value=False).not_())
        .group_by("market")
        .len("stocks")
        .sort("stocks", "market", descending=[True, False])
        .collect(engine="streaming")
    )
    names = others["market"].drop_nulls().to_list()
    near = [m for m in names if difflib.get_close_matches(market_key(m), known, 1, LIKE_A_MARKET)]
    listed = some([f"{market or 'none'} ({count})" for market, count in others.iter_rows()])
    message = f"markets that are not in the universe {universe.name}: {listed or 'none'}"
    message += f"; {some(near)} may be one of it in another spelling" if near else ""
    return check("markets", "warning" if near else "ok", message, counted(others))


def sectors_check(stocks: pl.DataFrame) -> Check:
    """Return the check of sectors that sound financial and are not; a warning if one is ranked."""
    sounds = pl.col("sector").str.to_lowercase().str.contains(FINANCE)
    odd = (
        stocks.filter(~pl.col("financial"), sounds)
        .group_by("sector")
        .agg(stocks=pl.len(), rank=pl.col("rank").min())
        .sort("sector")
    )
    ranked = odd.drop_nulls("rank")["sector"].to_list()
    named = f", of ranked stocks {some(ranked)}" if ranked else ""
    message = f"sectors that sound financial and do not count as such: {odd.height}{named}"
    return check("sectors", "warning" if ranked else "ok", message, counted(odd))
