"""Lead a client that writes a slash too many after a path to the path without it."""

from typing import Final
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.routing import Match, Router
from starlette.types import ASGIApp, Receive, Scope, Send

AS_SENT: Final = "/%?=&+,:;@!$'()*"
"""The characters of a query that stay as they are; what the client has quoted stays quoted."""


def slash_too_many(scope: Scope) -> HTTPException:
    """Return the answer that leads to the path without the slash.

    It names no host: the client's may be one that was forged.
    """
    path, query = quote(_without_slash(scope)), quote(scope["query_string"], safe=AS_SENT)
    address = f"{path}?{query}" if query else path
    return HTTPException(
        307, f"the path is {path}, without a slash after it", {"Location": address}
    )


def with_redirects(router: Router) -> ASGIApp:
    """Return what answers paths without a route: a redirect where one has no slash, else 404."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if _has_route(router, scope):
            raise slash_too_many(scope)
        await router.not_found(scope, receive, send)

    return answer


def _has_route(router: Router, scope: Scope) -> bool:
    there = {**scope, "path": _without_slash(scope)}
    return there["path"] != scope["path"] and any(
        route.matches(there)[0] is not Match.NONE for route in router.routes
    )


def _without_slash(scope: Scope) -> str:
    path: str = scope["path"]
    return path.rstrip("/")
