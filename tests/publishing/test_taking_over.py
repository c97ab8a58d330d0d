"""What another publisher does with the work of one that died, paused or stopped."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlmodel import Session

from ampost_mcp.context import App, Caller
from ampost_mcp.services.running import FOUND
from brokers.base import Receipt, Sighting
from brokers.errors import NotSent
from brokers.oauth import Tokens
from storage import journal, publishers, queue
from storage.queue import ACCOUNTS, PLATFORM_POSTS, Claim, LostClaim
from tests.publishing.conftest import Author, Script, claimed, publisher

Scripts = dict[str, Script]
#: How many wait for a turn.
WAITING = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")


async def test_publishers_that_claim_at_once_take_turns(
    app: App, author: Author, a_user: Callable[..., Caller], an_account: Callable[..., str], a_set: Callable[..., str]
) -> None:
    """Else each fills the places of a platform by itself, and waits for lanes that the other is about to take."""
    if app.db.is_sqlite:
        pytest.skip("there is one publisher and one writer")
    app.settings = app.settings.model_copy(update={"publish_wait": 0})
    stranger = a_user()
    an_account(stranger, "threads")
    another = Author(app, stranger, a_set(stranger))
    await author.publish(await author.draft())
    has_claimed, may_commit = threading.Event(), threading.Event()

    def claim(session: Session, owner: str) -> list[Claim]:
        found = queue.claim_due(session, owner, app.clock(), caps={"threads": 1}, grace=60)
        has_claimed.set()
        assert may_commit.wait(60)
        return found

    first = asyncio.ensure_future(app.db.write(claim, "first"))
    assert await asyncio.to_thread(has_claimed.wait, 60)
    await another.publish(await another.draft())
    second = asyncio.ensure_future(app.db.write(queue.claim_due, "second", app.clock(), caps={"threads": 1}, grace=60))
    async with asyncio.timeout(60):
        while not second.done() and not await app.db.read(lambda session: session.execute(WAITING).scalar_one()):
            await asyncio.sleep(0.01)
    may_commit.set()
    assert (len(await first), await second) == (1, [])


async def test_a_claim_of_a_dead_publisher_is_resumed(app: App, author: Author, scripts: Scripts) -> None:
    post_id, claim = await claimed(app, author)
    await app.db.write(journal.save_step, claim, "container", "container-0")
    async with publisher(app):
        post = await author.until(post_id, "published")
    assert scripts["threads"].uploaded == 0, "the journal's container is used"
    assert scripts["threads"].sent == ["hello"] and post["platformPosts"][0]["attempts"] == 1


async def test_an_open_intent_is_looked_up_and_never_sent(app: App, author: Author, scripts: Scripts) -> None:
    post_id, claim = await claimed(app, author)
    await app.db.write(journal.open_intent, claim, "release", app.clock())
    async with publisher(app):
        post = await author.until(post_id, "failed")
    assert post["platformPosts"][0]["error"]["code"] == "PUBLISH_OUTCOME_UNKNOWN"
    assert scripts["threads"].sent == [] and scripts["threads"].looks


async def test_an_open_intent_that_took_effect_is_found(app: App, author: Author, scripts: Scripts) -> None:
    post_id, claim = await claimed(app, author)
    await app.db.write(journal.open_intent, claim, "release", app.clock())
    scripts["threads"].sighting = Sighting("published", Receipt("seen"))
    async with publisher(app):
        post = await author.until(post_id, "published")
    assert post["platformPosts"][0]["platformPostId"] == "seen" and scripts["threads"].sent == []


async def test_a_confirmed_send_is_not_sent_again(app: App, author: Author, scripts: Scripts) -> None:
    post_id, claim = await claimed(app, author)
    await app.db.write(journal.open_intent, claim, "release", app.clock())
    await app.db.write(journal.close_intent, claim, "confirmed", app.clock(), step="release", result="remote-x")
    async with publisher(app):
        post = await author.until(post_id, "published")
    assert post["platformPosts"][0]["platformPostId"] == "remote-x" and scripts["threads"].sent == []


async def test_a_paused_publisher_that_wakes_up_is_stopped_by_the_fence(app: App, author: Author) -> None:
    post_id, claim = await claimed(app, author)
    async with publisher(app):
        await author.until(post_id, "published")
    now = app.clock()
    for write in (
        lambda session: journal.save_step(session, claim, "container", "other"),
        lambda session: journal.open_intent(session, claim, "release", now),
        lambda session: journal.close_intent(session, claim, "confirmed", now),
        lambda session: queue.let_go(session, claim, now, status="failed"),
    ):
        with pytest.raises(LostClaim):
            await app.db.write(write)
    assert (await author.get(post_id))["status"] == "published"


async def test_only_what_no_live_publisher_holds_is_freed(app: App, author: Author) -> None:
    _, claim = await claimed(app, author, owner="other")
    now = datetime.now(UTC)
    await app.db.write(publishers.beat, "other", now)
    assert await app.db.write(publishers.sweep, now, alive_since=now - timedelta(seconds=16), me="me") == (0, frozenset())
    assert await app.db.write(publishers.sweep, now, alive_since=now + timedelta(seconds=1), me="me") == (1, frozenset())
    with pytest.raises(LostClaim):
        await app.db.write(journal.save_step, claim, "container", "x")


async def test_a_claim_that_its_own_publisher_never_heard_of_is_freed_at_the_second_sweep(app: App, author: Author) -> None:
    """The database broke after the commit and before it could say so."""
    _, claim = await claimed(app, author, owner="me")
    now = datetime.now(UTC)
    this = frozenset({(claim.platform_post_id, claim.fence)})
    sweep = {"alive_since": None, "me": "me"}
    assert await app.db.write(publishers.sweep, now, running=[claim.platform_post_id], **sweep) == (0, frozenset())
    assert await app.db.write(publishers.sweep, now, **sweep) == (0, this), "perhaps it is only about to begin"
    assert await app.db.write(publishers.sweep, now, running=[claim.platform_post_id], idle=this, **sweep) == (0, frozenset())
    assert await app.db.write(publishers.sweep, now, idle=this, **sweep) == (1, frozenset())
    with pytest.raises(LostClaim):
        await app.db.write(journal.save_step, claim, "container", "x")


async def test_a_publisher_frees_a_claim_that_it_does_not_carry_out(app: App, author: Author, scripts: Scripts) -> None:
    post_id, _ = await claimed(app, author, owner=app.process)
    async with publisher(app) as running:
        await running._sweep()
        await running._sweep()
        post = await author.until(post_id, "published")
    assert scripts["threads"].sent == ["hello"] and post["platformPosts"][0]["attempts"] == 1


async def test_what_was_sent_before_a_death_says_nothing_against_the_platform_now(app: App, author: Author) -> None:
    post_id, claim = await claimed(app, author)
    await app.db.write(journal.open_intent, claim, "release", app.clock())
    async with publisher(app):
        await author.until(post_id, "failed")
    counted = await app.db.read(lambda session: session.execute(select(queue.BREAKERS.c.failures)).all())
    assert counted == []


async def test_a_publisher_that_stops_hands_over_what_it_held(app: App, author: Author, scripts: Scripts) -> None:
    app.settings = app.settings.model_copy(update={"publish_wait": 0})
    scripts["threads"].gate = asyncio.Event()
    async with publisher(app) as running:
        post_id = await author.draft()
        await author.publish(post_id)
        async with asyncio.timeout(5):
            while not scripts["threads"].sent:
                await asyncio.sleep(0.01)
        stopping = asyncio.create_task(running.stop())
        scripts["threads"].gate.set()
        await stopping
    assert (await author.get(post_id))["status"] == "published"
    assert scripts["threads"].sent == ["hello"]


async def test_the_gate_says_when_it_stands_still(app: App, author: Author) -> None:
    async with publisher(app) as running:
        async with asyncio.timeout(5):
            while not (await running.health())["advancing"]:
                await asyncio.sleep(0.01)
        running.last_tick = datetime.now(UTC) - timedelta(minutes=5)
        assert (await running.health())["advancing"] is False


async def test_an_intent_that_was_settled_but_not_recorded_ends_as_it_was_settled(
    app: App, author: Author, scripts: Scripts
) -> None:
    post_id, claim = await claimed(app, author)
    await app.db.write(journal.open_intent, claim, "release", app.clock())
    await app.db.write(journal.close_intent, claim, "unknown", app.clock())
    async with publisher(app):
        post = await author.until(post_id, "failed")
    assert post["platformPosts"][0]["error"]["code"] == "PUBLISH_OUTCOME_UNKNOWN" and scripts["threads"].sent == []


async def test_an_intent_that_was_refused_but_not_recorded_is_a_new_attempt(app: App, author: Author, scripts: Scripts) -> None:
    post_id, claim = await claimed(app, author)
    await app.db.write(journal.open_intent, claim, "release", app.clock())
    await app.db.write(journal.close_intent, claim, "rejected", app.clock())
    async with publisher(app):
        post = await author.until(post_id, "published")
    assert post["platformPosts"][0]["attempts"] == 2 and scripts["threads"].sent == ["hello"]


async def test_a_look_that_found_it_but_was_not_recorded_counts(app: App, author: Author, scripts: Scripts) -> None:
    post_id, claim = await claimed(app, author)
    await app.db.write(journal.open_intent, claim, "release", app.clock())
    found = {"id": "seen", "url": None}
    await app.db.write(journal.close_intent, claim, "confirmed", app.clock(), step=FOUND, result=found)
    async with publisher(app):
        post = await author.until(post_id, "published")
    assert post["platformPosts"][0]["platformPostId"] == "seen" and scripts["threads"].sent == []


@pytest.mark.parametrize("columns", [{"status": "revoked"}, {"reconnect_required": True}])
async def test_an_open_intent_of_a_lost_account_is_no_plain_failure(
    app: App, author: Author, scripts: Scripts, columns: dict[str, Any]
) -> None:
    """A retry must not take it for a post that never left."""
    post_id, claim = await claimed(app, author)
    await app.db.write(journal.open_intent, claim, "release", app.clock())
    await _change_account(app, claim, **columns)
    async with publisher(app):
        post = await author.until(post_id, "failed")
        assert (await author.retry(post_id))["error"] == "INVALID_STATUS_TRANSITION"
    assert post["platformPosts"][0]["error"]["code"] == "PUBLISH_OUTCOME_UNKNOWN" and scripts["threads"].sent == []


async def test_an_open_intent_whose_account_cannot_be_used_right_now_waits_and_is_not_sent(
    app: App, author: Author, scripts: Scripts
) -> None:
    post_id, claim = await claimed(app, author)
    await app.db.write(journal.open_intent, claim, "release", app.clock())
    answers = [NotSent("no connection")] * 3

    async def refresh(*_: Any) -> Tokens:
        if answers:
            raise answers.pop()
        return Tokens("new", expires_in=3600)

    oauth = replace(app.brokers["threads"].oauth, refresh=refresh, refreshes_access_token=True)
    app.brokers["threads"] = replace(app.brokers["threads"], oauth=oauth)
    await _change_account(app, claim, token_expires_at=app.clock() - timedelta(hours=1))
    scripts["threads"].sighting = Sighting("published", Receipt("seen"))
    async with publisher(app):
        async with asyncio.timeout(10):
            while not (error := (post := await author.get(post_id))["platformPosts"][0]["error"]):
                await asyncio.sleep(0.01)
        assert post["status"] == "posting" and error["retryable"] is True
        answers.clear()
        await app.db.write(lambda session: session.execute(update(PLATFORM_POSTS).values(next_at=app.clock())) and None)
        post = await author.until(post_id, "published", "failed")
    assert (post["platformPosts"][0]["platformPostId"], post["platformPosts"][0]["attempts"]) == ("seen", 1)
    assert scripts["threads"].sent == []


async def test_a_look_that_found_it_needs_no_account_any_more(app: App, author: Author, scripts: Scripts) -> None:
    post_id, claim = await claimed(app, author)
    await app.db.write(journal.open_intent, claim, "release", app.clock())
    found = {"id": "seen", "url": None}
    await app.db.write(journal.close_intent, claim, "confirmed", app.clock(), step=FOUND, result=found)
    await _change_account(app, claim, status="revoked")
    async with publisher(app):
        assert (await author.until(post_id, "published", "failed"))["status"] == "published"


async def _change_account(app: App, claim: Claim, **columns: Any) -> None:
    its = ACCOUNTS.c.id == claim.account_id
    await app.db.write(lambda session: session.execute(update(ACCOUNTS).where(its).values(**columns)) and None)
