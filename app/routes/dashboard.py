"""The live dashboard: one page and its files."""

from pathlib import Path
from typing import Final

from fastapi import APIRouter
from fastapi.responses import FileResponse

PAGE: Final = Path(__file__).parents[1] / "templates" / "dashboard.html"
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'; object-src 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}

router = APIRouter(include_in_schema=False)


@router.get("/")
@router.get("/dashboard")
async def dashboard() -> FileResponse:
    """The page; everything it shows comes from the API."""
    return FileResponse(PAGE, media_type="text/html; charset=utf-8", headers=HEADERS)
