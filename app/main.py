"""The application: `create_app(settings)`, also `uvicorn --factory app.main:create_app`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from threading import Lock
from typing import Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse

from app.routes import (
    cache,
    compare,
    data,
    definitions,
    explanations,
    front,
    names,
    nordic,
    operations,
    orders,
    pages,
    performance,
    rankings,
    reminders,
    research,
    stocks,
    strategies,
)
from app.running import running_services
from app.web import Access, Head, Limits, Recall, Responses, errors, with_redirects
from pipelines import __version__
from pipelines.settings import Settings

BASE: Final = "/v1"
ROUTERS: Final = (
    front.router,
    performance.router,  # its path is none of a strategy
    strategies.router,
    explanations.router,
    definitions.router,
    rankings.router,
    orders.router,
    research.router,
    nordic.router,
    reminders.router,
    compare.router,
    names.router,  # its path is none of a ticker
    stocks.router,
    data.router,
    cache.router,
    operations.router,
)
PROBLEMS: Final = Responses.problems(
    {
        400: "The request tells its size in two ways",
        404: "Unknown strategy, ticker, version or refresh",
        409: "The version was rolled back",
        413: "The body is too large",
        422: "A parameter has a value that cannot be used",
        431: "The address and headers are too large",
        503: "Nothing is published, or memory is critical; see Retry-After",
    }
)
BUILDING: Final = Lock()
"""Held while the document of the API is built: those who ask meanwhile wait for the same one."""


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the service for some settings, by default those of the environment."""
    effective = settings or Settings.load()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with running_services(effective) as app.state.services:
            yield

    app = FastAPI(
        title="StockRank",
        version=__version__,
        description="Rankings of Nordic stocks, and the service that computes them.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,  # `_document` answers it
        redirect_slashes=False,  # `with_redirects` does it, without the host that the client sent
        separate_input_output_schemas=False,
    )
    app.add_route(f"{BASE}/openapi.json", _document)
    errors.install(app)
    app.add_middleware(Recall)
    app.add_middleware(Limits)
    app.add_middleware(Head)
    app.add_middleware(Access)
    app.router.routes.append(pages.STRATEGY_PAGE)  # before the path of the API, which is the same
    for router in ROUTERS:
        app.include_router(router, prefix=BASE, responses=PROBLEMS)
        app.include_router(router, include_in_schema=False)
    app.include_router(pages.router)
    app.router.default = with_redirects(app.router)
    app.mount("/static", pages.static())
    return app


def _document(request: Request) -> JSONResponse:
    """Return what the API is; built in a thread when first asked for, beside other requests."""
    with BUILDING:
        document = request.app.openapi()
    return JSONResponse(document)
