"""Frames as answers: the bytes of each format, the entity tag, and 304."""

import polars as pl
import pytest
from fastapi import HTTPException
from polars.testing import assert_frame_equal
from starlette.datastructures import Headers

from app.web.formats import Format, TaggedAnswer, negotiated

FRAME = pl.DataFrame({"ticker": ["AA B", "BB"], "rank": [1, 2]})
KEY = ("20261120T170000Z-abcdef", "trendande_varde", (0, 10))


def answer(file_format: Format = Format.JSON) -> TaggedAnswer:
    return TaggedAnswer.of(FRAME, file_format, KEY)


@pytest.mark.parametrize(
    ("file_format", "body"),
    [
        (Format.JSON, b'[{"ticker":"AA B","rank":1},{"ticker":"BB","rank":2}]'),
        (Format.CSV, b"ticker,rank\nAA B,1\nBB,2\n"),
    ],
)
def test_texts_are_written_whole(file_format: Format, body: bytes) -> None:
    assert answer(file_format).whole.body == body
    assert answer(file_format).size == len(body)


def test_binary_formats_hold_the_frame() -> None:
    assert_frame_equal(pl.read_ipc_stream(bytes(answer(Format.ARROW).whole.body)), FRAME)
    assert_frame_equal(pl.read_parquet(bytes(answer(Format.PARQUET).whole.body)), FRAME)


def test_the_tag_is_that_of_the_key() -> None:
    same, other = TaggedAnswer.of(FRAME, Format.CSV, KEY), TaggedAnswer.of(FRAME, Format.JSON, "x")
    assert answer().tag == same.tag != other.tag


def test_headers_are_those_of_the_whole_and_of_304() -> None:
    sent = TaggedAnswer.of(FRAME, Format.CSV, KEY, **{"Content-Disposition": "attachment"})
    for response in (sent.whole, sent.unchanged):
        assert response.headers["etag"] == sent.tag
        assert response.headers["cache-control"] == "max-age=300"
        assert response.headers["content-disposition"] == "attachment"
    assert (sent.unchanged.status_code, sent.unchanged.body) == (304, b"")


@pytest.mark.parametrize("given", ["{tag}", "W/{tag}", '"other", {tag}', " * "])
def test_a_client_that_has_the_answer_gets_304(given: str) -> None:
    one = answer()
    headers = Headers({"if-none-match": given.format(tag=one.tag)})
    assert one.to(headers) is one.unchanged


@pytest.mark.parametrize("headers", [{}, {"if-none-match": '"other"'}, {"if-none-match": ""}])
def test_any_other_client_gets_the_whole(headers: dict[str, str]) -> None:
    one = answer()
    assert one.to(Headers(headers)) is one.whole


def test_no_accepted_type_is_406_with_those_there_are() -> None:
    with pytest.raises(HTTPException) as error:
        negotiated("text/html", None)
    assert (error.value.status_code, error.value.detail) == (
        406,
        "no answer of type 'text/html'; expected application/json, text/csv, "
        "application/vnd.apache.arrow.stream, application/vnd.apache.parquet, "
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    )


def test_the_named_format_takes_precedence() -> None:
    assert negotiated("text/html", Format.CSV) is Format.CSV
