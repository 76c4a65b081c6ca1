"""`python -m app`: the service and its dashboard."""

if __name__ == "__main__":
    from pipelines.runtime import collect_nothing, stop_at_once

    stop_at_once()
    collect_nothing()

import logging
from collections import deque
from errno import EACCES, EADDRINUSE
from pathlib import Path
from socket import (
    AF_INET6,
    AI_PASSIVE,
    IPPROTO_IPV6,
    IPPROTO_TCP,
    IPV6_V6ONLY,
    SO_REUSEADDR,
    SOCK_STREAM,
    SOL_SOCKET,
    getaddrinfo,
    socket,
)
from types import FrameType
from typing import Annotated, Final

import typer
import uvicorn
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from app.main import create_app
from app.watch import wait_for_disk
from app.web import LARGEST_HEAD, DeadlineProtocol
from pipelines import console
from pipelines.console import LogFormat
from pipelines.errors import SettingsError
from pipelines.runtime import STOPPED, keep_loaded
from pipelines.settings import Settings

logger = logging.getLogger("app")
LARGEST_PORT: Final = 65_535
OTHER_PORT: Final = "name another with --port or STOCKRANK_PORT; 0 takes a free one"
OTHER_HOST: Final = "name an address of this machine with --host or STOCKRANK_HOST"
REMEDIES: Final = {EADDRINUSE: f"end the program that uses it, or {OTHER_PORT}", EACCES: OTHER_PORT}
"""What to do about an error of the system, by its number; for any other, `OTHER_HOST`."""
ANY_HOST: Final = ("0.0.0.0", "::", "")  # noqa: S104 - only compared
"""What stands for all addresses of this machine."""
Address = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
"""An address as the system names it."""


def main(
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one.")] = None,
    log_format: Annotated[LogFormat, typer.Option(help="Format of the log.")] = LogFormat.TEXT,
    config: Annotated[Path | None, typer.Option(help="Settings file.")] = None,
) -> None:
    """Serve the rankings, the refresh and the dashboard.

    Example: python -m app --port 8000
    """
    console.log_to_stderr(log_format)
    settings = Settings.load(config)
    logging.getLogger("app").setLevel(settings.log_level.upper())
    where = host or settings.host, settings.port if port is None else port
    wait_for_disk(settings.lake)
    sockets = listening(*where)
    app = create_app(settings)
    deque(iter_route_contexts(app.routes), 0)  # built now, for they would hold up the first request
    try:
        server(app, settings, *where).run(sockets)
    except KeyboardInterrupt:
        # The server has ended as it should, and logged that it has.
        raise typer.Exit(STOPPED) from None


def listening(host: str, port: int) -> list[socket]:
    """Return sockets on a port of all addresses of a host; `SettingsError` if that cannot be."""
    if not 0 <= port <= LARGEST_PORT:
        raise SettingsError(f"port {port} is not between 0 and {LARGEST_PORT}; {OTHER_PORT}")
    try:
        found = getaddrinfo(host, port, type=SOCK_STREAM, flags=AI_PASSIVE)
        addresses = dict.fromkeys((family, address) for family, *_, address in found)
        return [_listening(family, address) for family, address in addresses]
    except OSError as error:
        remedy = REMEDIES.get(error.errno or 0, OTHER_HOST)
        raise SettingsError(f"cannot listen on {host}:{port}: {error.strerror}; {remedy}") from None


def _listening(family: int, address: Address) -> socket:
    """Return a socket that takes an address at once after a server that has ended.

    Where its protocol is named, asyncio sends every part of an answer at once (`TCP_NODELAY`); else
    the second part waits some 40 ms until the client has confirmed the first.
    """
    one = socket(family, SOCK_STREAM, IPPROTO_TCP)
    one.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
    if family == AF_INET6:
        one.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 1)
    try:
        one.bind(address)
        one.listen()
    except OSError:
        one.close()
        raise
    return one


def server(app: FastAPI, settings: Settings, host: str, port: int) -> uvicorn.Server:
    """Return a server of the app; it believes `X-Forwarded-For` of the proxies that are set."""
    return _Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            http=DeadlineProtocol,
            ws="none",
            log_config=None,
            access_log=False,
            proxy_headers=bool(settings.proxies),
            forwarded_allow_ips=settings.proxies,
            h11_max_incomplete_event_size=LARGEST_HEAD,
            timeout_graceful_shutdown=10,
        )
    )


def page(host: str, port: int) -> str:
    """Return the address of the first page for a browser on this machine."""
    shown = "127.0.0.1" if host in ANY_HOST else host
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


class _Server(uvicorn.Server):
    """A server that ends its live streams on a signal to stop, instead of waiting for them."""

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Start, keep what is loaded out of the garbage collector's way, and say what to open."""
        await super().startup(sockets)
        if sockets:
            self._log_started_message(sockets)
        keep_loaded()
        if sockets and self.started:
            logger.info("open %s", page(self.config.host, sockets[0].getsockname()[1]))

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop, and end the streams of events."""
        super().handle_exit(sig, frame)
        services = getattr(self.config.app.state, "services", None)  # type: ignore[union-attr]
        if services:
            services.events.close()


if __name__ == "__main__":
    console.run(main)
