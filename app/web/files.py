"""The files of the pages: revalidated by browsers, and sent compressed to those that take it."""

import gzip
import os
from functools import lru_cache
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

TEXTS: Final = frozenset({".css", ".js", ".json", ".svg"})
"""The files that become smaller; a typeface is compressed already."""


class Files(StaticFiles):
    """Files that a browser must revalidate, or it could mix two releases."""

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope,
        status_code: int = 200,
    ) -> Response:  # fmt: skip
        """Return the file, or 304 for a browser that has it."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        asked = Headers(scope=scope)
        if response.status_code == 200 and Path(full_path).suffix in TEXTS:
            response.headers["Vary"] = "Accept-Encoding"
            if takes_gzip(asked) and "range" not in asked:
                response = self._small(response, Path(full_path), stat_result, asked)
        response.headers["Cache-Control"] = "no-cache"
        return response

    def _small(self, whole: Response, path: Path, stat: os.stat_result, asked: Headers) -> Response:
        tag = whole.headers["etag"].removesuffix('"') + '-gzip"'
        headers = {
            "Content-Type": whole.headers["content-type"],
            "Content-Encoding": "gzip",
            "ETag": tag,
            "Last-Modified": whole.headers["last-modified"],
            "Vary": "Accept-Encoding",
        }
        if tag in asked.get("if-none-match", ""):
            return NotModifiedResponse(Headers(headers))
        return Response(_compressed(path, stat.st_mtime_ns, stat.st_size), headers=headers)


def takes_gzip(asked: Headers) -> bool:
    """Return true if a client takes answers in gzip."""
    codings = (part.partition(";") for part in asked.get("accept-encoding", "").split(","))
    return any(
        name.strip().lower() == "gzip" and weight.replace(" ", "") not in ("q=0", "q=0.0")
        for name, _, weight in codings
    )


@lru_cache(maxsize=128)
def _compressed(path: Path, changed: int, size: int) -> bytes:  # noqa: ARG001 - they are the key
    """Return a file in gzip; the time and size tell one release from another."""
    return gzip.compress(path.read_bytes(), 9, mtime=0)
