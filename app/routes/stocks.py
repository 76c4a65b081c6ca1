"""Single stocks."""

import asyncio
from collections.abc import Mapping
from typing import Annotated

import polars as pl
from fastapi import APIRouter, Depends, Query

from app.deps import ObservedTickerDep, ServicesDep, TickerDep, VersionDep
from app.serving import Version, queries, views
from app.web import stock_models
from pipelines.ranking import event_plans, events_of, ticker_named

router = APIRouter(tags=["stocks"])


async def one_month_return(
    services: ServicesDep, version: VersionDep, ticker: TickerDep
) -> pl.DataFrame:
    """Return `return_1m` of a stock: one row, or none where it has no close in the window."""
    plan = queries.one_month_return(version, ticker)
    return await services.computing.frame((version.id, ticker, "one month"), plan)


# A ticker may hold a slash, so that the longer path is looked for first.


@router.get("/stocks/{ticker:path}/prices")
async def prices(
    services: ServicesDep,
    version: VersionDep,
    ticker: TickerDep,
    days: Annotated[
        int, Query(ge=1, le=20_000, description="maximum number of trading days", examples=[252])
    ] = 252,
) -> stock_models.Closes:
    """Last closes of a stock, oldest first."""
    newest = version.newest[ticker]
    if newest is None:
        return stock_models.Closes(prices=[])
    plan = queries.closes(version, ticker, newest, days)
    rows = await services.computing.frame((version.id, ticker, "closes", days), plan)
    return await asyncio.to_thread(_closes, rows)


def _closes(rows: pl.DataFrame) -> stock_models.Closes:
    return stock_models.Closes(prices=[stock_models.Close(**row) for row in rows.to_dicts()])


@router.get("/stocks/{ticker:path}/events")
async def events(
    services: ServicesDep, version: VersionDep, ticker: ObservedTickerDep
) -> stock_models.Events:
    """Splits, dividends and jumps of a stock, what changed of it, and when that was seen."""
    plans = event_plans(version.lake, ticker)
    rows = {
        name: await services.computing.frame((version.id, ticker, "events", name), plan)
        for name, plan in plans.items()
    }
    if not any(frame.height for frame in rows.values()):
        ticker_named(ticker, version.newest)
    return await asyncio.to_thread(_events, version, ticker, rows)


def _events(version: Version, ticker: str, rows: Mapping[str, pl.DataFrame]) -> stock_models.Events:
    return stock_models.Events(
        ticker=ticker,
        remembered_since=version.lake.observed_since,
        events=[stock_models.Event(**vars(event)) for event in events_of(rows)],
    )


@router.get("/stocks/{ticker:path}")
def stock(
    version: VersionDep,
    ticker: TickerDep,
    month: Annotated[pl.DataFrame, Depends(one_month_return)],
) -> stock_models.Stock:
    """Facts of a stock on the date of the rankings."""
    row = views.finite(version.rankings.filter(ticker=ticker)).row(0, named=True)
    facts = row | {"pfcf": row["p_fcf"]} | (month.row(0, named=True) if month.height else {})
    return stock_models.Stock(**{name: facts.get(name) for name in stock_models.Stock.model_fields})
