"""Requests that a client keeps open, by API key, so that they end when the key is revoked or the server stops."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ampost_mcp import auth
from ampost_mcp.context import App

log = structlog.get_logger("ampost.streams")

#: Seconds between looks at the keys of open streams: another process may have revoked one.
EVERY = 1.5


class Streams:
    def __init__(self) -> None:
        self._open: defaultdict[str, set[anyio.CancelScope]] = defaultdict(set)

    def count(self, key_id: str) -> int:
        return len(self._open.get(key_id, ()))

    def close(self, key_id: str) -> None:
        for scope in list(self._open.get(key_id, ())):
            scope.cancel()

    def close_all(self) -> None:
        for key_id in list(self._open):
            self.close(key_id)

    @contextmanager
    def opened(self, key_id: str) -> Iterator[None]:
        with anyio.CancelScope() as scope:
            self._open[key_id].add(scope)
            try:
                yield
            finally:
                self._open[key_id].discard(scope)
                if not self._open[key_id]:
                    del self._open[key_id]

    async def serve(self, key_id: str, asgi: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs an ASGI application as an open stream. When it is closed from here, the answer ends properly."""
        began = ended = False

        async def send_on(message: Message) -> None:
            nonlocal began, ended
            began = began or message["type"] == "http.response.start"
            ended = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        with self.opened(key_id):
            await asgi(scope, receive, send_on)
        if began and not ended:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def watch(self, app: App) -> None:
        """Closes the streams of keys that no longer open anything. Runs until cancelled."""
        while True:
            await anyio.sleep(EVERY)
            if not self._open:
                continue
            try:
                for key_id in await auth.dead_keys(app, list(self._open)):
                    self.close(key_id)
            except Exception:
                log.exception("streams.watch")
