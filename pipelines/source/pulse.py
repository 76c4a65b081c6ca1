"""Ends the reads of a server that stops to answer while its connections stay open.

The system of a host that is gone ends them by itself; that of one whose server hangs does not.
"""

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from stat import S_ISSOCK
from threading import Event, Thread
from typing import Any, Final

from pipelines.errors import SourceError
from pipelines.postgres import Session

PULSE_SECONDS: Final = 3.0
"""How often a server is asked for an answer."""
ANSWER_SECONDS: Final = 2.5
"""How long to wait for one, each of the two times."""
NOTHING: Final = b""
"""A server hangs up on who says this and no more; its log does not tell of it."""
SSL_REQUEST: Final = struct.pack("!ii", 8, 80_877_103)
"""A server answers this before it asks who is there, also where a proxy keeps the line open."""
OPEN_FILES: Final = Path("/dev/fd")


@contextmanager
def answering(session: Session) -> Iterator[None]:
    """Ask the server again and again if it is there; `SourceError` once it does not answer."""
    ended, silent = Event(), Event()
    with closing(socket.fromfd(session.con.fileno(), _family(session), socket.SOCK_STREAM)) as ours:
        address: Any = ours.getpeername()
    watch = Thread(target=_watch, args=(_family(session), address, ended, silent), daemon=True)
    watch.start()
    try:
        yield
    except SourceError:
        if not silent.is_set():
            raise
        raise SourceError(
            f"{session.where} does not answer any more, though it is connected; "
            "find out what holds the server up, then try again"
        ) from None
    finally:
        ended.set()
        watch.join()


def _family(session: Session) -> int:
    host = session.con.info.host
    if host.startswith("/"):
        return socket.AF_UNIX
    return socket.AF_INET6 if ":" in session.con.info.hostaddr else socket.AF_INET


def _watch(family: int, address: Any, ended: Event, silent: Event) -> None:
    while not ended.wait(PULSE_SECONDS):
        if silent.is_set() or not _answers(family, address):
            silent.set()
            _hang_up(family, address)


def _answers(family: int, address: Any) -> bool:
    """Return False if a server is silent, asked twice."""
    return any(_replies(family, address, words) for words in (NOTHING, SSL_REQUEST))


def _replies(family: int, address: Any, words: bytes) -> bool:
    """Return False if nothing comes back; a server that is gone ends its connections by itself."""
    with suppress(OSError), socket.socket(family, socket.SOCK_STREAM) as one:
        one.settimeout(ANSWER_SECONDS)
        try:
            one.connect(address)
            one.sendall(words)
            if words == NOTHING:
                one.shutdown(socket.SHUT_WR)
            one.recv(1)
        except TimeoutError:
            return False
    return True


def _hang_up(family: int, address: Any) -> None:
    """End every connection of this process to a server, also those that connectorx holds."""
    for file in OPEN_FILES.iterdir():
        with suppress(OSError):
            # A copy of a file's number would end its locks when it is closed.
            if S_ISSOCK(os.fstat(number := int(file.name)).st_mode):
                _end(socket.fromfd(number, family, socket.SOCK_STREAM), address)


def _end(one: socket.socket, address: Any) -> None:
    with closing(one):
        if one.getpeername() == address:
            one.shutdown(socket.SHUT_RDWR)
