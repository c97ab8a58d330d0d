"""A real server with the simulator inside, and one question asked through each door."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from ampost_mcp.app import build
from ampost_mcp.context import App
from ampost_mcp.services import keys, users
from ampost_mcp.settings import Settings
from storage import accounts, platform_sets
from tests import databases
from tests.mcp_clients import mcp_client
from tests.serving import free_port, serving

NUMBERS = count(1)
#: The id of nothing.
NOWHERE = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True)
class Owner:
    """A user of the server with a key, a default set, and a Threads account in it."""

    user_id: str
    key_id: str
    key: str
    set_id: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


@dataclass(frozen=True)
class Site:
    """A running server, and the open installation behind it."""

    url: str
    starlette: Starlette

    @property
    def app(self) -> App:
        app: App = self.starlette.state.app
        return app

    def owner(self, tier: str = "max", platforms: tuple[str, ...] = ("threads",)) -> Owner:
        app, now = self.app, self.app.clock()
        user = app.db.write_here(users.create, now, f"edge-{next(NUMBERS)}@example.com", tier)
        key, raw = app.db.write_here(keys.insert, user["id"], "edge", now)
        set_id = next(r["id"] for r in app.db.read_here(platform_sets.rows, user["id"], app.clock()) if r["is_default"])
        for platform in platforms:
            self.connect(user["id"], set_id, platform)
        return Owner(user["id"], key["id"], raw, set_id)

    def connect(self, user_id: str, set_id: str, platform: str) -> str:
        """An account on the simulator, with a token that stays valid."""
        app, number = self.app, next(NUMBERS)
        made = httpx.post(
            f"{self.url}/sandbox/_control/accounts", json={"platform": platform, "first": number}, trust_env=False
        ).json()["accounts"][0]

        def fill(account_id: str) -> dict[str, Any]:
            token = app.keyring.seal(made["accessToken"], user_id, account_id, "access_token")
            return {"username": made["username"], "access_token": token}

        return app.db.write_here(accounts.connect, user_id, set_id, platform, made["id"], fill, app.clock())


def settings_for(folder: Any, **more: Any) -> Settings:
    given = {"data_dir": folder, "port": free_port(), "sandbox": True, "processing_poll": 0.01, "publish_wait": 5}
    return Settings(_env_file=None, **{**given, **more})  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """On SQLite; on either database where a test asks for `EACH_DATABASE`."""
    with ExitStack() as stack:
        more = {}
        if getattr(request, "param", "sqlite") == "postgresql":
            db = stack.enter_context(databases.postgres_database(request.getfixturevalue("postgres")))
            more["database_url"] = db.url.render_as_string(hide_password=False)
        settings = settings_for(tmp_path_factory.mktemp("site"), **more)
        starlette = build(settings)
        yield Site(stack.enter_context(serving(starlette, settings.port)), starlette)


EACH_DATABASE = pytest.mark.parametrize("site", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def owner(site: Site) -> Owner:
    return site.owner()


@pytest.fixture
async def http(site: Site, owner: Owner) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=site.url, headers=owner.headers, trust_env=False, timeout=30) as client:
        yield client


#: Operation -> method, path, and the names that stand in the path.
REST: dict[str, tuple[str, str]] = {
    "posts_create": ("POST", "/api/v1/posts"),
    "posts_get": ("GET", "/api/v1/posts/{postId}"),
    "posts_list": ("GET", "/api/v1/posts"),
    "posts_update": ("PATCH", "/api/v1/posts/{postId}"),
    "posts_delete": ("DELETE", "/api/v1/posts/{postId}"),
    "posts_publish": ("POST", "/api/v1/posts/{postId}/publish"),
    "posts_retry": ("POST", "/api/v1/posts/{postId}/retry"),
    "accounts_list": ("GET", "/api/v1/accounts"),
    "accounts_get": ("GET", "/api/v1/accounts/{accountId}"),
    "platform_sets_list": ("GET", "/api/v1/platform-sets"),
    "platform_sets_create": ("POST", "/api/v1/platform-sets"),
    "platform_sets_rename": ("PATCH", "/api/v1/platform-sets/{platformSetId}"),
    "platform_sets_delete": ("DELETE", "/api/v1/platform-sets/{platformSetId}"),
}
CONTENT = ("text", "media", "mediaUrls", "linkUrl", "platformOverrides")


async def ask_rest(site: Site, key: str, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
    method, path = REST[operation]
    rest = dict(arguments)
    headers = {"Authorization": f"Bearer {key}"}
    if "idempotencyKey" in rest:
        headers["Idempotency-Key"] = rest.pop("idempotencyKey")
    for name in [name for name in rest if f"{{{name}}}" in path]:
        path = path.replace(f"{{{name}}}", rest.pop(name))
    if operation in ("posts_create", "posts_update"):
        content = {name: rest.pop(name) for name in CONTENT if name in rest}
        rest = {**({"content": content} if content else {}), **rest}
    sent: dict[str, Any] = {"params": rest} if method == "GET" else {"json": rest} if method != "DELETE" else {}
    async with httpx.AsyncClient(base_url=site.url, trust_env=False, timeout=30) as http:
        answer = await http.request(method, path, headers=headers, **sent)
    assert answer.status_code < 500 or answer.status_code == 502, answer.text
    body: dict[str, Any] = answer.json()
    assert ("error" in body) == (answer.status_code >= 400)
    return body


async def ask_mcp(site: Site, key: str, mode: str, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
    async with mcp_client(site.url, key, mode) as client:
        result = await client.call_tool(operation, arguments)
    body: dict[str, Any] = result.structured_content  # type: ignore[assignment]
    assert result.is_error == ("error" in body)
    return body


@pytest.fixture(params=["rest", "legacy", "modern"])
def door(request: pytest.FixtureRequest) -> str:
    return str(request.param)


Ask = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
def ask(site: Site, owner: Owner, door: str) -> Ask:
    """`ask("posts_get", postId=...)`: the body of the answer through the test's door; `key=` asks as someone else."""

    async def ask(operation: str, *, key: str = owner.key, **arguments: Any) -> dict[str, Any]:
        return await through(site, key, door, operation, arguments)

    return ask


async def through(site: Site, key: str, door: str, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
    if door == "rest":
        return await ask_rest(site, key, operation, arguments)
    return await ask_mcp(site, key, door, operation, arguments)


def without_id(body: dict[str, Any]) -> dict[str, Any]:
    """The error of an answer, but for the id of its request."""
    error = dict(body["error"])
    assert error.pop("requestId").startswith("req_")
    return error


async def until(true: Callable[[], Awaitable[bool]], within: float = 5) -> None:
    """Polls until `true()`; fails after `within` seconds."""
    async with asyncio.timeout(within):
        while not await true():
            await asyncio.sleep(0.02)
