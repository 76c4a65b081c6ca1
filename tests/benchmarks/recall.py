"""A request for a cached ranking with and without the recall of known requests, in process.

Example: python -m tests.benchmarks.recall --rounds 5

Both applications serve a small demo market, and differ only in the middleware `Recall`. A request
is a call of the application with the scope of HTTP; there is no server and no socket between. The
rounds alternate between both, and the medians of the rounds are printed.
"""

import asyncio
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from fastapi import FastAPI
from starlette.types import Message

from app.main import create_app
from app.web import Recall
from pipelines import console
from pipelines.demo import make_market
from pipelines.export import export
from pipelines.settings import Settings
from pipelines.universe import SWEDEN

PATH = "/v1/strategies/trendande_varde"
STOCKS, YEARS = 150, 3
REQUESTS = 2_000


def application(settings: Settings, *, with_recall: bool) -> FastAPI:
    """Build the service, without the middleware if told so."""
    app = create_app(settings)
    if not with_recall:
        app.user_middleware = [m for m in app.user_middleware if m.cls is not Recall]
    return app


async def ask(app: FastAPI) -> int:
    """Ask for a ranking; return the status."""
    statuses: list[int] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        statuses.extend(filter(None, [message.get("status")]))

    scope: dict[str, Any] = {
        "type": "http", "method": "GET", "path": PATH, "raw_path": PATH.encode(), "headers": [],
        "query_string": b"", "http_version": "1.1", "scheme": "http", "root_path": "",
        "server": ("127.0.0.1", 8000), "client": ("127.0.0.1", 50000), "asgi": {"version": "3.0"},
    }  # fmt: skip
    await app(scope, receive, send)
    return statuses[0]


async def microseconds(app: FastAPI) -> float:
    """Return the mean duration of a request."""
    start = time.perf_counter()
    for _ in range(REQUESTS):
        assert await ask(app) == 200
    return 1e6 * (time.perf_counter() - start) / REQUESTS


async def measure(settings: Settings, rounds: int) -> Mapping[str, float]:
    """Return the median of the rounds for both applications."""
    recalling = application(settings, with_recall=True)
    plain = application(settings, with_recall=False)
    async with recalling.router.lifespan_context(recalling), plain.router.lifespan_context(plain):
        found: dict[str, list[float]] = {"with recall": [], "without": []}
        for _ in range(rounds):
            found["with recall"].append(await microseconds(recalling))
            found["without"].append(await microseconds(plain))
    return {name: statistics.median(values) for name, values in found.items()}


def main(
    *, rounds: Annotated[int, typer.Option(min=1, help="Rounds of both applications.")] = 5
) -> None:
    """Measure a request for a cached ranking with and without the recall of known requests.

    Example: python -m tests.benchmarks.recall --rounds 5
    """
    with TemporaryDirectory(prefix="stockrank-bench-") as name:
        source, lake = Path(name) / "app.db", Path(name) / "lake"
        make_market(source, stocks=STOCKS, years=YEARS)
        export(source, lake, SWEDEN)
        found = asyncio.run(measure(Settings(source=source, lake=lake), rounds))
    for what, duration in found.items():
        console.write(f"{what}: {duration:.0f} µs a request")


if __name__ == "__main__":
    console.run(main)
