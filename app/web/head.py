"""Answer HEAD for every path that answers GET."""

from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Head:
    """Middleware: HEAD is answered as GET would be, without the body (RFC 9110 §9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app: Final = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; pass HEAD on as GET."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        as_get: dict[str, Any] = {**scope, "method": "GET"}
        try:
            await self._app(as_get, receive, _without_body(send))
        except* _BodyReached:
            pass  # the headers are sent; the rest of a stream is not awaited
        finally:
            scope.update(as_get, method="HEAD")


class _BodyReached(Exception):
    """Raised to end a stream after its headers, which are all that HEAD asks for."""


def _without_body(send: Send) -> Send:
    async def send_without_body(message: Message) -> None:
        if message["type"] != "http.response.body":
            await send(message)
            return
        await send({"type": "http.response.body", "body": b""})
        if message.get("more_body"):
            raise _BodyReached

    return send_without_body
