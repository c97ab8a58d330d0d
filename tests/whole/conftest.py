"""Whole servers in sandbox mode, each with the simulator that it brings, and a host of media."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp import Client
from starlette.applications import Starlette
from starlette.routing import Mount

from ampost_mcp.app import build
from ampost_mcp.context import App, Caller
from ampost_mcp.services import users
from ampost_mcp.settings import Settings
from brokers import BROKERS
from brokers.platform_http import new_client
from brokers.sandbox.app import build as build_simulator
from brokers.sandbox.ledger import Published
from brokers.sandbox.world import World
from storage import platform_sets
from storage.sealing import Keyring
from tests import databases
from tests.edge.conftest import Owner, Site, settings_for
from tests.mcp_clients import mcp_client
from tests.publishing.conftest import Author, publisher
from tests.serving import serving
from tests.whole.desk import Desk, Going
from tests.whole.media import hosted

NUMBERS = count(1)
PLATFORMS = ("facebook", "instagram", "linkedin", "threads", "tiktok", "twitter", "youtube")


@dataclass(frozen=True)
class Whole(Site):
    """A running server; `media` is the root of the files that posts name, `http` for what a person's browser would ask."""

    media: str
    http: httpx.Client

    @property
    def world(self) -> World:
        """The state of the simulator that the server brought."""
        mount = next(route for route in self.starlette.routes if isinstance(route, Mount) and route.path == "/sandbox")
        assert isinstance(mount.app, Starlette)
        world: World = mount.app.state.world
        return world

    def control(self, method: str, path: str, **query: Any) -> Any:
        answer = self.http.request(method, f"{self.url}/sandbox/_control/{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def published(self, platform: str, account: str) -> list[Published]:
        """What arrived at the simulator for this account, by its own control surface."""
        found = [Published(**post) for post in self.control("GET", "published", platform=platform)["published"]]
        return [post for post in found if post.account_id == account]

    def requests(self, platform: str) -> list[str]:
        """`METHOD path` of each request that the platform saw since `forget`."""
        seen = self.control("GET", "requests")["requests"]
        return [f"{request['method']} {request['path']}" for request in seen if request["platform"] == platform]

    def forget(self) -> None:
        self.control("DELETE", "requests")


@dataclass(frozen=True)
class Agent:
    """The official client in one long session, for an owner with an account on every platform."""

    place: Whole
    owner: Owner
    client: Client
    portal: BlockingPortal

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        result = self.portal.call(self.client.call_tool, tool, arguments)
        assert not result.is_error, result.structured_content
        answer: dict[str, Any] = result.structured_content  # type: ignore[assignment]
        return answer

    def account(self, platform: str) -> dict[str, Any]:
        found: dict[str, Any] = self.call("accounts_list", platform=platform)["accounts"][0]
        return found


@contextmanager
def agent(place: Whole) -> Iterator[Agent]:
    owner = place.owner(platforms=PLATFORMS)
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(mcp_client(place.url, owner.key)) as client:
        yield Agent(place, owner, client, portal)


@pytest.fixture(scope="session")
def media() -> Iterator[str]:
    with hosted() as root:
        yield root


def _agent(folder: Path, media: str, **more: Any) -> Iterator[Agent]:
    settings = settings_for(folder, media_allow=media.removeprefix("http://"), publish_wait=20, **more)
    starlette = build(settings)
    with (
        serving(starlette, settings.port) as url,
        httpx.Client(trust_env=False, timeout=30) as http,
        agent(Whole(url, starlette, media, http)) as made,
    ):
        yield made


@pytest.fixture(scope="session")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory, media: str) -> Iterator[Agent]:
    yield from _agent(tmp_path_factory.mktemp("whole-sqlite"), media)


@pytest.fixture(scope="session")
def on_postgres(tmp_path_factory: pytest.TempPathFactory, media: str, postgres: str) -> Iterator[Agent]:
    with databases.postgres_database(postgres) as empty:
        url = empty.url.render_as_string(hide_password=False)
        yield from _agent(tmp_path_factory.mktemp("whole-postgres"), media, database_url=url)


@dataclass(frozen=True)
class Simulator:
    """A simulator on its own, outside of any server."""

    root: str
    world: World


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    app = build_simulator()
    with serving(app) as root:
        yield Simulator(root, app.state.world)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, simulator: Simulator, media: str
) -> AsyncIterator[App]:
    """An installation with a publisher, for all tests of a module: each has a user of its own."""
    folder = tmp_path_factory.mktemp("errors")
    settings = Settings(
        data_dir=folder, publish_wait=0, processing_poll=0.005, platforms_url=simulator.root, platform_timeout=5,
        media_allow=media.removeprefix("http://"), _env_file=None,  # type: ignore[call-arg]
    )  # fmt: skip
    brokers = {key: replace(broker, settle=(0.01,)) for key, broker in BROKERS.items()}
    with databases.sqlite_database(sqlite_template, folder / "ampost.db") as db:
        async with new_client() as http:
            app = App(settings, db, Keyring.of(["a secret that only these tests know of"]), http, brokers, Going())
            async with publisher(app):
                yield app


@pytest.fixture
def a_desk(running: App, simulator: Simulator, media: str) -> Callable[[str], Desk]:
    """`a_desk("threads")`: an author of a new user with a new account there, and nothing armed."""
    simulator.world.replies.clear()
    simulator.world.faults.clear()

    def make(platform: str) -> Desk:
        number = next(NUMBERS)
        who = simulator.world.identity(platform, number)
        who.extra["number"] = number
        made = running.db.write_here(users.create, running.clock(), f"user-{number}@example.com", "max")
        caller = Caller(made["id"], made["email"], made["tier"], made["owner_tag"])
        (its_set,) = running.db.read_here(platform_sets.rows, caller.user_id, running.clock())
        desk = Desk(running, Author(running, caller, its_set["id"]), simulator.world, media, who)
        desk.connect()
        return desk

    return make
