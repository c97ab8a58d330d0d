"""Every documented error of every platform, through the whole engine to the platform post that an agent reads, and on to
where the error leads: tried again by itself, retried, or published once the account is connected again."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from ampost_mcp.context import App, Caller
from ampost_mcp.schemas import AccountRef
from ampost_mcp.services import accounts, users
from ampost_mcp.settings import Settings
from brokers import BROKERS
from brokers.platform_http import new_client
from brokers.sandbox.world import Identity, World
from storage import accounts as account_rows
from storage import platform_sets, tokens
from storage.sealing import Keyring
from tests import databases
from tests.brokers.bench import simulating
from tests.brokers.conftest import Simulator
from tests.publishing.conftest import Author, publisher
from tests.whole import errors_meta, errors_others
from tests.whole.errors import Row
from tests.whole.media import files

ROWS = (*errors_meta.ROWS, *errors_others.ROWS)
META = {row.platform for row in errors_meta.ROWS}
RETRYABLE = ("transient", "quota", "limit", "late")
NUMBERS = count(1)
CLIENT = "ampost-sandbox"  # what the server calls itself on a simulator
WAITS, TIMES = ("transient", "quota"), {"auth": 3}
PHOTO, FILM = ("photo-1.jpg",), ("film.mp4",)
#: What is published: files, and the placement.
POSTS: dict[str, tuple[tuple[str, ...], str | None]] = {
    "text": ((), None), "photo": (PHOTO, None), "film": (FILM, None), "reel": (FILM, "reel"),
}  # fmt: skip
#: Rows that are not tried: 200 to 299 are one row, whose ends are, and no post meets what Facebook says of a login's code.
NOT_TRIED = {*(str(code) for code in range(200, 300)), "100/36007", "100/36009"}
#: What each platform's table must have; LinkedIn documents nothing that a member must do.
CLASSES = {"content", "auth", "transient", "unknown"}

simulator = pytest.fixture(simulating, name="simulator", scope="module")


@dataclass
class Going:
    """The time, as far as it was moved."""

    shift: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.shift


@dataclass
class Desk:
    """An author with one account on one platform."""

    app: App
    author: Author
    world: World
    media: str
    who: Identity
    account_id: str = ""
    posts: list[str] = field(default_factory=list)

    def connect(self, expired: bool = False) -> None:
        """Connects the account (again), with a token that stays good or one that has to be refreshed first."""
        platform, number = self.who.platform, int(self.who.extra["number"])

        def fill(account_id: str) -> dict[str, Any]:
            def sealed(value: str, column: str) -> str:
                return self.app.keyring.seal(value, self.author.caller.user_id, account_id, column)

            access = {"access_token": sealed(self.world.standing_token(platform, number), "access_token")}
            if not expired:
                return {"username": self.who.username, **access}
            refresh = self.world.issue(platform, self.who.id, "refresh", ["*"], 3600, client_id=CLIENT)
            return {"username": self.who.username, **access, "token_expires_at": self.app.clock() - timedelta(hours=1),
                    "refresh_token": sealed(refresh, "refresh_token")}  # fmt: skip

        self.account_id = self.app.db.write_here(
            account_rows.connect, self.author.caller.user_id, self.author.set_id, platform, self.who.id, fill, self.app.clock()
        )

    async def publish(self, row: Row) -> dict[str, Any]:
        """What `posts_get` tells of the platform post once the error has arrived there."""
        names, placement = POSTS[row.post]
        content: dict[str, Any] = {"text": "Words", "media": [files()[name].described(f"{self.media}/{name}") for name in names]}
        if placement:
            content["platformOverrides"] = {row.platform: {"settings": {"placement": placement}}}
        self.posts.append(await self.author.draft("", row.platform, content=content))
        await self.author.publish(self.posts[0])
        return await self.until(lambda told: told["error"] and told["status"] == ("pending" if row.kind in WAITS else "failed"))

    async def retry(self, **arguments: Any) -> dict[str, Any]:
        await self.author.retry(self.posts[0], **arguments)
        return await self.until(lambda told: told["status"] in ("published", "failed"))

    async def until(self, true: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        told: dict[str, Any] = {}
        try:
            async with asyncio.timeout(10):
                while not true(told := (await self.author.get(self.posts[0]))["platformPosts"][0]):
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"it stays as it is: {told}") from None
        return told

    @property
    def sent(self) -> int:
        return len(self.world.published(self.who.platform, self.who.id))

    async def token_state(self) -> str:
        found = await accounts.get(self.app, self.author.caller, AccountRef(account_id=self.account_id))
        return str(found.model_dump(by_alias=True)["account"]["tokenHealth"]["state"])

    @property
    def is_blocked(self) -> bool:
        row = self.app.db.read_here(tokens.load, self.account_id)
        assert row is not None
        return row.blocked_until is not None and row.blocked_until > self.app.clock()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, simulator: Simulator, media: str
) -> AsyncIterator[App]:
    """An installation with a publisher, for all rows: each has a user of its own."""
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
def desk(running: App, simulator: Simulator, media: str, row: Row) -> Desk:
    world, number, now = simulator.world, next(NUMBERS), running.clock()
    world.replies.clear()
    who = world.identity(row.platform, number)
    who.extra["number"] = number
    made = running.db.write_here(users.create, now, f"user-{number}@example.com", "max")
    caller = Caller(made["id"], made["email"], made["tier"], made["owner_tag"])
    (its_set,) = running.db.read_here(platform_sets.rows, caller.user_id)
    desk = Desk(running, Author(running, caller, its_set["id"]), world, media, who)
    desk.connect(expired=row.step == "token")
    return desk


def arm(desk: Desk, row: Row) -> None:
    answer = row.answer(row.key)
    if answer is None:
        desk.who.extra[row.step] = row.key
        return
    if row.post == "reel":  # the first look is at an upload that has not begun
        desk.world.arm_reply(row.platform, row.step, 200, {"id": "1", "status": {}})
    for _ in range(TIMES.get(row.kind, 1)):
        status, headers, body = answer
        desk.world.arm_reply(row.platform, row.step, status, body, headers)


def disarm(desk: Desk, row: Row) -> None:
    desk.who.extra.pop(row.step, None)
    desk.world.replies.clear()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("row", ROWS, ids=str)
async def test_an_error_ends_in_its_code_class_and_hint(desk: Desk, row: Row) -> None:
    arm(desk, row)
    told = await desk.publish(row)
    error, before = told["error"], desk.sent
    assert row.code == (error["code"] if error["code"] != "BROKER_ERROR" else error["brokerCode"]), error
    assert row.says in (error["hint"] or ""), error
    assert error["message"] and error["retryable"] is (row.kind in RETRYABLE), error
    assert before == (row.post == "reel") and told["url"] is told["platformPostId"] is None
    assert await desk.token_state() == ("reconnect_required" if row.kind == "auth" else "ok")
    assert desk.is_blocked is (row.kind == "quota")
    disarm(desk, row)
    told = await GOES_ON[row.kind](desk, row)
    assert (told["status"], told["error"], desk.sent) == ("published", None, before + 1)


async def by_itself(desk: Desk, row: Row) -> dict[str, Any]:
    clock = desk.app.clock
    assert isinstance(clock, Going)
    clock.shift += timedelta(hours=1)
    desk.app.wake()
    return await desk.until(lambda told: told["status"] == "published")


async def by_retry(desk: Desk, row: Row) -> dict[str, Any]:
    return await desk.retry()


async def by_connecting(desk: Desk, row: Row) -> dict[str, Any]:
    again = await desk.retry()
    assert again["status"] == "failed" and again["error"]["brokerCode"] == "AUTH_EXPIRED"
    desk.connect()
    return await desk.retry()


async def by_taking_the_risk(desk: Desk, row: Row) -> dict[str, Any]:
    assert (await desk.author.retry(desk.posts[0]))["error"] == "INVALID_STATUS_TRANSITION"
    return await desk.retry(platforms=[row.platform], acknowledge_duplicate_risk=True)


GOES_ON = {
    "transient": by_itself, "quota": by_itself, "auth": by_connecting, "unclear": by_taking_the_risk,
    **dict.fromkeys(("limit", "late", "content", "identity", "config", "unknown"), by_retry),
}  # fmt: skip


@pytest.mark.parametrize("platform", sorted(BROKERS))
def test_every_row_of_a_brokers_table_is_tried(platform: str) -> None:
    table = importlib.import_module(f"brokers.{platform}.errors").ROWS
    tried = {row.key for row in ROWS if row.platform == platform}
    if platform in META:
        tried = {next((name for name in errors_meta.names(key) if name in table), key) for key in tried}
    assert set(table) - tried - NOT_TRIED == set()


def test_there_are_rows_of_every_class_on_every_platform() -> None:
    assert len(ROWS) >= 60
    for platform in BROKERS:
        kinds = {row.kind for row in ROWS if row.platform == platform}
        assert kinds >= CLASSES and kinds & {"quota", "limit", "late"}, platform
        assert "identity" in kinds or platform == "linkedin"
