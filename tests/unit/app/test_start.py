"""How the service starts: with the log that its settings ask for."""

import errno
import logging
from pathlib import Path
from socket import EAI_NONAME, socket

import pytest
import uvicorn

from app import __main__ as start
from pipelines.errors import SettingsError


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
