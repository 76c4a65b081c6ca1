"""Frames as HTTP answers: the format that was asked for, an entity tag, and 304 if it is known."""

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from io import BytesIO
from typing import Final, NamedTuple

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
WEIGHT: Final = re.compile(r"\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*")


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
    """Return the format that is named, else what `Accept` likes best; 406 where it likes none.

    As RFC 9110 §12.5.1 says, the weight of a type is that of the most specific range that it is in,
    and 0 excludes it. Of equal weights the more specific range comes first, then the order in which
    the client names them, then the order of `Format`.
    """
    if form is not None:
        return form
    ranges = [_accepted(part) for part in (accept or "*/*").lower().split(",")]
    likings = {name: _liking(ranges, media) for name, media in MEDIA.items()}
    best = max(likings, key=likings.__getitem__)
    if likings[best].weight > 0:
        return best
    named = ", ".join(media for media, _ in ranges)
    raise HTTPException(
        406, f"no answer of type {named[:80]!r}; expected {', '.join(MEDIA.values())}"
    )


class Liking(NamedTuple):
    """How much a client likes a type; the larger the better."""

    weight: float
    specificity: int = 0
    place: int = 0
    """0 for what is named first, and less for what follows."""


NONE: Final = Liking(0.0)


def _liking(ranges: Sequence[tuple[str, float]], media: str) -> Liking:
    """Return what the most specific of the ranges says of a type."""
    wider = ("*/*", f"{media.partition('/')[0]}/*", media)
    found = (
        Liking(weight, wider.index(name), -place)
        for place, (name, weight) in enumerate(ranges)
        if name in wider
    )
    return max(found, key=lambda liking: liking[1:], default=NONE)


def _accepted(part: str) -> tuple[str, float]:
    """Return a range of types and its weight."""
    media, *parameters = part.split(";")
    return media.strip(), _weight(parameters)


def _weight(parameters: Sequence[str]) -> float:
    weights = (WEIGHT.fullmatch(parameter) for parameter in parameters)
    return next((float(found[1]) for found in weights if found), 1.0)
