"""Requests at the limits, and one byte above them."""

import json

import pytest
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from app.web.limits import LARGEST_BODY, LARGEST_HEAD, Limits
from tests.unit.app.web.asgi import call, scope


async def reading(_: Scope, receive: Receive, send: Send) -> None:
    """Read the whole body, and answer."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})


def status_and_detail(asked: dict[str, object], *bodies: bytes) -> tuple[int, str | None]:
    start, *rest = call(Limits(reading), asked, *bodies)
    return start["status"], json.loads(rest[0]["body"])["detail"] if rest else None


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (LARGEST_HEAD, (200, None)),
        (
            LARGEST_HEAD + 1,
            (431, "the address and headers have 16,385 bytes; at most 16,384 are taken"),
        ),
    ],
)
def test_the_head_is_measured(size: int, expected: tuple[int, str | None]) -> None:
    # `/`, the query, the name and the value of a header count.
    headers = [(b"x", b"y" * (size - 5))]
    assert status_and_detail(scope(query_string=b"a=b", headers=headers)) == expected


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        (b"64000", (200, None)),
        (b"64001", (413, "the body has 64,001 bytes or more; at most 64,000 are taken")),
        (b"many", (200, None)),
    ],
)
def test_a_declared_size_is_taken_at_its_word(
    declared: bytes, expected: tuple[int, str | None]
) -> None:
    assert status_and_detail(scope(headers=[(b"content-length", declared)])) == expected


def test_a_body_without_a_size_is_counted() -> None:
    half = b"x" * (LARGEST_BODY // 2)
    assert status_and_detail(scope(), half, half) == (200, None)
    with pytest.raises(HTTPException, match="the body has 64,001 bytes or more") as error:
        status_and_detail(scope(), half, half, b"x")
    assert error.value.status_code == 413
