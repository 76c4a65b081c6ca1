"""`python -m app`: the service and its dashboard."""

from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from app.main import create_app
from pipelines import console
from pipelines.console import LogFormat
from pipelines.settings import Settings

LARGEST_HEAD = 16_384


def main(
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one.")] = None,
    log_format: Annotated[LogFormat, typer.Option(help="Lines of the log.")] = LogFormat.TEXT,
    config: Annotated[Path | None, typer.Option(help="Settings file.")] = None,
) -> None:
    """Serve the rankings, the refresh and the dashboard.

    Example: python -m app --port 8000
    """
    console.log_to_stderr(log_format)
    settings = Settings.load(config)
    uvicorn.run(
        create_app(settings),
        host=host or settings.host,
        port=settings.port if port is None else port,
        log_config=None,
        access_log=False,
        h11_max_incomplete_event_size=LARGEST_HEAD,
        timeout_graceful_shutdown=10,
    )


if __name__ == "__main__":
    console.run(main)
