"""The server itself, on a port of this machine: whom it believes, and how long it waits."""

import http.client
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from app.__main__ import page, server
from pipelines.settings import Settings
from tests.api.conftest import app_of, served
from tests.slow.service.serving import until


@contextmanager
def listening(folder: Path, **values: Any) -> Iterator[int]:
    """The port of a server of the folder, until the block is left."""
    settings = Settings(source=folder / "app.db", lake=folder / "lake", **values)
    running = server(app_of(settings), settings, "127.0.0.1", 0)
    thread = Thread(target=running.run)
    thread.start()
    try:
        until(lambda: running.started, "the start of the server")
        yield running.servers[0].sockets[0].getsockname()[1]
    finally:
        running.should_exit = True
        thread.join()


def status(port: int, method: str, path: str, **headers: str) -> int:
    """Status of the answer to a request with these headers, `_` for a hyphen."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


@pytest.mark.parametrize(
    ("proxies", "client"),
    [
        (None, "127.0.0.1"),
        ("203.0.113.9", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.7"),
        ("203.0.113.9, 127.0.0.0/8", "198.51.100.7"),
    ],
)
def test_only_proxies_that_are_set_say_who_asks(
    place: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch,
    proxies: str | None, client: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")  # a setting of uvicorn's own
    caplog.set_level(logging.INFO, "app.access")
    with listening(place, trusted_proxies=proxies) as port:
        assert status(port, "POST", "/cache/clear") == 200
        assert status(port, "POST", "/cache/clear", X_Forwarded_For="198.51.100.7") == 403
        assert status(port, "POST", "/cache/clear", X_Forwarded_For="127.0.0.1") == 403
        assert status(port, "POST", "/cache/clear", Host="stockrank.example.com") == 403
    clients = [r.fields["client"] for r in caplog.records if r.name == "app.access"]  # type: ignore[attr-defined]
    assert clients[:2] == ["127.0.0.1", client]


# ----------------------------------------------------------------------------- raw requests

HOST = b"Host: localhost\r\n"
BANDING = b"POST /strategies/sammansatt_momentum/banding-check HTTP/1.1\r\n"
SECOND = b"GET /health/live HTTP/1.1\r\n" + HOST + b"\r\n"


def received(port: int, request: bytes) -> bytes:
    """All that comes back until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as there:
        there.sendall(request)
        parts = iter(lambda: there.recv(65_536), b"")
        return b"".join(parts)


TWO_SIZES = BANDING + HOST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("body", [b"0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n"])
def test_two_sizes_are_refused_and_nothing_after_them_is_answered(place: Path, body: bytes) -> None:
    with listening(place) as port:
        answer = received(port, TWO_SIZES + body + SECOND)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1
    assert b"\r\nconnection: close\r\n" in answer.lower()
    assert answer.endswith(
        b'{"detail":"the request has two sizes; send either Content-Length or Transfer-Encoding"}'
    )


def test_a_body_that_is_no_http_is_refused_without_a_failure(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with listening(place) as port:
        answer = received(port, TWO_SIZES + SECOND)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET /health",
        b"GET /health/live HTTP/1.1\r\n" + HOST,
        BANDING + HOST + b"Content-Length: 5\r\n\r\n",
        BANDING + HOST + b"Content-Length: 5\r\n\r\n[",
        BANDING + HOST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n[\r\n",
        BANDING + HOST + b"Content-Length: 100000000\r\n\r\n[",
    ],
    ids=["nothing", "line", "head", "no body", "body", "chunk", "refused"],
)
def test_a_request_that_does_not_become_whole_is_closed(
    place: Path, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr("app.web.deadline.REQUEST_SECONDS", 0.2)
    with listening(place) as port:
        answer = received(port, begun)
        assert status(port, "GET", "/health/live") == 200
    assert answer == b"" or answer.startswith(b"HTTP/1.1 413 ")


def test_the_second_request_of_a_connection_has_a_deadline_of_its_own(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.web.deadline.REQUEST_SECONDS", 0.2)
    with listening(place) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/health/live")
        assert connection.getresponse().read()
        connection.sock.sendall(SECOND[:-4])
        assert connection.sock.recv(1) == b""
        connection.close()


def test_an_answer_may_take_longer_than_its_request(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.web.deadline.REQUEST_SECONDS", 0.2)
    with listening(place) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/system/stream")
        lines = iter(connection.getresponse().readline, b"")
        for _ in range(2):  # they come a second apart
            assert next(line for line in lines if line == b"event: memory\n")
        connection.close()


def location(port: int, method: str, path: str) -> tuple[int, str | None]:
    """Status and `Location` of the answer to a client that names a host of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, headers={"Host": "evil.example"})
    answer = connection.getresponse()
    assert b"evil.example" not in answer.read()
    connection.close()
    return answer.status, answer.headers["Location"]


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("/v1/strategies/", "/v1/strategies"),
        ("/status/", "/status"),
        ("/stocks/BB/?x=%C3%85&y=a+b", "/stocks/BB?x=%C3%85&y=a+b"),
        ("/v1/stocks/BB/prices//?days=3", "/v1/stocks/BB/prices?days=3"),
        ("/stocks/AA%20B/", "/stocks/AA%20B"),
        ("/strategies/trendande_varde/explain/BB%2F", "/strategies/trendande_varde/explain/BB"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_slash_too_many_leads_to_the_path_without_it_and_to_no_host(
    place: Path, method: str, path: str, leads_to: str
) -> None:
    with listening(place) as port:
        assert location(port, method, path) == (307, leads_to)
        assert status(port, method, leads_to) == 200


@pytest.mark.parametrize(
    "path", ["/static", "/no/", "/v1/", "//evil/", "//evil/v1/strategies/", "/static/no/"]
)
def test_a_path_without_a_route_leads_nowhere(place: Path, path: str) -> None:
    with listening(place) as port:
        assert location(port, "GET", path) == (404, None)


def test_a_post_with_a_slash_too_many_keeps_its_method_and_body(place: Path) -> None:
    with served(place) as client:
        path = "/v1/strategies/sammansatt_momentum/banding-check/"
        assert client.post(path, json=["BB"], follow_redirects=False).status_code == 307
        assert client.post(path, json=["BB"]).json()["keep"][0]["ticker"] == "BB"


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:8797"),
        ("0.0.0.0", "http://127.0.0.1:8797"),  # noqa: S104 - only a text
        ("::", "http://127.0.0.1:8797"),
        ("::1", "http://[::1]:8797"),
        ("nas", "http://nas:8797"),
    ],
)
def test_the_address_to_open_is_one_of_this_machine(host: str, address: str) -> None:
    assert page(host, 8797) == address
