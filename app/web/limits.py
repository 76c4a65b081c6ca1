"""Refuse requests that are too large before any work is done for them."""

from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.errors import problem

LARGEST_HEAD: Final = 16_384
"""Most bytes of the address and the headers together."""
LARGEST_BODY: Final = 64_000
"""Most bytes of a body: room for a thousand tickers of the greatest length."""


class Limits:
    """Middleware: answers 431 where the headers are too large, and 413 where the body is.

    A request that tells its size in two ways gets 400 and no second one on its connection: a proxy
    may have read it otherwise.

    Servers check the size of the headers only while they are incomplete. A body that does not
    declare its size is counted while it is read.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app: Final = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif refusal := _refusal(scope):
            await refusal(scope, receive, send)
        else:
            await self._app(scope, _counted(receive), send)


def _refusal(scope: Scope) -> Response | None:
    headers = scope["headers"]
    head = len(scope["path"]) + len(scope["query_string"])
    head += sum(len(name) + len(value) for name, value in headers)
    if head > LARGEST_HEAD:
        return problem(
            431, f"the address and headers have {head:,} bytes; at most {LARGEST_HEAD:,} are taken"
        )
    if {b"content-length", b"transfer-encoding"} <= {name for name, _ in headers}:
        return problem(
            400,
            "the request has two sizes; send either Content-Length or Transfer-Encoding",
            {"Connection": "close"},
        )
    declared = next((value for name, value in headers if name == b"content-length"), b"0")
    if declared.isdigit() and int(declared) > LARGEST_BODY:
        return problem(413, _too_large(int(declared)))
    return None


def _counted(receive: Receive) -> Receive:
    """Return a `receive` that raises 413 when the body has become too large."""
    read = 0

    async def counted() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > LARGEST_BODY:
            raise HTTPException(413, _too_large(read))
        return message

    return counted


def _too_large(size: int) -> str:
    return f"the body has {size:,} bytes or more; at most {LARGEST_BODY:,} are taken"
