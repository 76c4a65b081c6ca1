"""The server itself, on a port of this machine: whom it believes."""

import http.client
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from app.__main__ import server
from app.main import create_app
from pipelines.settings import Settings
from tests.slow.service.serving import until


@contextmanager
def listening(folder: Path, **values: Any) -> Iterator[int]:
    """The port of a server of the folder, until the block is left."""
    settings = Settings(source=folder / "app.db", lake=folder / "lake", **values)
    running = server(create_app(settings), settings, "127.0.0.1", 0)
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
