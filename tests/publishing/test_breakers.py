"""What is held back while a platform does not answer or asks for a pause, and what its post says then."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlmodel import Session

from ampost_mcp.context import App, Caller
from ampost_mcp.schemas import PostList
from ampost_mcp.services import metrics, posts
from brokers.errors import NotSent, PlatformError, Unclear
from storage import breakers
from storage.queue import PLATFORM_POSTS, POSTS
from storage.tables import new_id
from tests.publishing.conftest import Author, Script, publisher, raises

Scripts = dict[str, Script]
#: What a platform post says that is held back, with the time.
HELD = re.compile(r"so nothing is sent until (\d\d:\d\d:\d\d) UTC\.")


@pytest.fixture
def impatient(app: App) -> App:
    """Publish calls that do not wait."""
    app.settings = app.settings.model_copy(update={"publish_wait": 0})
    return app


def _until(its: dict[str, Any]) -> datetime | None:
    """The time that a held-back platform post names, on the day that is next to it."""
    said = HELD.search((its["error"] or {}).get("message", ""))
    if said is None:
        return None
    now = datetime.now(UTC)
    at = datetime.combine(now.date(), datetime.strptime(said[1], "%H:%M:%S").time(), UTC)
    return at if at > now - timedelta(hours=12) else at + timedelta(days=1)


async def _open(app: App, platform: str) -> None:
    """For an hour, so that no slow machine sees it close by itself."""
    for _ in range(breakers.THRESHOLD):
        await app.db.write(breakers.failed, platform, app.clock() + timedelta(hours=1))


def _later(app: App, **by: float) -> None:
    """Moves the clock."""
    ahead = timedelta(**by)
    app.clock = lambda: datetime.now(UTC) + ahead
    app.wake()


async def _held(author: Author, post_id: str) -> dict[str, Any]:
    async with asyncio.timeout(10):
        while not HELD.search(str(its := (await author.get(post_id))["platformPosts"][0])):
            await asyncio.sleep(0.01)
    return its


async def test_a_post_says_until_when_its_platform_is_left_alone(impatient: App, author: Author, scripts: Scripts) -> None:
    app = impatient
    scripts["threads"].uploads = [raises(NotSent("refused"))]
    ids = [await author.draft(f"post {number}") for number in range(breakers.THRESHOLD + 1)]
    async with publisher(app):
        for post_id in ids:
            await author.publish(post_id)
        its = await _held(author, ids[-1])
        assert (its["status"], its["error"]["retryable"]) == ("pending", True)
        assert "Threads has not answered lately" in its["error"]["message"]
        until = _until(its)
        assert until is not None and timedelta(0) < until - datetime.now(UTC) < timedelta(seconds=breakers.FIRST + 1)
        uploads = scripts["threads"].uploaded
        await author.publish(other := await author.draft("other", "facebook"))
        await author.until(other, "published")
        assert scripts["threads"].uploaded == uploads, "nothing is sent to it meanwhile"
        listed = await posts.list_posts(app, author.caller, PostList())
        assert HELD.search(str(listed.model_dump(mode="json"))), "lists say it too"
        scripts["threads"].uploads = [lambda: None]
        _later(app, seconds=breakers.FIRST + 1)
        for post_id in ids:
            await author.until(post_id, "published")
    assert (await author.get(ids[-1]))["platformPosts"][0]["error"] is None


async def test_what_comes_due_meanwhile_is_queued_and_says_so(impatient: App, author: Author, scripts: Scripts) -> None:
    await _open(impatient, "facebook")
    soon = (datetime.now(UTC) + timedelta(seconds=0.2)).isoformat()
    post_id = await author.draft("scheduled", "facebook", scheduledFor=soon)
    async with publisher(impatient):
        await author.until(post_id, "queued")
        assert _until((await author.get(post_id))["platformPosts"][0])
        assert b'ampost_platform_paused_seconds{platform="facebook"} 3' in await metrics.render(impatient)
    assert scripts["facebook"].sent == []


async def test_every_process_heeds_a_breaker(impatient: App, author: Author, scripts: Scripts) -> None:
    """It is a row, so that a publisher started afterwards knows it."""
    await _open(impatient, "threads")
    await author.publish(post_id := await author.draft())
    async with publisher(impatient) as running:
        await author.publish(witness := await author.draft("witness", "facebook"))
        await author.until(witness, "published")
        assert scripts["threads"].sent == [] and (await running.health())["advancing"]
        assert (await author.cancel(post_id))["status"] == "discarded", "what is held back can be taken back"


async def test_an_account_that_was_asked_to_wait_says_until_when(
    impatient: App, author: Author, scripts: Scripts, a_user: Callable[..., Caller], an_account: Callable[..., str],
    a_set: Callable[..., str],
) -> None:  # fmt: skip
    scripts["threads"].sends = [raises(PlatformError("Slow down.", kind="quota", retry_after=60, status=429)), lambda: None]
    first, second = await author.draft("first"), await author.draft("second")
    async with publisher(impatient):
        await author.publish(first)
        async with asyncio.timeout(10):
            while not (await author.get(first))["platformPosts"][0]["error"]:
                await asyncio.sleep(0.01)
        await author.publish(second)
        its = await _held(author, second)
        assert "Threads asked this account to wait" in its["error"]["message"]
        until = _until(its)
        assert until is not None and timedelta(seconds=50) < until - datetime.now(UTC) < timedelta(seconds=61)
        stranger = a_user()
        an_account(stranger, "threads")
        another = Author(impatient, stranger, a_set(stranger))
        await another.publish(post_id := await another.draft("not held"))
        await another.until(post_id, "published")
    assert scripts["threads"].sent == ["first", "not held"]


async def test_a_quota_that_all_accounts_share_holds_them_all(
    impatient: App, author: Author, scripts: Scripts, a_user: Callable[..., Caller], an_account: Callable[..., str],
    a_set: Callable[..., str],
) -> None:  # fmt: skip
    limited = PlatformError("The app's limit.", kind="quota", retry_after=600, status=429, app_wide=True)
    scripts["threads"].sends = [raises(limited), lambda: None]
    stranger = a_user()
    an_account(stranger, "threads")
    another = Author(impatient, stranger, a_set(stranger))
    first, held = await author.draft("first"), await another.draft("held")
    async with publisher(impatient):
        await author.publish(first)
        await _held(author, first)
        await another.publish(held)
        its = await _held(another, held)
        assert its["error"]["message"].startswith("Threads asked this server to wait, so nothing is sent until ")
        its = (await author.get(first))["platformPosts"][0]
        assert HELD.search(its["error"]["message"]) and "Trying again" not in its["error"]["message"], "one time is said"
        await author.publish(other := await author.draft("other", "facebook"))
        await author.until(other, "published")
        assert scripts["threads"].sent == ["first"]
        _later(impatient, minutes=11)
        for who, post_id in ((author, first), (another, held)):
            await who.until(post_id, "published")
    assert sorted(scripts["threads"].sent) == ["first", "first", "held"]


@pytest.mark.parametrize(
    ("last", "is_open"),
    [(Unclear("timeout"), True), (PlatformError("No.", kind="content", status=400), False)],
    ids=["never answered", "answered at last"],
)
async def test_unclear_outcomes_open_it_and_any_answer_closes_it(
    app: App, author: Author, scripts: Scripts, last: Exception, is_open: bool
) -> None:
    unclear = raises(Unclear("timeout"))
    scripts["threads"].sends = [*[unclear] * (breakers.THRESHOLD - 1), raises(last), unclear]
    async with publisher(app):
        for number in range(breakers.THRESHOLD):
            assert "error" in await author.publish(await author.draft(f"post {number}"))
    assert ("threads" in await app.db.read(breakers.paused, app.clock())) is is_open


async def test_its_pauses_grow_one_outage_at_a_time(app: App) -> None:
    at = datetime.now(UTC)
    pauses = []
    for _ in range(12):
        for _ in range(64):  # all that was under way fails at once
            until = await app.db.write(breakers.failed, "threads", at)
        assert until is not None
        pauses.append((until - at).total_seconds())
        at = until
    assert pauses == [min(breakers.LONGEST, breakers.FIRST * 2**number) for number in range(12)]
    await app.db.write(breakers.worked, "threads")
    assert await app.db.write(breakers.failed, "threads", at) is None


async def test_a_thousand_posts_that_wait_for_a_hung_platform_delay_no_other(
    impatient: App, author: Author, scripts: Scripts
) -> None:
    app, hung = impatient, scripts["threads"]
    hung.gate = asyncio.Event()
    app.brokers["threads"] = replace(app.brokers["threads"], lanes=1)
    await author.publish(post_id := await author.draft("hung"))
    await app.db.write(_copies, post_id, 1000, app.clock())
    async with publisher(app) as running:
        async with asyncio.timeout(10):
            while not hung.sent:
                await asyncio.sleep(0.01)
        await author.publish(other := await author.draft("other", "facebook"))
        await author.until(other, "published")
        assert (await running.health())["advancing"], "that others wait for a place is no standstill"
        assert hung.sent == ["hung"]
        hung.gate.set()


def _copies(session: Session, post_id: str, many: int, now: datetime) -> None:
    """As many due posts of other accounts on the same platform, more than one claim looks at, due a little later."""
    post = dict(session.execute(select(POSTS).where(POSTS.c.id == post_id)).mappings().one())
    its = dict(session.execute(select(PLATFORM_POSTS).where(PLATFORM_POSTS.c.post_id == post_id)).mappings().one())
    due = now - timedelta(seconds=120)
    session.execute(update(PLATFORM_POSTS).values(next_at=due - timedelta(seconds=1)))
    posts = [{**post, "id": new_id(), "seq": 1_000_000 + number} for number in range(many)]
    session.execute(POSTS.insert(), posts)
    rows = [{**its, "id": new_id(), "post_id": one["id"], "post_seq": one["seq"], "account_id": new_id(), "next_at": due}
            for one in posts]  # fmt: skip
    session.execute(PLATFORM_POSTS.insert(), rows)
