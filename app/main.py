"""The application: `create_app(settings)`, also `uvicorn --factory app.main:create_app`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi import FastAPI

from app.routes import cache, dashboard, data, operations, rankings, stocks, strategies
from app.services import serving
from app.web import Access, Head, Limits, Recall, errors, models
from pipelines import __version__
from pipelines.settings import Settings

BASE: Final = "/v1"
ROUTERS: Final = (
    strategies.router,
    rankings.router,
    stocks.router,
    data.router,
    cache.router,
    operations.router,
)
PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": models.Problem, "description": what}
    for status, what in {
        404: "A strategy, ticker or version that is not known",
        413: "A body that is too large",
        422: "A parameter that cannot be used",
        431: "An address or headers that are too large",
        503: "Nothing is published, or memory is critical; see Retry-After",
    }.items()
}


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service of some settings; of those in the environment if none are given."""
    chosen = settings or Settings.load()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with serving(chosen) as app.state.services:
            yield

    app = FastAPI(
        title="StockRank",
        version=__version__,
        description="Four rankings of Swedish stocks, and the service that computes them.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{BASE}/openapi.json",
        separate_input_output_schemas=False,
    )
    errors.install(app)
    app.add_middleware(Recall)
    app.add_middleware(Limits)
    app.add_middleware(Head)
    app.add_middleware(Access)
    for router in ROUTERS:
        app.include_router(router, prefix=BASE, responses=PROBLEMS)
        app.include_router(router, include_in_schema=False)
    app.include_router(dashboard.router)
    app.mount("/static", dashboard.Files(directory=dashboard.FOLDER / "static"))
    return app
