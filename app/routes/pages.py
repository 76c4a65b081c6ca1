"""The pages: those of investors, the operator's, and their files."""

import json
from pathlib import Path
from typing import Any, Final, Literal

from fastapi import APIRouter
from fastapi.responses import FileResponse, RedirectResponse, Response
from starlette.datastructures import Headers
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope

from app.jobs import NOTHING_NEW
from app.web import Files, prefers_html
from pipelines.lake import PHASES

FOLDER: Final = Path(__file__).parents[1]
TEMPLATES: Final = FOLDER / "templates"
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'; object-src 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
TERMS: Final = "".join(
    f"export const {name} = {json.dumps(value)};\n"
    for name, value in {
        "PHASES": list(PHASES),
        "NOTHING_NEW": NOTHING_NEW,
    }.items()
)
NO_STRATEGIES: Final = frozenset({"compare", "performance", "preview"})
"""What the paths below `/strategies` name besides strategies."""

router = APIRouter(include_in_schema=False)


def _page(name: str, **headers: str) -> FileResponse:
    file = TEMPLATES / f"{name}.html"
    return FileResponse(file, media_type="text/html; charset=utf-8", headers=HEADERS | headers)


@router.get("/")
@router.get("/portfolio")
@router.get("/backtest")
@router.get("/method")
@router.get("/status")
async def investor() -> FileResponse:
    """Return the shell of all pages; its script draws the page of the path."""
    return _page("shell")


@router.get("/stock/{ticker:path}")
async def stock(ticker: str) -> FileResponse:  # noqa: ARG001 - the script reads it
    """Return the page of a stock."""
    return _page("shell")


@router.get("/dashboard")
async def dashboard() -> RedirectResponse:
    """Lead to the operator's page."""
    return RedirectResponse("/status")


@router.get("/method.md")
@router.get("/method.{language}.md")
async def method(language: Literal["en", "sv"] = "en") -> FileResponse:
    """Return the methodology as it is written, in a language."""
    file = TEMPLATES / ("methodology.md" if language == "en" else f"methodology.{language}.md")
    media = "text/markdown; charset=utf-8"
    return FileResponse(file, media_type=media, headers={"Cache-Control": "no-cache"})


@router.get("/static/pages/terms.js")
async def terms() -> Response:
    """Return the terms of refreshes as a module of the page's script."""
    return Response(TERMS, media_type="text/javascript", headers={"Cache-Control": "no-cache"})


class StrategyPage(Route):
    """The page of a strategy, for clients that prefer HTML; its path is one of the API too."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match a path of a strategy whose client prefers a page and names no format."""
        found, child = super().matches(scope)
        if found is not Match.FULL or not _asks_for_page(scope, child):
            return Match.NONE, {}
        return found, child


def _asks_for_page(scope: Scope, child: Scope) -> bool:
    named = child["path_params"]["name"] in NO_STRATEGIES or b"format=" in scope["query_string"]
    return not named and prefers_html(Headers(scope=scope).get("accept"))


async def _strategy(_: Any) -> Response:
    return _page("shell", Vary="Accept")


STRATEGY_PAGE: Final[BaseRoute] = StrategyPage("/strategies/{name}", _strategy, methods=["GET"])


def static() -> Files:
    """Return the files of the pages."""
    return Files(directory=FOLDER / "static")
