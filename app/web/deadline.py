"""Close connections whose requests do not become whole."""

import asyncio
from typing import Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_SECONDS: Final = 20.0
"""How long the head and the body of a request may take together."""


class DeadlineProtocol(H11Protocol):
    """HTTP as uvicorn speaks it, but the head and the body of a request must come in time.

    uvicorn itself closes a connection only if it is silent after an answer.
    """

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take in data, and go on waiting unless a request has become whole by it."""
        super().data_received(data)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        super().connection_lost(exc)
        self._wait_no_more()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; the application may have begun to answer what came before."""
        if self.cycle is not None:
            self.cycle.disconnected = True
        super().send_400_response(msg)

    def _unsupported_upgrade_warning(self) -> None:
        """Log nothing: a request to speak another protocol is answered as if it did not ask."""

    def _wait(self) -> None:
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._wait_no_more()
        elif self._timer is None:
            self._timer = self.loop.call_later(REQUEST_SECONDS, self.transport.close)

    def _wait_no_more(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
