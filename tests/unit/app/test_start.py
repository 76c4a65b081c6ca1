"""How the service starts: with the log that its settings ask for."""

import logging
from pathlib import Path
from socket import socket

import pytest
import uvicorn

from app import __main__ as start


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
