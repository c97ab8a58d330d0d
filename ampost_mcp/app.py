"""The composition root: settings become open resources, routes, and a server."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from types import FrameType
from typing import Any

import anyio
import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount, Route

from ampost_mcp.context import App, Caller, Clock, utc_now
from ampost_mcp.opening import CannotStart, opened
from ampost_mcp.services import idempotency, media, users
from ampost_mcp.services.scheduler import Publisher
from ampost_mcp.settings import Settings
from ampost_mcp.tiers import admit_key
from ampost_mcp.transports import dashboard, rest, site
from ampost_mcp.transports.http import EXCEPTION_HANDLERS, Outermost
from ampost_mcp.transports.mcp import Server
from ampost_mcp.transports.mcp_http import Door
from ampost_mcp.transports.slow_clients import Impatient
from ampost_mcp.transports.streams import Streams

log = structlog.get_logger("ampost.app")

#: Seconds that open requests get when the server stops, and operations without a client after that.
GRACE, LAST_MOMENT = 4, 0.5


def build(settings: Settings, *, clock: Clock = utc_now, mcp: Callable[[App], Server] = Server) -> Starlette:
    """The whole server as an ASGI application, on a database that is migrated here. Raises CannotStart."""
    return assembled(opened(settings, clock), mcp)


def assembled(app: App, mcp: Callable[[App], Server] = Server) -> Starlette:
    """The ASGI application of an open installation. Its lifespan runs the publisher and closes the installation. `mcp`
    makes the MCP server behind `/mcp`.

    `state.app` is the open `App`, `state.streams` the requests that clients keep open.
    """
    simulator = _simulator(app.settings)
    streams = Streams()
    door = Door(app, mcp(app), streams)
    routes: list[BaseRoute] = [
        Route("/mcp", door), *rest.routes(app), *site.routes(app), *dashboard.routes(app),
        *([Mount("/sandbox", simulator)] if simulator else []),
    ]  # fmt: skip

    @asynccontextmanager
    async def lifespan(starlette: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as open_things:
            await open_things.enter_async_context(living(app))
            if simulator is not None:
                await open_things.enter_async_context(simulator.router.lifespan_context(simulator))
            await open_things.enter_async_context(door.running())
            open_things.push_async_callback(_operations_end, app)
            if app.settings.with_worker:
                await open_things.enter_async_context(publishing(app))
            yield

    starlette = Starlette(
        routes=routes, middleware=[Middleware(Outermost)], exception_handlers=EXCEPTION_HANDLERS, lifespan=lifespan
    )
    starlette.router.redirect_slashes = False
    starlette.state.app, starlette.state.streams = app, streams
    return starlette


@asynccontextmanager
async def living(app: App) -> AsyncIterator[None]:
    """Frees what died with a former process, and closes the installation in the end."""
    try:
        await idempotency.clear_orphans(app)
        yield
    finally:
        await app.http.aclose()
        await asyncio.to_thread(app.db.close)


def _simulator(settings: Settings) -> Starlette | None:
    if not settings.sandbox:
        return None
    from brokers.sandbox.app import build as build_simulator

    return build_simulator(settings.data_dir / "sandbox.db")


@asynccontextmanager
async def publishing(app: App) -> AsyncIterator[None]:
    """Runs the publisher in this process."""
    app.publisher = publisher = Publisher(app, tend=lambda: media.clear_unused(app))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_keep_running, publisher)
        try:
            yield
        finally:
            with anyio.CancelScope(shield=True):
                await publisher.stop()


async def _keep_running(publisher: Publisher) -> None:
    while True:
        try:
            return await publisher.run()
        except Exception:
            log.exception("publisher.crashed")
            await anyio.sleep(1)


async def _operations_end(app: App) -> None:
    """Gives operations whose client has gone a moment, and ends those that only wait for an outcome."""
    running = list(app.extras.get("running", ()))
    if not running:
        return
    _, waiting = await asyncio.wait(running, timeout=LAST_MOMENT)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


class _Uvicorn(uvicorn.Server):
    """Ends what clients keep open, and the publisher, as soon as it is told to stop."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._signalled = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        # Everything that start-up made stays: the collector need not look at it again. Frequent collections showed as
        # pauses of 60 ms.
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 50, 100)

    async def main_loop(self) -> None:
        """One look a second instead of ten: that was half of what an idle server did. A signal is seen at once."""
        self._loop = asyncio.get_running_loop()
        while not await self.on_tick(0):
            with anyio.move_on_after(1):
                await self._signalled.wait()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._signalled.set)

    async def shutdown(self, sockets: Any = None) -> None:
        state = self.config.app.state  # type: ignore[union-attr]
        state.streams.close_all()
        publisher = state.app.publisher
        stopping = [publisher.stop()] if publisher is not None else []
        await asyncio.gather(super().shutdown(sockets), *stopping)


def bound(host: str, port: int) -> socket.socket:
    """A socket on this address, which nobody can connect to yet. Raises CannotStart."""
    its = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        its.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        its.bind((host, port))
    except OSError as error:
        its.close()
        raise CannotStart(
            f"The server cannot listen on {host}, port {port}: {str(error.strerror).lower()}. "
            "Stop what listens there, or choose another address with --host and --port."
        ) from error
    return its


def serve(app: App, at: socket.socket) -> int:
    """Serves until SIGTERM or SIGINT. Answers the exit status: 0 when it ended in order."""
    config = uvicorn.Config(
        assembled(app), http=Impatient, lifespan="on", log_config=None, access_log=False,
        server_header=False, timeout_graceful_shutdown=GRACE,
    )  # fmt: skip
    server = _Uvicorn(config)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # uvicorn raises it again once it has stopped
    try:
        server.run([at])
    except SystemExit as ended:  # uvicorn has said why in the log
        return int(ended.code or 0)
    return 0 if server.started else 1


async def run_publisher(app: App, stopped: anyio.Event) -> None:
    """The publisher alone, until `stopped` is set."""
    async with living(app), publishing(app):
        await stopped.wait()


async def run_stdio(app: App) -> None:
    """MCP over stdin and stdout for the owner of the data folder, until the client closes them. Publishes too, unless
    another process has the data folder. Raises PLAN_UPGRADE_REQUIRED."""
    async with AsyncExitStack() as open_things:
        await open_things.enter_async_context(living(app))
        owner = await app.db.read(users.first)
        admit_key(owner["tier"])
        caller = Caller(owner["id"], owner["email"], owner["tier"], owner["owner_tag"])
        if app.settings.with_worker:
            await open_things.enter_async_context(publishing(app))
        await Server(app, caller).run_stdio_async()
        await _operations_end(app)
