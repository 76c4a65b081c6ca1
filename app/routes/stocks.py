"""Single stocks."""

import asyncio
from typing import Annotated

import polars as pl
from fastapi import APIRouter, Depends, Query

from app.deps import ServicesDep, TickerDep, VersionDep
from app.serving import queries, views
from app.web import models

router = APIRouter(tags=["stocks"])


async def one_month(services: ServicesDep, version: VersionDep, ticker: TickerDep) -> pl.DataFrame:
    """`return_1m` of a stock, a row if it has any close in the window."""
    plan = queries.one_month_return(version, ticker)
    return await services.computing.frame((version.id, ticker, "one month"), plan)


@router.get("/stocks/{ticker}")
def stock(
    version: VersionDep, ticker: TickerDep, month: Annotated[pl.DataFrame, Depends(one_month)]
) -> models.Stock:
    """What is known of a stock on the date of the rankings."""
    row = views.finite(version.rankings.filter(ticker=ticker)).row(0, named=True)
    known = row | {"pfcf": row["p_fcf"]} | (month.row(0, named=True) if month.height else {})
    return models.Stock(**{name: known.get(name) for name in models.Stock.model_fields})


@router.get("/stocks/{ticker}/prices")
async def prices(
    services: ServicesDep,
    version: VersionDep,
    ticker: TickerDep,
    days: Annotated[
        int, Query(ge=1, le=20_000, description="at most so many trading days", examples=[252])
    ] = 252,
) -> models.Closes:
    """The last closes of a stock, oldest first."""
    newest = version.newest[ticker]
    if newest is None:
        return models.Closes(prices=[])
    plan = queries.closes(version.lake, ticker, newest, days)
    rows = await services.computing.frame((version.id, ticker, "closes", days), plan)
    return await asyncio.to_thread(_closes, rows)


def _closes(rows: pl.DataFrame) -> models.Closes:
    return models.Closes(prices=[models.Close(**row) for row in rows.to_dicts()])
