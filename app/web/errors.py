"""Turn errors into answers `{"detail": "…"}` by one table, without paths or stack traces."""

import logging
from collections.abc import Mapping
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from pipelines.errors import (
    BadDefinition,
    LakeError,
    NothingPublished,
    StockRankError,
    Unknown,
    WrongUsage,
)

logger = logging.getLogger(__name__)

RETRY_SECONDS: Final = 30


class Unavailable(Exception):
    """A request that cannot be served now, but can be later."""

    def __init__(self, detail: str, retry_seconds: int = RETRY_SECONDS) -> None:
        super().__init__(detail)
        self.retry_seconds: Final = retry_seconds


class Unreadable(LakeError):
    """The current version cannot be read, and no other is in memory."""


class RolledBack(LakeError):
    """The version that a request names was rolled back."""


STATUS: Final[Mapping[type[Exception], tuple[int, str | None]]] = {
    NothingPublished: (503, "no data is published yet; start a refresh with POST /data/sync-now"),
    Unreadable: (503, "the data cannot be read now; /health says why"),
    Unknown: (404, None),
    RolledBack: (409, None),
    BadDefinition: (422, None),
    WrongUsage: (422, None),
    StockRankError: (503, "the data cannot be read now; the log of the service says why"),
}
"""The status of an error, and a text in place of its own if that is for operators only."""
ALERTED: Final = (NothingPublished, Unreadable)
"""Errors that are alerts, so that the log does not tell of them at each request."""


def install(app: FastAPI) -> None:
    """Make an app answer every error with one sentence."""
    app.add_exception_handler(StockRankError, _domain)
    app.add_exception_handler(Unavailable, _unavailable)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _defect)


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return an answer that states the error in one sentence."""
    return JSONResponse({"detail": detail}, status, dict(headers or {}))


async def _domain(_: Request, error: Exception) -> JSONResponse:
    kind = next(k for k in type(error).__mro__ if k in STATUS)
    status, replacement = STATUS[kind]
    if status == 503 and not isinstance(error, ALERTED):
        logger.warning("%s: %s", type(error).__name__, error)
    return problem(status, replacement or str(error), _retry_after(status, RETRY_SECONDS))


async def _unavailable(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Unavailable)  # noqa: S101 - registered for this type alone
    return problem(503, str(error), _retry_after(503, error.retry_seconds))


def _retry_after(status: int, seconds: int) -> dict[str, str]:
    return {"Retry-After": str(seconds)} if status == 503 else {}


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    return problem(422, "; ".join(_sentence(e) for e in error.errors()))


def _sentence(error: Mapping[str, object]) -> str:
    """Return a sentence such as `query limit = 'x': Input should be a valid integer`."""
    location = error["loc"]
    name = (
        " ".join(str(step) for step in location) if isinstance(location, tuple) else str(location)
    )
    given = error.get("input")
    shown = f" = {given!r}"[:80] if isinstance(given, str | int | float) else ""
    return f"{name}{shown}: {error['msg']}"


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    return problem(error.status_code, error.detail, error.headers)


async def _defect(_: Request, error: Exception) -> JSONResponse:
    """Answer without details: the server logs the exception itself."""
    del error
    return problem(500, "the service failed on this request; its log says why")
