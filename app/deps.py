"""What handlers are given: the services, the version of this request, the strategy, permission."""

import re
import secrets
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from ipaddress import ip_address
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import polars as pl
from fastapi import Depends, HTTPException, Path, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from app.services import Services
from app.serving import Version
from app.web import models
from pipelines.errors import Unknown
from pipelines.ranking import Strategy, strategy_named, ticker_named
from pipelines.universe import Universe

# Async, though few of them wait: FastAPI runs plain functions in threads. Handlers that work with
# frames are plain functions for that very reason, and get the frames from here.


async def services(request: Request) -> Services:
    """The services of the app."""
    found: Services = request.app.state.services
    return found


ServicesDep = Annotated[Services, Depends(services)]


async def version(services: ServicesDep) -> Version:
    """The published version, the same for the whole request."""
    return await services.published.current()


VersionDep = Annotated[Version, Depends(version)]


async def strategy(
    name: Annotated[str, Path(description="name of a strategy", examples=["trendande_varde"])],
) -> Strategy:
    """The strategy of a path."""
    return strategy_named(name)


StrategyDep = Annotated[Strategy, Depends(strategy)]


async def ticker(
    version: VersionDep,
    ticker: Annotated[
        str,
        Path(description="VOLV B, VOLV-B and VOLV_B are one", max_length=50, examples=["VOLV B"]),
    ],
) -> str:
    """The ticker of a path, as the lake writes it."""
    return ticker_named(ticker, version.newest)


TickerDep = Annotated[str, Depends(ticker)]


@dataclass(frozen=True)
class Asked:
    """Which rankings are asked for."""

    services: Services
    version: Version
    universe: Universe
    as_of: date

    async def rankings(self) -> pl.DataFrame:
        """All rankings of the universe on the date."""
        return await self.services.computing.rankings(self.version, self.universe, self.as_of)

    @cached_property
    def today(self) -> date:
        """The day of the request, the same for the whole of it."""
        return self.services.today

    @property
    def key(self) -> tuple[object, ...]:
        """What the rankings and their age depend on."""
        return *self.version.key, self.universe, self.as_of, self.today


ISO: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


def _written(given: object) -> object:
    """The text of a day: a number would be taken for seconds since 1970."""
    if isinstance(given, str) and not ISO.fullmatch(given):
        raise PydanticCustomError("day", "Input should be a day as YYYY-MM-DD")
    return given


Day = Annotated[date, BeforeValidator(_written)]

AsOf = Annotated[
    Day | None,
    Query(description="date of the rankings; default the newest", examples=["2026-11-20"]),
]
UniverseName = Annotated[
    str | None,
    Query(description="universe to rank; default that of the service", examples=["sweden"]),
]


async def asked(
    services: ServicesDep, version: VersionDep, as_of: AsOf = None, universe: UniverseName = None
) -> Asked:
    """The rankings that the parameters name."""
    return Asked(
        services, version, _universe(services, universe), past(services, version, as_of, "as_of")
    )


AskedDep = Annotated[Asked, Depends(asked)]


async def rankings(asked: AskedDep) -> pl.DataFrame:
    """All rankings that the parameters name."""
    return await asked.rankings()


RankingsDep = Annotated[pl.DataFrame, Depends(rankings)]


def past(services: Services, version: Version, day: date | None, name: str) -> date:
    """A date up to today, the newest with a price if none is given; 422 for a later one."""
    newest = version.lake.as_of
    if day is None:
        return newest
    if day > max(services.today, newest):
        raise HTTPException(
            422, f"{name} {day} lies in the future; the newest prices are of {newest}"
        )
    return day


def _universe(services: Services, name: str | None) -> Universe:
    try:
        return services.settings.chosen_universe(name)
    except Unknown as error:
        raise HTTPException(422, str(error)) from None


# --------------------------------------------------------------------------------- permission

bearer = HTTPBearer(
    auto_error=False,
    description="the token of STOCKRANK_API_TOKEN; without one only loopback may change state",
)


async def permitted(
    request: Request,
    services: ServicesDep,
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> None:
    """Let through who may change state; 401 without the right token, 403 where none is set."""
    token = services.settings.api_token
    if token is not None:
        _check_token(token.get_secret_value(), given)
    elif not (_is_loopback(request) and _is_same_origin(request)):
        raise HTTPException(
            403, "state changes are for this machine only; set STOCKRANK_API_TOKEN to allow others"
        )


def _check_token(token: str, given: HTTPAuthorizationCredentials | None) -> None:
    sent = given.credentials if given else ""
    if not secrets.compare_digest(sent.encode(), token.encode()):
        raise HTTPException(
            401,
            "the bearer token is missing or wrong; send Authorization: Bearer and the token",
            {"WWW-Authenticate": "Bearer"},
        )


def _is_loopback(request: Request) -> bool:
    try:
        return request.client is not None and ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _is_same_origin(request: Request) -> bool:
    """Whether the request is no other site's, sent by a browser on this machine."""
    origin = request.headers.get("origin")
    host = urlsplit(f"//{request.headers.get('host', '')}")
    if origin is None:
        return True
    return urlsplit(origin).netloc == host.netloc and _names_loopback(host.hostname)


def _names_loopback(host: str | None) -> bool:
    """Whether a name is this machine's: another one may have been pointed here."""
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False


Permitted = Depends(permitted)
PERMISSION: Final[dict[int | str, dict[str, Any]]] = {
    401: {"model": models.Problem, "description": "The token is missing or wrong"},
    403: {"model": models.Problem, "description": "No token is set, and this is another machine"},
}
"""What `Permitted` answers to those who may not."""
