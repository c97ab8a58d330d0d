"""The processes of a proof: a simulator with a ledger, a media server, and servers that can be started and killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import httpx
import psutil

from brokers.sandbox.app import build as build_simulator
from brokers.sandbox.world import World
from tests.prove.accounts import PLATFORMS, SECRET, Lane, lane, media_host, populate
from tests.serving import free_port, serving

__all__ = ["PLATFORMS", "SECRET", "Plant", "Server", "Stage", "Zygote", "lane", "stage", "until", "zygote"]

#: A change to a server's process: see `tests.prove.zygote`.
Plant = tuple[str, ...]


async def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Waits for a condition; False when it has not come true within `seconds`."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.01)
            return True
    return False


@dataclass
class Server:
    """A running server or worker, as a process id; `url` answers for servers."""

    pid: int
    url: str | None = None

    def signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    @property
    def alive(self) -> bool:
        return psutil.pid_exists(self.pid)

    @property
    def stopped(self) -> bool:
        """Whether it stands still by a signal."""
        with suppress(psutil.NoSuchProcess):
            return str(psutil.Process(self.pid).status()) == psutil.STATUS_STOPPED
        return False

    def kill(self) -> None:
        self.signal(signal.SIGKILL)

    async def gone(self, seconds: float = 20) -> bool:
        return await until(lambda: not self.alive, seconds)


@dataclass(frozen=True)
class Zygote:
    """The process whose forks are the servers. Several stages may share it."""

    process: subprocess.Popen[str]
    lock: Lock = field(default_factory=Lock)

    def fork(self, order: dict[str, Any]) -> int:
        """The process id of a new server."""
        assert self.process.stdin and self.process.stdout
        with self.lock:
            self.process.stdin.write(json.dumps(order) + "\n")
            self.process.stdin.flush()
            return int(self.process.stdout.readline())


@contextmanager
def zygote() -> Iterator[Zygote]:
    command = [sys.executable, "-m", "tests.prove.zygote"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout
    process.stdout.readline()
    try:
        yield Zygote(process)
    finally:
        process.communicate()  # the end of its input ends it and all its servers


@dataclass
class Stage:
    """What a proof plays on. `world` is the simulator's state; `timeout` is how long servers wait for a platform (seconds)."""

    folder: Path
    database: str
    simulator: str
    media: str
    http: httpx.AsyncClient
    zygote: Zygote
    world: World
    timeout: float = 1
    lanes: list[Lane] = field(default_factory=list)
    servers: list[Server] = field(default_factory=list)

    @property
    def keys(self) -> list[str]:
        return [each.key for each in self.lanes]

    @property
    def sets(self) -> list[str]:
        return [each.set_id for each in self.lanes]

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    def environment(self, **more: str) -> dict[str, str]:
        return {
            "AMPOST_DATA_DIR": str(self.folder / "data"), "AMPOST_DATABASE_URL": self.database,
            "AMPOST_SECRET_KEYS": SECRET, "AMPOST_PLATFORMS_URL": self.simulator, "AMPOST_PLATFORM_TIMEOUT": str(self.timeout),
            "AMPOST_PROCESSING_POLL": "0.05", "AMPOST_PUBLISH_WAIT": "0", "AMPOST_SCHEDULING": "all",
            "AMPOST_MEDIA_ALLOW": self.media.removeprefix("http://"), "AMPOST_LOG_FORMAT": "json",
            "AMPOST_LOG_LEVEL": "warning", **more,
        }  # fmt: skip

    async def start(self, *command: str, plants: tuple[Plant, ...] = (), **more: str) -> Server:
        """Starts `ampost-mcp COMMAND` as a fork; returns at once for workers, and servers answer soon."""
        port = free_port()
        url = f"http://127.0.0.1:{port}" if command[0] == "serve" else None
        words = [*command, *(["--port", str(port)] if url else [])]
        order = {"command": words, "env": self.environment(**more), "log": str(self.log), "plants": plants}
        server = Server(await asyncio.to_thread(self.zygote.fork, order), url)
        self.servers.append(server)
        return server

    async def ready(self, server: Server, seconds: float = 30) -> bool:
        """Waits until a server answers; False when it died first."""
        async with asyncio.timeout(seconds):
            while server.alive:
                try:
                    if (await self.http.get(f"{server.url}/healthz")).status_code == 200:
                        return True
                except httpx.HTTPError:
                    await asyncio.sleep(0.02)
        return False

    def requests(self, step: str) -> int:
        """How many requests of a step have come to the simulator."""
        return sum(count for (_, its_step), count in list(self.world.counts.items()) if its_step == step)

    async def control(self, path: str, body: Any = None, method: str = "POST") -> Any:
        """The simulator's control surface."""
        return (await self.http.request(method, f"{self.simulator}/_control/{path}", json=body)).json()

    async def fault(self, platform: str, step: str, fault: str, **more: Any) -> None:
        await self.control("faults", {"platform": platform, "step": step, "fault": fault, **more})

    async def no_faults(self) -> None:
        await self.control("faults", method="DELETE")

    async def published(self) -> list[dict[str, Any]]:
        return list((await self.control("published", method="GET"))["published"])


@asynccontextmanager
async def stage(
    folder: Path, database: str | None = None, lanes: int = 2, *, timeout: float = 1, expiring: bool = False,
    shared: Zygote | None = None, around: Callable[[Any], Any] = lambda simulator: simulator, ledger: bool = True,
) -> AsyncIterator[Stage]:  # fmt: skip
    """Sets everything up in `folder`: `lanes` users with one account of each platform, tier max.

    `timeout` is the servers' patience with platforms (seconds). With `expiring`, the tokens of platforms that rotate them
    have to be refreshed now. `around` wraps the simulator's ASGI application. Without `ledger` the simulator keeps what was
    published in memory: its answers then wait for no disk.
    """
    simulator = build_simulator(folder / "ledger.db" if ledger else None)
    simulator.state.world.takes_duplicates = True
    with _or_own(shared) as parent, serving(around(simulator)) as root, serving(media_host()) as media:
        async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
            url = database or f"sqlite:///{folder}/data/ampost.db"
            made = Stage(folder, url, root, media, http, parent, simulator.state.world, timeout)
            (folder / "data").mkdir(parents=True, exist_ok=True)
            made.lanes.extend(populate(url, made.world, lanes, expiring))
            try:
                yield made
            finally:
                for server in made.servers:
                    server.kill()


@contextmanager
def _or_own(shared: Zygote | None) -> Iterator[Zygote]:
    if shared is not None:
        yield shared
    else:
        with zygote() as own:
            yield own
