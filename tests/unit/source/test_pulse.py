"""A server that is silent though it is connected, and one that answers."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest

from pipelines.errors import SourceError
from pipelines.source import pulse
from pipelines.source.pulse import answering


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "PULSE_SECONDS", 0.02)
    monkeypatch.setattr(pulse, "ANSWER_SECONDS", 0.1)


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as one:
        yield one


def read(ours: socket.socket) -> None:
    raise SourceError(f"read {ours.recv(1)!r}")


def failed_read(server: socket.socket) -> str:
    """The error of a read that ends without an answer, or after half a second."""
    with socket.create_connection(server.getsockname(), timeout=0.5) as ours:
        info = SimpleNamespace(host="db.example", hostaddr="127.0.0.1")
        con = SimpleNamespace(fileno=ours.fileno, info=info)
        session: Any = SimpleNamespace(con=con, where="postgresql://…/market")
        try:
            with answering(session):
                read(ours)
        except (SourceError, TimeoutError) as error:
            return str(error)
    return "nothing failed"


def test_connections_to_a_silent_server_are_ended(server: socket.socket) -> None:
    assert failed_read(server).startswith("postgresql://…/market does not answer any more, though ")


@pytest.mark.parametrize("hears_the_end", [True, False])
def test_a_server_that_answers_is_left_alone(server: socket.socket, *, hears_the_end: bool) -> None:
    """Also behind a proxy that does not pass on that nothing more is said."""
    kept = list[socket.socket]()

    def serve() -> None:
        with suppress(OSError):
            while True:
                kept.append(server.accept()[0])
                if len(kept) > 1 and (hears_the_end or kept[-1].recv(8)):
                    kept[-1].close()

    thread = Thread(target=serve)
    thread.start()
    assert failed_read(server) == "timed out"
    server.shutdown(socket.SHUT_RDWR)
    thread.join()
    assert len(kept) > 2
    for one in kept:
        one.close()
