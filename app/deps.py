"""Dependencies of the handlers: services, version, strategy, ticker and rankings."""

import re
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Annotated, Final

import polars as pl
from fastapi import Depends, HTTPException, Path, Query, Request
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from app.services import Services
from app.serving import Version
from app.web import slash_too_many
from pipelines.errors import InTheFuture, Unknown
from pipelines.lake import freshness, layout
from pipelines.ranking import Strategy, canonical_ticker, ticker_named
from pipelines.universe import Universe

# Dependencies are async so that FastAPI calls them in the event loop; it runs plain functions in
# threads, which is why handlers that work on frames are plain functions and take frames from here.


async def services_of(request: Request) -> Services:
    """Return the services of the app."""
    found: Services = request.app.state.services
    return found


ServicesDep = Annotated[Services, Depends(services_of)]


async def current_version(request: Request, services: ServicesDep) -> Version:
    """Return the published version, one and the same for the whole request."""
    return _told(request, await services.version(None))


CurrentDep = Annotated[Version, Depends(current_version)]


async def version_of_request(
    request: Request,
    services: ServicesDep,
    pinned: Annotated[
        str | None,
        Query(
            alias="version",
            description="id of a kept version; the current one by default",
            pattern=f"^{layout.VERSION_ID.pattern}$",
            examples=["20261120T181500Z-3fa1c2"],
        ),
    ] = None,
) -> Version:
    """Return the version that a request names, one and the same for the whole request."""
    return _told(request, await services.version(pinned))


VersionDep = Annotated[Version, Depends(version_of_request)]


def _told(request: Request, version: Version) -> Version:
    """Return a version, and let the answer tell its id."""
    request.state.version = version.id
    return version


async def verdict_today(services: ServicesDep, version: CurrentDep) -> freshness.Verdict:
    """Return the verdict on the published version today, and on the lake that it is in."""
    condition = await services.published.condition()
    return freshness.verdict(version.report, services.today, condition.trouble)


VerdictDep = Annotated[freshness.Verdict, Depends(verdict_today)]


async def strategy_of_path(
    services: ServicesDep,
    name: Annotated[str, Path(description="name of a strategy", examples=["trendande_varde"])],
) -> Strategy:
    """Return the strategy that a path names."""
    return named_strategy(services, name)


def named_strategy(services: Services, name: str) -> Strategy:
    """Return the strategy of that name; `Unknown` lists the names there are."""
    if name not in services.strategies:
        raise Unknown("strategy", name, services.strategies)
    return services.strategies[name]


StrategyDep = Annotated[Strategy, Depends(strategy_of_path)]


async def ticker_of_path(
    request: Request,
    version: VersionDep,
    ticker: Annotated[
        str,
        Path(
            description="ticker; VOLV B, VOLV-B and VOLV_B are the same",
            max_length=50,
            examples=["VOLV B"],
        ),
    ],
) -> str:
    """Return the ticker of a path as the lake writes it."""
    try:
        return ticker_named(ticker, version.newest)
    except Unknown:
        # A ticker may hold a slash, so that its paths take the one at the end as well.
        if ticker.endswith("/"):
            raise slash_too_many(request.scope) from None
        raise


TickerDep = Annotated[str, Depends(ticker_of_path)]


def observed_ticker(
    version: VersionDep,
    ticker: Annotated[
        str,
        Path(
            description="ticker, also one that has left the market",
            max_length=50,
            examples=["VOLV B"],
        ),
    ],
) -> str:
    """Return the ticker of a path, which need not be listed any more."""
    try:
        return ticker_named(ticker, version.newest)
    except Unknown:
        return canonical_ticker(ticker).upper()


ObservedTickerDep = Annotated[str, Depends(observed_ticker)]


@dataclass(frozen=True)
class Selection:
    """The version, universe and date of the rankings that a request asks for."""

    services: Services
    version: Version
    universe: Universe
    as_of: date

    async def rankings(self) -> pl.DataFrame:
        """Return all rankings of the universe on the date."""
        return await self.services.computing.rankings(self.version, self.universe, self.as_of)

    def on(self, day: date) -> "Selection":
        """Return the same selection on another date."""
        return Selection(self.services, self.version, self.universe, day)

    @cached_property
    def today(self) -> date:
        """Return the day of the request, one and the same for the whole of it."""
        return self.services.today

    @property
    def key(self) -> tuple[object, ...]:
        """Return everything on which the rankings and their age depend."""
        own = self.universe.strategies
        return *self.version.key, self.universe, own, self.as_of, self.today


ISO_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


def _checked_text(given: object) -> object:
    """Return a day as it was sent; refuse other texts, since pydantic reads numbers as seconds."""
    if isinstance(given, str) and not ISO_DAY.fullmatch(given):
        raise PydanticCustomError("day", "Input should be a day as YYYY-MM-DD")
    return given


IsoDay = Annotated[date, BeforeValidator(_checked_text)]

AsOf = Annotated[
    IsoDay | None,
    Query(description="date of the rankings; the newest by default", examples=["2026-11-20"]),
]
UniverseName = Annotated[
    str | None,
    Query(description="universe to rank; that of the service by default", examples=["sweden"]),
]


async def selection(
    services: ServicesDep, version: VersionDep, as_of: AsOf = None, universe: UniverseName = None
) -> Selection:
    """Return the selection that the parameters make."""
    return Selection(
        services,
        version,
        universe_named(services, universe),
        day_until_today(services, version, as_of, "as_of"),
    )


SelectionDep = Annotated[Selection, Depends(selection)]


async def selected_rankings(selection: SelectionDep) -> pl.DataFrame:
    """Return all rankings of the selection."""
    return await selection.rankings()


RankingsDep = Annotated[pl.DataFrame, Depends(selected_rankings)]


def day_until_today(services: Services, version: Version, day: date | None, name: str) -> date:
    """Return a day, that of the newest price for None; raise 422 for one in the future."""
    newest = version.lake.as_of
    if day is None:
        return newest
    if day > max(services.today, newest):
        raise HTTPException(422, str(InTheFuture(name, day, newest)))
    return day


def universe_named(services: Services, name: str | None) -> Universe:
    """Return the universe of that name, that of the service for None; raise 422 for another."""
    try:
        return services.settings.chosen_universe(name)
    except Unknown as error:
        raise HTTPException(422, str(error)) from None
