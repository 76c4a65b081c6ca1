"""Frames as HTTP answers: the format that was asked for, an entity tag, and 304 if it is known."""

import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from io import BytesIO
from typing import Final

import polars as pl
from fastapi import HTTPException, Response
from starlette.datastructures import Headers

MAX_AGE: Final = 300


class Format(StrEnum):
    """How a ranking is written."""

    JSON = "json"
    CSV = "csv"
    ARROW = "arrow"
    PARQUET = "parquet"


MEDIA: Final[Mapping[Format, str]] = {
    Format.JSON: "application/json",
    Format.CSV: "text/csv",
    Format.ARROW: "application/vnd.apache.arrow.stream",
    Format.PARQUET: "application/vnd.apache.parquet",
}
ANY: Final = {"*/*", "application/*"}


def _arrow(frame: pl.DataFrame) -> bytes:
    whole = BytesIO()
    frame.write_ipc_stream(whole, compat_level=pl.CompatLevel.oldest())
    return whole.getvalue()


def _parquet(frame: pl.DataFrame) -> bytes:
    whole = BytesIO()
    frame.write_parquet(whole)
    return whole.getvalue()


WRITERS: Final[Mapping[Format, Callable[[pl.DataFrame], bytes]]] = {
    Format.JSON: lambda frame: frame.write_json().encode(),
    Format.CSV: lambda frame: frame.write_csv().encode(),
    Format.ARROW: _arrow,
    Format.PARQUET: _parquet,
}


@dataclass(frozen=True)
class Answer:
    """What is sent to whoever asks, and to a client that has it: written once, sent often."""

    tag: str
    whole: Response
    unchanged: Response

    @classmethod
    def of(cls, frame: pl.DataFrame, form: Format, key: Hashable, **headers: str) -> "Answer":
        """A frame written in a format; `key` says all that the body depends on."""
        tag = f'"{blake2b(repr(key).encode(), digest_size=12).hexdigest()}"'
        fixed = {
            "Content-Type": MEDIA[form],
            "ETag": tag,
            "Cache-Control": f"max-age={MAX_AGE}",
            "Vary": "Accept",
        }
        every = fixed | headers
        return cls(tag, Response(WRITERS[form](frame), headers=every), Response(None, 304, every))

    @property
    def size(self) -> int:
        """Bytes of the body."""
        return len(self.whole.body)

    def to(self, headers: Headers) -> Response:
        """The answer to a request with some headers, or 304 for a client that has it."""
        known = headers.get("if-none-match")
        return self.unchanged if known and _matches(known, self.tag) else self.whole


def _matches(known: str, tag: str) -> bool:
    """Whether an `If-None-Match` names the tag, weakly compared as RFC 9110 says."""
    return known.strip() == "*" or tag in (t.strip().removeprefix("W/") for t in known.split(","))


def chosen(accept: str | None, form: Format | None) -> Format:
    """The format that is named, else the one that `Accept` likes best; 406 where there is none."""
    if form is not None:
        return form
    wanted = _by_preference(accept or "*/*")
    for media in wanted:
        if media in ANY:
            return Format.JSON
        for known, name in MEDIA.items():
            if media == name:
                return known
    raise HTTPException(
        406, f"no answer of type {', '.join(wanted)[:80]!r}; expected {', '.join(MEDIA.values())}"
    )


def _by_preference(accept: str) -> list[str]:
    parts = [part.split(";") for part in accept.lower().split(",")]
    weighed = [(_weight(parameters), media.strip()) for media, *parameters in parts]
    return [media for weight, media in sorted(weighed, key=lambda w: -w[0]) if weight > 0]


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        if found := re.fullmatch(r"\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*", parameter):
            return float(found[1])
    return 1.0
