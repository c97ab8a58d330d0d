"""An author with one account on one platform, before the whole engine and the simulator."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from ampost_mcp.context import App
from ampost_mcp.schemas import AccountRef
from ampost_mcp.services import accounts
from brokers.sandbox.world import Identity, World
from storage import accounts as account_rows
from storage import breakers, tokens
from tests.publishing.conftest import Author
from tests.whole.media import files

CLIENT = "ampost-sandbox"  # what the server calls itself on a simulator
PHOTO, FILM = ("photo-1.jpg",), ("film.mp4",)
#: What is published: files, and the placement.
POSTS: dict[str, tuple[tuple[str, ...], str | None]] = {
    "text": ((), None), "photo": (PHOTO, None), "film": (FILM, None), "reel": (FILM, "reel"),
}  # fmt: skip


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

    def connect(self, refreshable: bool = False, expired: bool = False) -> None:
        """Connects the account (again), with a token that stays good, one that can be refreshed, or one that has to be."""
        platform, number = self.who.platform, int(self.who.extra["number"])

        def fill(account_id: str) -> dict[str, Any]:
            def sealed(value: str, column: str) -> str:
                return self.app.keyring.seal(value, self.author.caller.user_id, account_id, column)

            access = {"access_token": sealed(self.world.standing_token(platform, number), "access_token")}
            if not refreshable:
                return {"username": self.who.username, **access}
            refresh = self.world.issue(platform, self.who.id, "refresh", ["*"], 3600, client_id=CLIENT)
            at = self.app.clock() + timedelta(days=-1 if expired else 50)
            return {"username": self.who.username, **access, "token_expires_at": at,
                    "refresh_token": sealed(refresh, "refresh_token")}  # fmt: skip

        self.account_id = self.app.db.write_here(
            account_rows.connect, self.author.caller.user_id, self.author.set_id, platform, self.who.id, fill, self.app.clock()
        )

    async def publish(self, post: str) -> None:
        """Creates one of `POSTS` and publishes it."""
        names, placement = POSTS[post]
        content: dict[str, Any] = {"media": [files()[name].described(f"{self.media}/{name}") for name in names]}
        if placement:
            content["platformOverrides"] = {self.who.platform: {"settings": {"placement": placement}}}
        await self.send(content)

    async def send(self, content: dict[str, Any]) -> None:
        self.posts.append(await self.author.draft("", self.who.platform, content={"text": "Words", **content}))
        await self.author.publish(self.posts[0])

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
        now = self.app.clock()
        its_own = row.blocked_until is not None and row.blocked_until > now
        return its_own or row.platform in self.app.db.read_here(breakers.paused, now)
