"""Write frames as HTTP answers: in the requested format, with an entity tag, or 304."""

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from io import BytesIO
from typing import Final, Literal, NamedTuple, Self

import polars as pl
from fastapi import HTTPException, Response
from starlette.datastructures import Headers

MAX_AGE: Final = 300
"""Seconds for which a client may keep an answer without asking again."""


class Format(StrEnum):
    """The formats of a ranking."""

    JSON = "json"
    CSV = "csv"
    ARROW = "arrow"
    PARQUET = "parquet"
    XLSX = "xlsx"


Locale = Literal["sv"]
"""The languages whose spreadsheets read other CSV files than ours."""
MEDIA: Final[Mapping[Format, str]] = {
    Format.JSON: "application/json",
    Format.CSV: "text/csv",
    Format.ARROW: "application/vnd.apache.arrow.stream",
    Format.PARQUET: "application/vnd.apache.parquet",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
MEDIA_WEIGHT: Final = re.compile(r"\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*")


def _arrow(frame: pl.DataFrame) -> bytes:
    whole = BytesIO()
    frame.write_ipc_stream(whole, compat_level=pl.CompatLevel.oldest())
    return whole.getvalue()


def _parquet(frame: pl.DataFrame) -> bytes:
    whole = BytesIO()
    frame.write_parquet(whole)
    return whole.getvalue()


def _xlsx(frame: pl.DataFrame) -> bytes:
    whole = BytesIO()
    frame.write_excel(whole, freeze_panes=(1, 0), autofit=True, float_precision=6)
    return whole.getvalue()


def _swedish_csv(frame: pl.DataFrame) -> bytes:
    """Write CSV as a Swedish Excel opens it: semicolons, decimal commas, a mark for UTF-8."""
    return frame.write_csv(separator=";", decimal_comma=True, include_bom=True).encode()


WRITERS: Final[Mapping[Format, Callable[[pl.DataFrame], bytes]]] = {
    Format.JSON: lambda frame: frame.write_json().encode(),
    Format.CSV: lambda frame: frame.write_csv().encode(),
    Format.ARROW: _arrow,
    Format.PARQUET: _parquet,
    Format.XLSX: _xlsx,
}


@dataclass(frozen=True)
class TaggedAnswer:
    """An answer that is written once and sent often, with the 304 for clients that have it."""

    tag: str
    whole: Response
    unchanged: Response

    @classmethod
    def of(
        cls, frame: pl.DataFrame, file_format: Format, key: Hashable,
        locale: Locale | None = None, **headers: str,
    ) -> Self:  # fmt: skip
        """Write a frame in a format; `key` holds everything on which the body depends."""
        write = _swedish_csv if locale else WRITERS[file_format]
        tag = f'"{blake2b(repr(key).encode(), digest_size=12).hexdigest()}"'
        standard = {
            "Content-Type": MEDIA[file_format],
            "ETag": tag,
            "Cache-Control": f"max-age={MAX_AGE}",
            "Vary": "Accept",
        }
        sent = standard | headers
        return cls(tag, Response(write(frame), headers=sent), Response(None, 304, sent))

    @property
    def size(self) -> int:
        """Return the bytes of the body."""
        return len(self.whole.body)

    def to(self, headers: Headers) -> Response:
        """Return the answer to a request with these headers; 304 for a client that has it."""
        tags = headers.get("if-none-match")
        return self.unchanged if tags and _matches(tags, self.tag) else self.whole


def _matches(tags: str, tag: str) -> bool:
    """Return true if an `If-None-Match` names the tag, by the weak comparison of RFC 9110."""
    return tags.strip() == "*" or tag in (t.strip().removeprefix("W/") for t in tags.split(","))


def negotiated(accept: str | None, named: Format | None) -> Format:
    """Return the named format, else the one that `Accept` prefers; raise 406 where it takes none.

    By RFC 9110 §12.5.1 the weight of a type is that of the most specific range that covers it, and
    0 excludes it. Between equal weights the more specific range wins, then the order in which the
    client names them, then the order of `Format`.
    """
    if named is not None:
        return named
    ranges = [_media_range(text) for text in (accept or "*/*").lower().split(",")]
    preferences = {name: _preference(ranges, media) for name, media in MEDIA.items()}
    best = max(preferences, key=preferences.__getitem__)
    if preferences[best].weight > 0:
        return best
    accepted = ", ".join(media for media, _ in ranges)
    raise HTTPException(
        406, f"no answer of type {accepted[:80]!r}; expected {', '.join(MEDIA.values())}"
    )


def prefers_html(accept: str | None) -> bool:
    """Return true if `Accept` names HTML, and gives no format of the API more weight."""
    ranges = [_media_range(text) for text in (accept or "").lower().split(",")]
    html = max((weight for name, weight in ranges if name == "text/html"), default=0.0)
    named = (weight for name, weight in ranges if name in MEDIA.values())
    return html > 0 and html >= max(named, default=0.0)


class Preference(NamedTuple):
    """The rank of a type in an `Accept` header; the largest wins."""

    weight: float
    specificity: int = 0
    place: int = 0
    """0 for the type that is named first, -1 for the second, and so on."""


NOT_ACCEPTED: Final = Preference(0.0)


def _preference(ranges: Sequence[tuple[str, float]], media: str) -> Preference:
    """Return the preference for a type by the most specific range that covers it."""
    wider = ("*/*", f"{media.partition('/')[0]}/*", media)
    found = (
        Preference(weight, wider.index(name), -place)
        for place, (name, weight) in enumerate(ranges)
        if name in wider
    )
    return max(found, key=lambda preference: preference[1:], default=NOT_ACCEPTED)


def _media_range(text: str) -> tuple[str, float]:
    """Split a range of `Accept` into its types and its weight."""
    media, *parameters = text.split(";")
    return media.strip(), _weight(parameters)


def _weight(parameters: Sequence[str]) -> float:
    weights = (MEDIA_WEIGHT.fullmatch(parameter) for parameter in parameters)
    return next((float(found[1]) for found in weights if found), 1.0)
