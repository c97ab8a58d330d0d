"""A publisher over scripted brokers: the engine's behaviour without any platform's HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from ampost_mcp.context import App, Caller
from ampost_mcp.errors import AppError
from ampost_mcp.schemas import PostCreate, PostRef, PostRetry
from ampost_mcp.services import posts, publishing
from ampost_mcp.services.scheduler import Publisher
from brokers.base import NOT_SEEN, Account, Attempt, Draft, Receipt, Sighting, Steps
from brokers.platform_http import PlatformHttp
from storage import queue
from storage.queue import Claim

Do = Callable[[], Awaitable[Any]]


@dataclass
class Script:
    """A platform that does what a test says. `sends` are called for irreversible requests in turn, the last one again and
    again; `sent` lists texts in the order of the requests; `at_once` is the most that ran at one time an account."""

    sends: list[Callable[[], Any]] = field(default_factory=lambda: [lambda: None])
    uploads: list[Callable[[], Any]] = field(default_factory=lambda: [lambda: None])
    sighting: Sighting = NOT_SEEN
    sent: list[str] = field(default_factory=list)
    uploaded: int = 0
    looks: int = 0
    gate: asyncio.Event | None = None
    running: dict[str, int] = field(default_factory=dict)
    at_once: int = 0

    async def publish(self, api: PlatformHttp, account: Account, draft: Draft, steps: Steps) -> Receipt:
        self.running[account.id] = self.running.get(account.id, 0) + 1
        self.at_once = max(self.at_once, *self.running.values())
        try:
            await steps.upload("container", self._upload)
            post_id = await steps.publish("release", lambda _: self._send(draft.text))
            return Receipt(post_id, f"https://example.com/{post_id}")
        finally:
            self.running[account.id] -= 1

    async def find(self, api: PlatformHttp, account: Account, draft: Draft, attempt: Attempt) -> Sighting:
        self.looks += 1
        return self.sighting

    async def _upload(self) -> str:
        self.uploaded += 1
        _next(self.uploads)
        return f"container-{self.uploaded}"

    async def _send(self, text: str) -> str:
        self.sent.append(text)
        number = len(self.sent)
        if self.gate is not None:
            await self.gate.wait()
        _next(self.sends)
        return f"remote-{number}"


def _next(steps: list[Callable[[], Any]]) -> None:
    (steps.pop(0) if len(steps) > 1 else steps[0])()


def raises(error: Exception) -> Callable[[], None]:
    def do() -> None:
        raise error

    return do


@pytest.fixture
def app(app: App) -> App:
    """The engine's retries and schedules need a clock that goes."""
    app.clock = lambda: datetime.now(UTC)
    return app


@pytest.fixture
def scripts(app: App) -> dict[str, Script]:
    """Scripted brokers for Threads, Facebook and X."""
    scripts = {platform: Script() for platform in ("threads", "facebook", "twitter")}
    app.brokers = {**app.brokers}
    for platform, script in scripts.items():
        app.brokers[platform] = replace(app.brokers[platform], publish=script.publish, find=script.find, settle=(0.0, 0.0))
    return scripts


@asynccontextmanager
async def publisher(app: App) -> AsyncIterator[Publisher]:
    """A running publisher in this process."""
    app.publisher = running = Publisher(app)
    task = asyncio.create_task(running.run())
    try:
        yield running
    finally:
        await running.stop()
        await task
        app.publisher = None


@dataclass
class Author:
    """A caller with accounts, who writes posts and reads them back on the wire."""

    app: App
    caller: Caller
    set_id: str

    async def draft(self, text: str = "hello", *platforms: str, **fields: Any) -> str:
        raw = {"content": {"text": text}, "platforms": list(platforms or ["threads"]), "platformSetId": self.set_id}
        made = await posts.create(self.app, self.caller, PostCreate.model_validate({**raw, **fields}))
        return str(_wire(made)["id"])

    async def publish(self, post_id: str) -> dict[str, Any]:
        """The post, or the error's code under `error`."""
        return await self._told(publishing.publish(self.app, self.caller, PostRef(post_id=post_id)))

    async def retry(self, post_id: str, **arguments: Any) -> dict[str, Any]:
        args = PostRetry(post_id=post_id, **arguments)
        return await self._told(publishing.retry(self.app, self.caller, args))

    async def cancel(self, post_id: str) -> dict[str, Any]:
        return await self._told(posts.discard(self.app, self.caller, PostRef(post_id=post_id)))

    async def get(self, post_id: str) -> dict[str, Any]:
        return _wire(await posts.get(self.app, self.caller, PostRef(post_id=post_id)))

    async def until(self, post_id: str, *statuses: str) -> dict[str, Any]:
        async with asyncio.timeout(15):
            while (post := await self.get(post_id))["status"] not in statuses:
                await asyncio.sleep(0.01)
        return post

    async def _told(self, call: Awaitable[Any]) -> dict[str, Any]:
        try:
            return _wire(await call)
        except AppError as error:
            return {"error": error.code, "details": error.details}


def _wire(answer: Any) -> dict[str, Any]:
    return dict(answer.model_dump(by_alias=True, mode="json")["post"])


@pytest.fixture
def author(
    app: App, a_user: Callable[..., Caller], a_set: Callable[..., str], an_account: Callable[..., str],
    scripts: dict[str, Script],
) -> Author:  # fmt: skip
    caller = a_user()
    for platform in scripts:
        an_account(caller, platform)
    return Author(app, caller, a_set(caller))


async def claimed(app: App, author: Author, owner: str = "dead") -> tuple[str, Claim]:
    """A post whose platform post a process that no longer exists has claimed."""
    app.settings = app.settings.model_copy(update={"publish_wait": 0})
    post_id = await author.draft()
    await author.publish(post_id)
    claims = await app.db.write(queue.claim_due, owner, app.clock(), caps={}, grace=60)
    return post_id, claims[0]
