"""HEAD for every path that answers GET."""

from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Head:
    """Middleware: HEAD is answered as GET would be, without the body (RFC 9110 §9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app: Final = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, HEAD as GET."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        asked: dict[str, Any] = {**scope, "method": "GET"}
        try:
            await self._app(asked, receive, _without_body(send))
        except* _Enough:
            pass  # the headers of a stream are there, and nobody waits for its end
        finally:
            scope.update(asked, method="HEAD")


class _Enough(Exception):
    """Everything is sent that HEAD asks for."""


def _without_body(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] != "http.response.body":
            await send(message)
            return
        await send({"type": "http.response.body", "body": b""})
        if message.get("more_body"):
            raise _Enough

    return sending
