"""Who may change state: whoever has the token, or this machine where none is set."""

import secrets
from ipaddress import ip_address
from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.deps import ServicesDep
from app.web import Responses

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
