"""How the service starts: with the log that its settings ask for."""

import asyncio
import errno
import gc
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from socket import EAI_NONAME, IPPROTO_TCP, TCP_NODELAY, socket
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI, applications
from starlette.testclient import TestClient

from app import __main__ as start
from app.main import create_app
from pipelines.errors import SettingsError
from pipelines.runtime import collect_nothing
from pipelines.settings import Settings


def closed(_: uvicorn.Server, sockets: list[socket]) -> None:
    """Serve nobody."""
    for one in sockets:
        one.close()


@pytest.mark.parametrize(("asked", "level"), [("", logging.INFO), ("debug", logging.DEBUG)])
def test_the_log_has_the_level_of_the_settings(
    asked: str, level: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(uvicorn.Server, "run", closed)
    monkeypatch.setattr(logging.getLogger("app"), "level", logging.NOTSET)
    if asked:
        monkeypatch.setenv("STOCKRANK_LOG_LEVEL", asked)
    start.main(port=0)
    assert logging.getLogger("app").level == level


def test_the_disk_of_the_lake_is_waited_for_before_a_port_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Waiting(Exception):
        pass

    def wait(lake: Path) -> None:
        raise Waiting(lake)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STOCKRANK_LAKE", "here")
    monkeypatch.setattr(start, "wait_for_disk", wait)
    monkeypatch.setattr(start, "listening", None)
    with pytest.raises(Waiting, match="here"):
        start.main(port=0)


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.EADDRINUSE, "end the program that uses it, or name another with --port or "
                           "STOCKRANK_PORT; 0 takes a free one"),
        (errno.EACCES, "name another with --port or STOCKRANK_PORT; 0 takes a free one"),
        (errno.EADDRNOTAVAIL, "name an address of this machine with --host or STOCKRANK_HOST"),
        (EAI_NONAME, "name an address of this machine with --host or STOCKRANK_HOST"),
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_listened_on_is_told_with_what_mends_it(
    number: int, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError(number, "it cannot be")

    monkeypatch.setattr(start, "getaddrinfo", fails)
    with pytest.raises(SettingsError) as raised:
        start.listening("here", 80)
    assert str(raised.value) == f"cannot listen on here:80: it cannot be; {remedy}"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_part_of_an_answer_waits_for_the_one_before(host: str) -> None:
    asyncio.run(_sends_at_once(start.listening(host, 0)))


async def _sends_at_once(sockets: list[socket]) -> None:
    taken: list[int] = []

    class Taken(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            accepted = transport.get_extra_info("socket")
            taken.append(accepted.getsockopt(IPPROTO_TCP, TCP_NODELAY))

    for one in sockets:
        async with await asyncio.get_running_loop().create_server(Taken, sock=one):
            _, writer = await asyncio.open_connection(*one.getsockname()[:2])
            while len(taken) == 0:
                await asyncio.sleep(0)
            writer.close()
            await writer.wait_closed()
        assert taken.pop() != 0


def test_garbage_is_collected_again_once_the_service_serves() -> None:
    collect_nothing()
    try:
        assert not gc.isenabled()
        asyncio.run(_started())
        assert gc.isenabled()
    finally:
        gc.enable()


async def _started() -> None:
    server = start.server(FastAPI(), Settings(), "127.0.0.1", 0)
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    sockets = start.listening("127.0.0.1", 0)
    await server.startup(sockets)
    await server.shutdown(sockets)


def test_the_document_is_built_when_first_asked_for_and_holds_up_no_other_request() -> None:
    app = create_app()
    build, asked = app.openapi, []

    def built() -> dict[str, object]:
        with pytest.raises(RuntimeError, match="no running event loop"):
            asyncio.get_running_loop()
        asked.append("document")
        return build()

    app.openapi = built  # type: ignore[method-assign]
    client = TestClient(app)
    assert client.get("/health/live").is_success
    assert asked == []
    assert client.get("/v1/openapi.json").json()["info"]["title"] == "StockRank"
    assert asked == ["document"]


def test_those_who_ask_for_the_document_at_once_have_one_built(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    build, built, both = applications.get_openapi, [], Barrier(2)

    def building(**how: Any) -> dict[str, Any]:
        built.append("document")
        with suppress(BrokenBarrierError):
            both.wait(0.5)  # for another that is built, too
        return build(**how)

    monkeypatch.setattr(applications, "get_openapi", building)
    client = TestClient(create_app())
    with ThreadPoolExecutor(2) as pool:
        answers = set(pool.map(lambda _: client.get("/v1/openapi.json").content, range(2)))
    assert (len(answers), built) == (1, ["document"])
