"""A simulator on a real port, and the smallest engine that can run a broker's `publish`."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest

from brokers.base import Account, Broker, LocalFile
from brokers.errors import PlatformError
from brokers.platform_http import PlatformHttp, new_client
from brokers.sandbox.app import build
from brokers.sandbox.world import World
from tests.serving import serving


@dataclass
class Simulator:
    """`root` is what `AMPOST_PLATFORMS_URL` would be; `world` its state, to look into and to arm faults."""

    root: str
    world: World


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    app = build()
    with serving(app) as root:
        yield Simulator(root, app.state.world)


@pytest.fixture
async def client() -> AsyncIterator[Any]:
    async with new_client() as client:
        yield client


def api_for(broker: Broker, simulator: Simulator, client: Any, **changes: Any) -> PlatformHttp:
    settings: dict[str, Any] = {"root": simulator.root, "timeout": 2, "poll": 0.01, **changes}
    return PlatformHttp(client, broker.read_error, broker.hosts, **settings)


def account_on(simulator: Simulator, platform: str, number: int = 0, **changes: Any) -> Account:
    who = simulator.world.identity(platform, number)
    values: dict[str, Any] = {
        "id": f"account-{number}", "platform_account_id": who.id, "username": who.username,
        "access_token": simulator.world.standing_token(platform, number), **changes,
    }  # fmt: skip
    return Account(**values)


@dataclass
class MemorySteps:
    """The verbs of publishing without a database. `sent` counts irreversible requests; `journal` survives into the next
    run, as after a crash."""

    api: PlatformHttp
    journal: dict[str, Any] = field(default_factory=dict)
    sent: int = 0

    async def upload(self, name: str, do: Any) -> Any:
        if name not in self.journal:
            self.journal[name] = await do()
        return self.journal[name]

    async def wait(self, name: str, ask: Any, *, every: float, limit: float) -> Any:
        if name in self.journal:
            return self.journal[name]
        with anyio.move_on_after(min(limit, 10)):
            while (answer := await ask()) is None:
                await anyio.sleep(min(every, 0.01))
            self.journal[name] = answer
            return answer
        raise PlatformError(f"{name} did not finish in time", kind="transient")

    async def publish(self, name: str, do: Any) -> Any:
        if name not in self.journal:
            self.sent += 1
            self.journal[name] = await do(self.api.on_fresh_connection())
        return self.journal[name]


@dataclass
class FileSource:
    """Media that lies on this disk; `at` is the URL it is served under."""

    path: Path
    mime_type: str
    at: str

    async def file(self) -> LocalFile:
        data = self.path.read_bytes()
        return LocalFile(self.path, len(data), self.mime_type, hashlib.sha256(data).hexdigest())

    async def url(self) -> str:
        return self.at
