"""Dependencies of the handlers: services, version, strategy, ticker, rankings and permission."""

import re
import secrets
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from ipaddress import ip_address
from typing import Annotated, Final
from urllib.parse import urlsplit

import polars as pl
from fastapi import Depends, HTTPException, Path, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from app.services import Services
from app.serving import Version
from app.web import Responses, slash_too_many
from pipelines.errors import InTheFuture, Unknown
from pipelines.lake import freshness
from pipelines.ranking import Strategy, canonical_ticker, ticker_named
from pipelines.universe import Universe

# Dependencies are async so that FastAPI calls them in the event loop; it runs plain functions in
# threads, which is why handlers that work on frames are plain functions and take frames from here.


async def services_of(request: Request) -> Services:
    """Return the services of the app."""
    found: Services = request.app.state.services
    return found


ServicesDep = Annotated[Services, Depends(services_of)]


async def current_version(services: ServicesDep) -> Version:
    """Return the published version, one and the same for the whole request."""
    return await services.published.current()


VersionDep = Annotated[Version, Depends(current_version)]


async def verdict_today(services: ServicesDep, version: VersionDep) -> freshness.Verdict:
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


# --------------------------------------------------------------------------------- permission

PROXY_HEADERS: Final = (
    "cf-connecting-ip",
    "forwarded",
    "true-client-ip",
    "via",
    "x-client-ip",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
)
"""The headers by which proxies say for whom they ask."""

bearer = HTTPBearer(
    auto_error=False,
    description="the token of STOCKRANK_API_TOKEN; without one only this machine may change state",
)


async def check_permission(
    request: Request,
    services: ServicesDep,
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> None:
    """Raise 401 without the right token; where none is set, raise 403 on any other machine."""
    token = services.settings.api_token
    if token is not None:
        _check_token(token.get_secret_value(), given)
    elif not (_is_loopback(request) and _is_direct(request) and _is_same_origin(request)):
        raise HTTPException(
            403,
            "only this machine may change state, by its own name and without a proxy; "
            "set STOCKRANK_API_TOKEN to let others",
        )


def _check_token(token: str, given: HTTPAuthorizationCredentials | None) -> None:
    sent = given.credentials if given else ""
    if not secrets.compare_digest(sent.encode(), token.encode()):
        raise HTTPException(
            401,
            "the bearer token is missing or wrong; send it as Authorization: Bearer TOKEN",
            {"WWW-Authenticate": "Bearer"},
        )


def _is_loopback(request: Request) -> bool:
    try:
        return request.client is not None and ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _is_direct(request: Request) -> bool:
    """Return false for a request that a proxy on this machine passes on for another one."""
    return _names_loopback(request) and not any(name in request.headers for name in PROXY_HEADERS)


def _names_loopback(request: Request) -> bool:
    """Return true if `Host` is a name of loopback; any other name may have been pointed here."""
    try:
        host = urlsplit(f"//{request.headers.get('host', '')}").hostname
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False


def _is_same_origin(request: Request) -> bool:
    """Return false for a request that a browser on this machine sends for another site."""
    origin = request.headers.get("origin")
    host = request.headers.get("host")
    return origin is None or origin in (f"http://{host}", f"https://{host}")


Permitted = Depends(check_permission)
PERMISSION_PROBLEMS: Final = Responses.problems(
    {
        401: "The token is missing or wrong",
        403: "No token is set, and this is another machine or a proxy",
    }
)
"""The errors of `Permitted`."""
