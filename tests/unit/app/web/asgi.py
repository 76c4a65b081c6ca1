"""Calls of an ASGI application without a server."""

import asyncio
from typing import Any

from starlette.types import ASGIApp, Message

Sent = list[Message]


def scope(**values: Any) -> dict[str, Any]:
    """The scope of a GET of `/`, with values of its own."""
    return {
        "type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [],
        "client": ("127.0.0.1", 50000),
    } | values  # fmt: skip


def call(app: ASGIApp, asked: dict[str, Any], *bodies: bytes) -> Sent:
    """The messages that an application sends, when the body comes in these pieces."""
    sent: Sent = []
    waiting = list(bodies) or [b""]

    async def receive() -> Message:
        body = waiting.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(waiting)}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(app(asked, receive, send))  # type: ignore[arg-type]
    return sent
