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
        self._open: defaultdict[str, dict[anyio.CancelScope, bool]] = defaultdict(dict)

    def close(self, key_id: str) -> None:
        """Ends every request of the key."""
        for scope in list(self._open.get(key_id, ())):
            scope.cancel()

    def close_all(self) -> None:
        """Ends the streams; other requests may finish."""
        for scope, is_stream in [item for scopes in self._open.values() for item in scopes.items()]:
            if is_stream:
                scope.cancel()

    @contextmanager
    def opened(self, key_id: str, is_stream: bool) -> Iterator[None]:
        with anyio.CancelScope() as scope:
            self._open[key_id][scope] = is_stream
            try:
                yield
            finally:
                del self._open[key_id][scope]
                if not self._open[key_id]:
                    del self._open[key_id]

    async def serve(self, key_id: str, is_stream: bool, asgi: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs an ASGI application. When it is ended from here, the answer ends properly; one that has not begun is
        UNAUTHORIZED."""
        began = ended = False

        async def send_on(message: Message) -> None:
            nonlocal began, ended
            began = began or message["type"] == "http.response.start"
            ended = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        with self.opened(key_id, is_stream):
            await asgi(scope, receive, send_on)
        if not began:
            raise auth.unauthorized("The API key was revoked meanwhile.")
        if not ended:
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
