"""Give every request an id, a duration in its answer, and a line in the log."""

import logging
import re
import time
from collections.abc import Mapping, MutableMapping
from secrets import token_hex
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger("app.access")

METHODS: Final = {"GET", "HEAD", "POST"}
"""Methods that are counted by name. Clients may send any word; each would become a metric."""
QUIET: Final = re.compile(r"(/v1)?/(health(/.*)?|metrics)|/static/.*")
"""The paths of probes, scrapes and files of the page, which are logged at debug level only."""
REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class Access:
    """Middleware: `X-Request-ID`, `Server-Timing`, the access log, and counts by route.

    `StockRank-Version` is the version that answers, where one does.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app: Final = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; log and count the answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, request_id, status = time.perf_counter(), _request_id(scope), 500
        state = scope.setdefault("state", {})

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                took = 1000 * (time.perf_counter() - start)
                added = [*_added_headers(request_id, took), *_version_header(state)]
                message["headers"] = [*message["headers"], *added]
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            _log_and_count(scope, request_id, status, time.perf_counter() - start)


def _request_id(scope: Scope) -> bytes:
    """Return the id that the client or a proxy sent, if it is well formed; else a new one."""
    given = next((v for k, v in scope["headers"] if k == b"x-request-id"), b"")
    return given if REQUEST_ID.fullmatch(given) else token_hex(8).encode()


def _added_headers(request_id: bytes, milliseconds: float) -> list[tuple[bytes, bytes]]:
    return [
        (b"x-request-id", request_id),
        (b"server-timing", f"app;dur={milliseconds:.2f}".encode()),
        (b"x-content-type-options", b"nosniff"),
    ]


def _version_header(state: Mapping[str, Any]) -> list[tuple[bytes, bytes]]:
    version = state.get("version")
    return [(b"stockrank-version", version.encode())] if version else []


def _log_and_count(scope: Scope, request_id: bytes, status: int, seconds: float) -> None:
    services = getattr(scope["app"].state, "services", None)
    if services is not None:
        _count(services.requests, scope, status)
    level = logging.DEBUG if QUIET.fullmatch(scope["path"]) else logging.INFO
    if logger.isEnabledFor(level):
        client = scope.get("client")
        fields = {
            "method": scope["method"],
            "path": scope["path"],
            "status": status,
            "milliseconds": round(1000 * seconds, 2),
            "client": client[0] if client else None,
            "request_id": request_id.decode(),
        }
        logger.log(level, "%(method)s %(path)s %(status)s", fields, extra={"fields": fields})


def _count(counts: MutableMapping[Any, int], scope: Scope, status: int) -> None:
    route = getattr(scope.get("route"), "path", "unknown").replace(":path}", "}")
    by_name = route != "unknown" and scope["method"] in METHODS
    key = (scope["method"] if by_name else "any", route, status)
    counts[key] = counts.get(key, 0) + 1
