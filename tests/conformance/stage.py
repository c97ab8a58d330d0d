"""What is put on trial: the product's real stack with the harness's fixtures, and the product as it starts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import httpx
from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from mcp_types import JSONRPCMessage
from starlette.types import ASGIApp, Receive, Scope, Send

from ampost_mcp.app import build
from ampost_mcp.context import App
from ampost_mcp.services import keys, users
from ampost_mcp.settings import Settings
from tests.conformance.fixtures import Conforming
from tests.serving import free_port, serving

#: Seconds that a server may take to start on a busy machine.
PATIENCE = 90


@contextmanager
def product(folder: Path) -> Iterator[tuple[str, str]]:
    """`ampost-mcp serve --sandbox` on an empty folder: yields its address, and the key that it printed."""
    port, log = free_port(), folder / "log"
    command = [sys.executable, "-m", "ampost_mcp", "serve", "--sandbox", "--port", str(port), "--data-dir", str(folder / "data")]
    env = {name: value for name, value in os.environ.items() if not name.startswith("AMPOST_")}
    with log.open("w") as out, subprocess.Popen(command, cwd=folder, env=env, stdout=out, stderr=out) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            wait_until_ready(f"{address}/readyz", process, log)
            yield address, re.findall(r"amp_live_[\w-]+", log.read_text())[0]
        finally:
            process.terminate()


def wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(url, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise RuntimeError(f"The server did not start: {log.read_text()[-1000:]}")


@contextmanager
def harness_server(folder: Path, *, streaming: bool) -> Iterator[str]:
    """Yields the URL of `/mcp`. The harness cannot send a header of its own, so a wrapper sends the key in its place; the
    server checks it as ever. `streaming` has calls answered as event streams, where the product answers plain JSON."""
    made: list[Conforming] = []

    def mcp(app: App) -> Conforming:
        made.append(Conforming(app))
        return made[0]

    settings = Settings(data_dir=folder, port=free_port(), sandbox=True, _env_file=None)  # type: ignore[call-arg]
    starlette = build(settings, mcp=mcp)
    if streaming:
        manager = made[0].session_manager
        manager.json_response, manager.event_store, manager.retry_interval = False, Events(), 100
    keyed = Keyed(starlette)
    with serving(keyed, settings.port) as url:
        keyed.key = a_key(starlette.state.app)
        yield f"{url}/mcp"


def a_key(app: App) -> str:
    user = app.db.write_here(users.create, app.clock(), "harness@example.com", "max")
    return app.db.write_here(keys.insert, user["id"], "harness", app.clock())[1]


class Keyed:
    """An ASGI application whose callers all hold one API key."""

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner
        self.key = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            bearer = (b"authorization", f"Bearer {self.key}".encode())
            scope = {**scope, "headers": [*scope["headers"], bearer]}
        await self._inner(scope, receive, send)


class Events(EventStore):
    """Remembers what was sent on each stream, for a client that comes back."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._sent: dict[str, tuple[str, JSONRPCMessage | None]] = {}

    async def store_event(self, stream_id: str, message: JSONRPCMessage | None) -> str:
        event_id = str(next(self._numbers))
        self._sent[event_id] = (stream_id, message)
        return event_id

    async def replay_events_after(self, last_event_id: str, send_callback: EventCallback) -> str | None:
        if last_event_id not in self._sent:
            return None
        wanted = self._sent[last_event_id][0]
        for event_id, (stream_id, message) in list(self._sent.items()):
            if stream_id == wanted and int(event_id) > int(last_event_id) and message is not None:
                await send_callback(EventMessage(message, event_id))
        return wanted
