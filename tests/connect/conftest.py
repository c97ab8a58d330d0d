"""A server and a simulator on real ports, and browsers that are signed in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from argon2 import PasswordHasher
from starlette.applications import Starlette

from ampost_mcp.app import build
from ampost_mcp.context import App
from ampost_mcp.services import keys, users
from ampost_mcp.settings import Settings
from brokers import BROKERS
from brokers.platform_http import new_client, rewrite
from brokers.sandbox.app import build as build_simulator
from brokers.sandbox.parts import PARTS
from brokers.sandbox.world import Fault, World
from storage import platform_sets, tokens
from storage.tables import Account
from tests.serving import free_port, serving

PASSWORD = "correct horse battery staple"
#: Cheap on purpose: every browser of these tests signs in.
HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
NUMBERS = count(1)
PLATFORMS = sorted(BROKERS.keys() & {part.platform for part in PARTS})
every_platform = pytest.mark.parametrize("platform", PLATFORMS)


@dataclass(frozen=True)
class Place:
    """A running server; `world` is the state of the simulator that it speaks to."""

    url: str
    starlette: Starlette
    world: World
    simulator: str

    @property
    def app(self) -> App:
        app: App = self.starlette.state.app
        return app

    def user(self, tier: str = "max") -> dict[str, Any]:
        email = f"person-{next(NUMBERS)}@example.com"
        return self.app.db.write_here(users.create, self.app.clock(), email, tier, password_hash=HASH)

    def key(self, user: dict[str, Any]) -> str:
        return self.app.db.write_here(keys.insert, user["id"], "test", self.app.clock())[1]

    def set_of(self, user: dict[str, Any]) -> str:
        rows = self.app.db.read_here(platform_sets.rows, user["id"], self.app.clock())
        return str(next(row["id"] for row in rows if row["is_default"]))

    def account(self, id: str) -> Account:
        found = self.app.db.read_here(tokens.load, id)
        assert found is not None
        return found


@dataclass(frozen=True)
class Browser:
    """A person's browser, signed in."""

    place: Place
    user: dict[str, Any]
    http: httpx.AsyncClient

    @property
    def set_id(self) -> str:
        return self.place.set_of(self.user)

    async def begin(self, platform: str, **more: str) -> str:
        """Where the browser would go to consent, on the simulator."""
        answer = await self.http.get(f"/api/platforms/{platform}/auth-url", params={"platformSetId": self.set_id, **more})
        assert answer.status_code == 200, answer.text
        return rewrite(answer.json()["url"], self.place.simulator)

    async def consent(self, url: str, choose: str = "0") -> dict[str, str]:
        """What the platform sends the browser back with, once the person chose."""
        answer = await self.http.get(f"{url}&choose={choose}")
        assert answer.status_code == 302, answer.text
        return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}

    async def come_back(self, platform: str, query: dict[str, str]) -> httpx.Response:
        return await self.http.get(f"/api/platforms/{platform}/callback", params=query)

    async def connect(self, platform: str, choose: str = "0") -> str:
        """The whole way; the account's id."""
        answer = await self.come_back(platform, await self.consent(await self.begin(platform), choose))
        assert answer.status_code == 303, answer.text
        return parse_qs(urlsplit(answer.headers["location"]).query)["connected"][0]


def bearer(browser: Browser) -> dict[str, str]:
    return {"authorization": f"Bearer {browser.place.key(browser.user)}"}


def code_of(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["details"][0].get("brokerCode") or answer.json()["error"]["code"])


def arm(place: Place, platform: str, step: str, fault: str) -> None:
    place.world.faults.append(Fault(platform, step, fault))


@asynccontextmanager
async def browser_of(place: Place, user: dict[str, Any]) -> AsyncIterator[Browser]:
    headers = {"origin": place.url}
    async with httpx.AsyncClient(base_url=place.url, headers=headers, trust_env=False, timeout=30) as http:
        answer = await http.post("/api/auth/login", json={"email": user["email"], "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        yield Browser(place, user, http)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    simulator = build_simulator()
    port = free_port()
    with serving(simulator) as root:
        settings = Settings(
            data_dir=tmp_path_factory.mktemp("connect"), port=port, platforms_url=root, platform_timeout=1,
            processing_poll=0.01, publish_wait=5, _env_file=None,  # type: ignore[call-arg]
        )  # fmt: skip
        starlette = build(settings)
        with serving(starlette, port) as url:
            yield Place(url, starlette, simulator.state.world, root)


@pytest.fixture
def place(server: Place) -> Place:
    server.world.faults.clear()
    server.world.replies.clear()
    server.world.counts.clear()
    server.app.extras.pop("login_failures", None)
    return server


@pytest.fixture
async def app(place: Place) -> AsyncIterator[App]:
    """The server's installation, with a client of this test's own event loop."""
    async with new_client() as http:
        yield replace(place.app, http=http, extras={})


@pytest.fixture
async def browser(place: Place) -> AsyncIterator[Browser]:
    async with browser_of(place, place.user()) as browser:
        yield browser


@pytest.fixture
async def stranger(place: Place) -> AsyncIterator[Browser]:
    """Somebody else's browser."""
    async with browser_of(place, place.user()) as browser:
        yield browser
