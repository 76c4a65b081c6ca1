"""The live dashboard: one page and its files."""

import json
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response
from fastapi.staticfiles import StaticFiles

from app.jobs import NOTHING_NEW
from pipelines.lake import PHASES
from pipelines.ranking import FRACTIONS, REASONS

FOLDER: Final = Path(__file__).parents[1]
PAGE: Final = FOLDER / "templates" / "dashboard.html"
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'; object-src 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
TERMS: Final = "".join(
    f"export const {name} = {json.dumps(value)};\n"
    for name, value in {
        "FRACTIONS": FRACTIONS,
        "REASONS": dict(REASONS),
        "PHASES": list(PHASES),
        "NOTHING_NEW": NOTHING_NEW,
    }.items()
)


class Files(StaticFiles):
    """The files of the page; a browser must revalidate them, or it could mix two releases."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """Return the file, or 304 for a browser that has it."""
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


router = APIRouter(include_in_schema=False)


@router.get("/")
@router.get("/dashboard")
async def dashboard() -> FileResponse:
    """Return the page; everything it shows comes from the API."""
    return FileResponse(PAGE, media_type="text/html; charset=utf-8", headers=HEADERS)


@router.get("/static/js/terms.js")
async def terms() -> Response:
    """Return the terms of the rankings and refreshes as a module of the page's script."""
    return Response(TERMS, media_type="text/javascript", headers={"Cache-Control": "no-cache"})
