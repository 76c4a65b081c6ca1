"""`python -m app`: the service and its dashboard."""

import logging
from pathlib import Path
from socket import socket
from types import FrameType
from typing import Annotated

import typer
import uvicorn
from fastapi import FastAPI

from app.main import create_app
from app.web import LARGEST_HEAD, DeadlineProtocol
from pipelines import console
from pipelines.console import LogFormat
from pipelines.runtime import keep_loaded
from pipelines.settings import Settings


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
    app = create_app(settings)
    app.openapi()  # built now, for it would hold up other requests when first asked for
    server(app, settings, host or settings.host, settings.port if port is None else port).run()


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


class _Server(uvicorn.Server):
    """A server that ends its live streams on a signal to stop, instead of waiting for them."""

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Start, and keep what is loaded out of the garbage collector's way."""
        await super().startup(sockets)
        keep_loaded()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop, and end the streams of events."""
        super().handle_exit(sig, frame)
        services = getattr(self.config.app.state, "services", None)  # type: ignore[union-attr]
        if services:
            services.events.close()


if __name__ == "__main__":
    console.run(main)
