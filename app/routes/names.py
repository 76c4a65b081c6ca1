"""Stocks by their names, and holdings as people have them."""

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Body, Query

from app.deps import ServicesDep, VersionDep
from app.services import Services
from app.serving import Version
from app.web import order_models
from pipelines.ranking import StockNames, names_of_stocks
from pipelines.research import HoldingsRead, decoded, read_holdings

router = APIRouter()

BYTES_OF_A_STOCK: Final = 2_000
"""What the names of a stock take in memory, roughly."""


async def names_of(services: Services, version: Version) -> StockNames:
    """Return the names of all stocks of a version."""
    key = (version.id, "names")
    known: StockNames | None = services.cache.get(key)
    if known is None:
        plan = names_of_stocks(version.lake)
        rows = await services.computing.frame((version.id, "rows of names"), plan)
        known = await asyncio.to_thread(StockNames.of, rows)
        services.cache.put(key, known, BYTES_OF_A_STOCK * rows.height)
    return known


@router.get("/stocks/search", tags=["stocks"])
async def search(
    services: ServicesDep,
    version: VersionDep,
    q: Annotated[
        str, Query(description="ticker, name or ISIN, or a part", max_length=100, examples=["volv"])
    ],
    limit: Annotated[
        int, Query(ge=1, le=100, description="maximum number of stocks", examples=[10])
    ] = 10,
) -> list[order_models.StockFound]:
    """Stocks by ticker, name or ISIN, best first; å is a, and some that are gone are among them."""
    names = await names_of(services, version)
    found = await asyncio.to_thread(names.search, q, limit)
    return [order_models.StockFound.model_validate(s, from_attributes=True) for s in found]


@router.post("/portfolio/holdings", tags=["portfolio"])
async def holdings(
    services: ServicesDep,
    version: VersionDep,
    sent: Annotated[
        bytes,
        Body(
            media_type="text/csv",
            description="lines such as VOLV B;100, or the CSV file of a broker as it comes",
            examples=["VOLV B;100"],
        ),
    ],
) -> order_models.HoldingsAnswer:
    """Holdings in a text; nothing of it is kept."""
    names = await names_of(services, version)
    found = await asyncio.to_thread(_read, sent, names)
    return order_models.HoldingsAnswer.model_validate(found, from_attributes=True)


def _read(sent: bytes, names: StockNames) -> HoldingsRead:
    return read_holdings(decoded(sent), names)
