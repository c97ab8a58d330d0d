"""Both databases, an `App` whose time stands still, and builders of users, sets and accounts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from ampost_mcp.context import App, Caller
from ampost_mcp.services import keys, users
from ampost_mcp.settings import Settings
from brokers import BROKERS
from brokers.platform_http import new_client
from storage import accounts, platform_sets
from storage.database import Database
from storage.sealing import Keyring
from tests import databases
from tests.clock import Clock


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    with databases.postgres_server() as root:
        yield root


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return databases.sqlite_template(tmp_path_factory.mktemp("template"))


@pytest.fixture(params=["sqlite", "postgresql"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty, migrated database, once of each kind."""
    if request.param == "sqlite":
        template = request.getfixturevalue("sqlite_template")
        with databases.sqlite_database(template, tmp_path / "ampost.db") as db:
            yield db
    else:
        with databases.postgres_database(request.getfixturevalue("postgres")) as db:
            yield db


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, publish_wait=5, processing_poll=0.01, _env_file=None)  # type: ignore[call-arg]


@pytest.fixture
async def app(db: Database, settings: Settings, clock: Clock) -> AsyncIterator[App]:
    """An open installation without a publisher."""
    keyring = Keyring.of(["a secret that only these tests know of"])
    async with new_client() as http:
        yield App(settings, db, keyring, http, BROKERS, clock)


@pytest.fixture
def a_user(app: App) -> Callable[..., Caller]:
    """`a_user(tier="pro")`: a new user with a default set, as a caller."""
    numbers = count(1)

    def make(tier: str = "pro") -> Caller:
        email = f"user-{next(numbers)}@example.com"
        made = app.db.write_here(users.create, app.clock(), email, tier)
        return Caller(made["id"], made["email"], made["tier"], made["owner_tag"])

    return make


@pytest.fixture
def a_set(app: App) -> Callable[..., str]:
    """`a_set(caller)`: the id of the caller's default set; with a name, of a new one."""

    def make(caller: Caller, name: str | None = None) -> str:
        if name is not None:
            made = app.db.write_here(platform_sets.insert, caller.user_id, name, app.clock())
            return str(made["id"])
        rows = app.db.read_here(platform_sets.rows, caller.user_id, app.clock())
        return next(str(row["id"]) for row in rows if row["is_default"])

    return make


@pytest.fixture
def an_account(app: App, a_set: Callable[..., str]) -> Callable[..., str]:
    """`an_account(caller, "threads")`: the id of a new account in the caller's default set, or in `set_id`.
    `refreshable` gives it a refresh token; other arguments are columns."""
    numbers = count(1)

    def make(caller: Caller, platform: str, set_id: str | None = None, refreshable: bool = False, **columns: Any) -> str:
        def fill(account_id: str) -> dict[str, Any]:
            names = ("access_token", "refresh_token") if refreshable else ("access_token",)
            tokens = {name: app.keyring.seal(f"token-of-{account_id}", caller.user_id, account_id, name) for name in names}
            return {"username": f"{platform}-{number}", **tokens, **columns}

        number = next(numbers)
        return app.db.write_here(
            accounts.connect, caller.user_id, set_id or a_set(caller), platform, f"remote-{number}", fill, app.clock()
        )

    return make


@pytest.fixture
def a_key(app: App) -> Callable[..., str]:
    """`a_key(caller)`: a new raw key."""

    def make(caller: Caller, name: str = "test") -> str:
        return app.db.write_here(keys.insert, caller.user_id, name, app.clock())[1]

    return make
