"""Commands that run until they are stopped: server, publisher, stdio, simulator."""

from __future__ import annotations

import asyncio
import io
import os
import select
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import uvicorn

from ampost_mcp import app, logs
from ampost_mcp.cli import CommandError
from ampost_mcp.commands.first_start import prepare
from ampost_mcp.context import App
from ampost_mcp.opening import opened
from ampost_mcp.services import tracing
from ampost_mcp.settings import Settings, load


def serve(
    host: str | None = None, port: int | None = None, data_dir: str | None = None, sandbox: bool | None = None,
    with_worker: bool | None = None,
) -> int:  # fmt: skip
    """Everything in one process. Exit status 0 after SIGTERM."""
    settings = _loaded(host=host, port=port, data_dir=data_dir, sandbox=sandbox, with_worker=with_worker)
    # The address first: a server that cannot have it must not print the first key.
    with app.bound(settings.host, settings.port) as at:
        installed = opened(settings)
        _say(prepare(installed))
        return app.serve(installed, at)


def worker(data_dir: str | None = None) -> int:
    """The publisher alone. Exit status 0 after SIGTERM."""
    installed = opened(_loaded(data_dir=data_dir))
    anyio.run(_until_stopped, app.run_publisher, installed, backend_options={"use_uvloop": True})
    return 0


async def _until_stopped(run: Any, installed: App) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        stopped = anyio.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run, installed, stopped)
            async for _ in signals:
                stopped.set()
                return


def stdio(data_dir: str | None = None) -> int:
    """MCP over stdio for the owner of the data folder. Exit status 0 after SIGTERM, and when the client is gone."""
    installed = opened(_loaded(data_dir=data_dir))
    _say(prepare(installed, quiet=True))
    anyio.run(_until_input_ends, installed, _endable_stdin())
    return 0


async def _until_input_ends(installed: App, end_input: Callable[[], object]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end_input)
    await app.run_stdio(installed)


class _Input(io.RawIOBase):
    """What `source` gives, until it ends or `told` does: a thread that reads could not be woken otherwise."""

    def __init__(self, source: int, told: int) -> None:
        self._source, self._told = source, told

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        ready, _, _ = select.select([self._source, self._told], [], [])
        return 0 if self._told in ready else os.readv(self._source, [buffer])


def _endable_stdin() -> Callable[[], object]:
    """Makes standard input end when the function that is answered is called. Nobody else reads the client's messages:
    descriptor 0 has nothing."""
    source, nothing = os.dup(0), os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    told, teller = os.pipe()
    sys.stdin = io.TextIOWrapper(io.BufferedReader(_Input(source, told)), encoding="utf-8", errors="replace")
    return lambda: os.write(teller, b".")


def sandbox(host: str, port: int, ledger: str | None = None) -> int:
    """The simulator alone; its front page says how to use it. Exit status 0 after SIGTERM: uvicorn raises it again once it
    has stopped, and then it ends the command."""
    from brokers.sandbox.app import build

    with app.bound(host, port) as at:
        _say(
            f"Simulator of the platforms: http://{host}:{port}\n"
            f"  Use it:  AMPOST_PLATFORMS_URL=http://{host}:{port} ampost-mcp serve\n"
            f"  Faults:  POST http://{host}:{port}/_control/faults\n"
        )
        simulator = build(Path(ledger) if ledger else None)
        uvicorn.Server(uvicorn.Config(simulator, log_level="warning", timeout_graceful_shutdown=1)).run([at])
    return 0


def _loaded(**flags: Any) -> Settings:
    tracing.configure()
    settings = load(**flags)
    if settings.sandbox and settings.platforms_url:
        raise CommandError("--sandbox brings its own simulator: unset AMPOST_PLATFORMS_URL, or leave --sandbox out.")
    logs.configure(settings)
    return settings


def _say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
