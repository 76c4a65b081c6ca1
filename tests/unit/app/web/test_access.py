"""The id, the headers, the counts and the line of the log of a request."""

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from app.web.access import Access
from tests.unit.app.web.asgi import call, scope


async def empty(_: Scope, __: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": [(b"x", b"y")]})


async def failing(_: Scope, __: Receive, ___: Send) -> None:
    raise ValueError


def asked(counts: dict[Any, int], **values: Any) -> dict[str, Any]:
    """A scope of an app whose services count in a dict."""
    state = SimpleNamespace(services=SimpleNamespace(requests=counts))
    return scope(app=SimpleNamespace(state=state), **values)


@pytest.mark.parametrize(
    ("given", "kept"), [(b"proxy-1.a_B", True), (b"x" * 65, False), (b"a b", False), (b"", False)]
)
def test_a_well_formed_id_is_kept(given: bytes, *, kept: bool) -> None:
    sent = call(Access(empty), asked({}, headers=[(b"x-request-id", given)]))
    headers = dict(sent[0]["headers"])
    assert (headers[b"x-request-id"] == given) is kept
    assert len(headers[b"x-request-id"]) == (len(given) if kept else 16)
    assert headers[b"server-timing"].startswith(b"app;dur=")
    assert (headers[b"x"], headers[b"x-content-type-options"]) == (b"y", b"nosniff")


def test_requests_are_counted_by_method_route_and_status() -> None:
    counts: dict[Any, int] = {}
    route = SimpleNamespace(path="/strategies/{name}")
    for values in ({"route": route}, {"route": route}, {"method": "PURGE", "route": route}, {}):
        call(Access(empty), asked(counts, **values))
    assert counts == {
        ("GET", "/strategies/{name}", 204): 2,
        ("any", "/strategies/{name}", 204): 1,
        ("any", "unknown", 204): 1,
    }


def test_a_failure_is_counted_as_500_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    counts: dict[Any, int] = {}
    with caplog.at_level(logging.INFO, "app.access"), pytest.raises(ValueError):  # noqa: PT011
        call(Access(failing), asked(counts, path="/x", route=SimpleNamespace(path="/x")))
    assert counts == {("GET", "/x", 500): 1}
    assert caplog.messages == ["GET /x 500"]


QUIET = (
    "/health",
    "/v1/health/live",
    "/health/ready",
    "/metrics",
    "/v1/metrics",
    "/static/pages/a.js",
)


@pytest.mark.parametrize("path", QUIET)
def test_probes_scrapes_and_files_are_logged_at_debug_level_only(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "app.access"):
        call(Access(empty), asked({}, path=path))
    assert caplog.messages == []
    with caplog.at_level(logging.DEBUG, "app.access"):
        call(Access(empty), asked({}, path=path))
    assert caplog.messages == [f"GET {path} 204"]


@pytest.mark.parametrize("path", ["/", "/v1/strategies", "/healthy", "/v1/data/metrics"])
def test_other_requests_are_logged(path: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "app.access"):
        call(Access(empty), asked({}, path=path))
    assert caplog.messages == [f"GET {path} 204"]
