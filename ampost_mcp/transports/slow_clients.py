"""Connections whose request does not arrive: uvicorn waits for ever for the rest of a head or a body, and for any size of
head. (Its keep-alive time-out only begins behind an answer.)"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LATE = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class Impatient(HttpToolsProtocol):
    """Closes a connection whose head is not there `HEAD` seconds after it could begin, is larger than `LARGEST` bytes, or
    whose body pauses for `PAUSE` seconds. Time in which we read nothing ourselves does not count."""

    HEAD, PAUSE, LARGEST = 20.0, 30.0, 64 * 1024

    _waits_for = "head"
    _size = 0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait(self.HEAD)

    def connection_lost(self, exc: Exception | None) -> None:
        self._rest()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._size += len(data)
        super().data_received(data)
        if self.transport.is_closing() or (self._waits_for == "answer" and self._is_answering):
            self._rest()
        elif self._waits_for == "body":
            self._rest()
            self._wait(self.PAUSE)
        elif self._size > self.LARGEST and not self._is_answering:
            self._end(LARGE)
        elif self._timer is None:  # a head has begun; or an empty line came, which ends uvicorn's own time-out
            self._wait(self.HEAD)

    def on_message_begin(self) -> None:
        self._waits_for = "head"
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._waits_for = "body"
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._waits_for, self._size = "answer", 0
        super().on_message_complete()

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _wait(self, seconds: float) -> None:
        self._timer = self.loop.call_later(seconds, self._give_up, seconds)

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self, seconds: float) -> None:
        if self.flow.read_paused or (self._waits_for != "body" and self._is_answering):
            self._wait(seconds)
        else:
            self._end(LATE)

    def _end(self, said: bytes) -> None:
        self._rest()
        has_begun = self._is_answering and self.cycle.response_started
        if self._size and not has_begun:
            self.transport.write(said)
        self.transport.close()
