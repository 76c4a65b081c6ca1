"""Requests that are too large are refused before anything is done for them."""

from typing import Final

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import told

LARGEST_HEAD: Final = 16_384
"""Bytes of the address and the headers."""
LARGEST_BODY: Final = 64_000
"""Bytes; ten times a thousand tickers."""


class Limits:
    """Middleware: 431 for a head, and 413 for a declared body, that is too large.

    A server looks at the size of a head only while it is incomplete. A body that comes without a
    declared size is counted by the framework, where it is read.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app: Final = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        refusal = _refusal(scope) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)


def _refusal(scope: Scope) -> Response | None:
    headers = scope["headers"]
    head = len(scope["path"]) + len(scope["query_string"])
    head += sum(len(name) + len(value) for name, value in headers)
    if head > LARGEST_HEAD:
        return told(
            431, f"the address and the headers have {head:,} bytes; {LARGEST_HEAD:,} may be"
        )
    declared = next((value for name, value in headers if name == b"content-length"), b"0")
    if declared.isdigit() and int(declared) > LARGEST_BODY:
        return told(413, f"the body has {int(declared):,} bytes; {LARGEST_BODY:,} may be")
    return None
