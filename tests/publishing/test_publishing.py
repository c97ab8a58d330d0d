"""Publishing: what is sent, how often, and what a post says about it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ampost_mcp.context import App
from brokers.base import Account, Draft, Receipt, Sighting, Steps
from brokers.errors import NotSent, PlatformError, Unclear
from brokers.platform_http import PlatformHttp
from storage.tables import PublishIntent
from tests.publishing.conftest import Author, Script, publisher, raises

Scripts = dict[str, Script]


async def test_a_draft_is_published_once_and_says_where(app: App, author: Author, scripts: Scripts) -> None:
    async with publisher(app):
        post = await author.publish(await author.draft("hello", "threads", "facebook"))
    assert post["status"] == "published"
    assert [(pp["status"], pp["platformPostId"], pp["attempts"]) for pp in post["platformPosts"]] == [
        ("published", "remote-1", 1)
    ] * 2
    assert scripts["threads"].sent == scripts["facebook"].sent == ["hello"]


async def test_a_published_post_is_not_published_again(app: App, author: Author, scripts: Scripts) -> None:
    async with publisher(app):
        post_id = await author.draft()
        await author.publish(post_id)
        assert (await author.publish(post_id))["error"] == "INVALID_STATUS_TRANSITION"
    assert scripts["threads"].sent == ["hello"]


async def test_two_publish_calls_at_once_send_once(app: App, author: Author, scripts: Scripts) -> None:
    async with publisher(app):
        post_id = await author.draft()
        answers = await asyncio.gather(*(author.publish(post_id) for _ in range(5)))
    assert sorted(answer.get("status", "refused") for answer in answers) == ["published"] + ["refused"] * 4
    assert scripts["threads"].sent == ["hello"]


@pytest.mark.parametrize("error", [Unclear("reset"), RuntimeError("cannot read the answer")])
async def test_an_unclear_answer_is_never_sent_again(app: App, author: Author, scripts: Scripts, error: Exception) -> None:
    scripts["threads"].sends = [raises(error)]
    async with publisher(app):
        answer = await author.publish(post_id := await author.draft())
        assert answer["error"] == "PUBLISH_OUTCOME_UNKNOWN"
        post = await author.get(post_id)
        assert post["status"] == "failed" and post["platformPosts"][0]["error"]["retryable"] is False
        refused = await author.retry(post_id)
        assert refused["error"] == "INVALID_STATUS_TRANSITION"
        assert refused["details"] == [
            {"code": "INVALID_STATUS_TRANSITION", "field": "acknowledgeDuplicateRisk", "platform": "threads",
             "actual": "PUBLISH_OUTCOME_UNKNOWN"}
        ]  # fmt: skip
        assert (await author.retry(post_id, platforms=["threads"]))["error"] == "INVALID_STATUS_TRANSITION"
        assert (await author.retry(post_id, acknowledge_duplicate_risk=True))["error"] == "INVALID_STATUS_TRANSITION"
        assert scripts["threads"].sent == ["hello"] and scripts["threads"].looks > 1
        scripts["threads"].sends = [lambda: None]
        again = await author.retry(post_id, platforms=["threads"], acknowledge_duplicate_risk=True)
    assert again["status"] == "published" and again["platformPosts"][0]["attempts"] == 2


async def test_an_unclear_answer_is_settled_by_a_look(app: App, author: Author, scripts: Scripts) -> None:
    scripts["threads"].sends = [raises(Unclear("timeout"))]
    scripts["threads"].sighting = Sighting("published", Receipt("seen", "https://example.com/seen"))
    async with publisher(app):
        post = await author.publish(await author.draft())
    assert (post["status"], post["platformPosts"][0]["platformPostId"]) == ("published", "seen")
    assert scripts["threads"].sent == ["hello"]


async def test_a_look_that_finds_a_refusal_says_why(app: App, author: Author, scripts: Scripts) -> None:
    scripts["threads"].sends = [raises(Unclear("timeout"))]
    refusal = PlatformError("The video is bad.", kind="content", code="MEDIA_UPLOAD_FAILED")
    scripts["threads"].sighting = Sighting("refused", error=refusal)
    async with publisher(app):
        assert (await author.publish(await author.draft()))["error"] == "MEDIA_UPLOAD_FAILED"


async def test_a_handle_that_may_go_on_does_so_under_the_same_attempt(app: App, author: Author, scripts: Scripts) -> None:
    scripts["threads"].sends = [raises(Unclear("broken off")), lambda: None]
    scripts["threads"].sighting = Sighting("resume")
    async with publisher(app):
        post = await author.publish(await author.draft())
    assert post["status"] == "published" and post["platformPosts"][0]["attempts"] == 1
    assert scripts["threads"].uploaded == 1


async def test_what_surely_was_not_sent_is_tried_again(app: App, author: Author, scripts: Scripts) -> None:
    limited = PlatformError("Slow down.", kind="quota", retry_after=0.05)
    scripts["threads"].sends = [raises(limited), raises(limited), lambda: None]
    async with publisher(app):
        post = await author.publish(await author.draft())
    assert post["status"] == "published" and post["platformPosts"][0]["attempts"] == 3
    assert scripts["threads"].uploaded == 1, "the container is kept"


async def test_tries_end(app: App, author: Author, scripts: Scripts) -> None:
    scripts["threads"].sends = [raises(PlatformError("Slow down.", kind="quota", retry_after=0.02))]
    async with publisher(app):
        answer = await author.publish(post_id := await author.draft())
        assert answer["error"] == "BROKER_ERROR"
        error = (await author.get(post_id))["platformPosts"][0]["error"]
    assert error["retryable"] is True and len(scripts["threads"].sent) == 5
    assert error["hint"] == "posts_retry tries again later.", "the server has given up"


async def test_a_wait_longer_than_an_hour_is_not_begun(app: App, author: Author, scripts: Scripts) -> None:
    scripts["threads"].sends = [raises(PlatformError("Tomorrow.", kind="quota", retry_after=86400))]
    async with publisher(app):
        assert (await author.publish(await author.draft()))["error"] == "BROKER_ERROR"
    assert len(scripts["threads"].sent) == 1


async def test_no_connection_is_no_attempt_at_the_platform(app: App, author: Author, scripts: Scripts) -> None:
    scripts["threads"].sends = [raises(NotSent("refused"))]
    async with publisher(app):
        app.settings = app.settings.model_copy(update={"publish_wait": 0})
        post = await author.publish(post_id := await author.draft())
        async with asyncio.timeout(10):
            while not (post := await author.get(post_id))["platformPosts"][0]["error"]:
                await asyncio.sleep(0.01)
    assert post["status"] == "posting", "it waits for its next try"
    assert post["platformPosts"][0]["error"]["retryable"] is True


async def test_one_platforms_failure_is_its_own(app: App, author: Author, scripts: Scripts) -> None:
    scripts["facebook"].sends = [raises(PlatformError("No.", kind="content")), lambda: None]
    async with publisher(app):
        post = await author.publish(post_id := await author.draft("hello", "threads", "facebook"))
        assert post["status"] == "partial"
        assert (await author.retry(post_id, platforms=["threads"]))["error"] == "INVALID_STATUS_TRANSITION"
        assert (await author.retry(post_id, platforms=["twitter"]))["error"] == "VALIDATION_FAILED"
        assert (await author.retry(post_id, platforms=[]))["error"] == "NO_PLATFORMS_SELECTED"
        assert (await author.retry(post_id))["status"] == "published"
    assert scripts["threads"].sent == ["hello"] and len(scripts["facebook"].sent) == 2


async def test_an_account_publishes_one_at_a_time_and_in_order(app: App, author: Author, scripts: Scripts) -> None:
    app.settings = app.settings.model_copy(update={"publish_wait": 0})
    ids = [await author.draft(f"post {number}") for number in range(6)]
    for post_id in ids:
        await author.publish(post_id)
    assert (await author.get(ids[-1]))["status"] == "queued"
    async with publisher(app):
        for post_id in ids:
            await author.until(post_id, "published")
    assert scripts["threads"].sent == [f"post {number}" for number in range(6)]
    assert scripts["threads"].at_once == 1


async def test_a_hung_platform_delays_no_other(app: App, author: Author, scripts: Scripts) -> None:
    scripts["threads"].gate = asyncio.Event()
    app.settings = app.settings.model_copy(update={"publish_wait": 0})
    async with publisher(app):
        hung = await author.draft("hung", "threads")
        await author.publish(hung)
        other = await author.draft("other", "facebook")
        await author.publish(other)
        await author.until(other, "published")
        assert (await author.get(hung))["status"] == "posting"
        assert (await author.cancel(hung))["error"] == "INVALID_STATUS_TRANSITION"
        scripts["threads"].gate.set()
        await author.until(hung, "published")


async def test_a_scheduled_post_goes_out_at_its_time_not_before(app: App, author: Author, scripts: Scripts) -> None:
    at = datetime.now(UTC) + timedelta(seconds=0.4)
    async with publisher(app):
        post_id = await author.draft("later", "facebook", scheduledFor=at.isoformat())
        post = await author.until(post_id, "published")
    assert datetime.fromisoformat(post["publishedAt"]) >= at


async def test_a_cancelled_post_is_never_sent(app: App, author: Author, scripts: Scripts) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=0.3)).isoformat()
    async with publisher(app):
        post_id = await author.draft("never", "facebook", scheduledFor=soon)
        post = await author.cancel(post_id)
        assert (post["status"], post["platformPosts"][0]["status"]) == ("discarded", "cancelled")
        witness = await author.draft("witness", "facebook", scheduledFor=(datetime.now(UTC) + timedelta(seconds=0.5)).isoformat())
        await author.until(witness, "published")
    assert scripts["facebook"].sent == ["witness"]


async def test_what_is_too_late_fails_and_says_so(app: App, author: Author, scripts: Scripts) -> None:
    at = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    post_id = await author.draft("late", "facebook", scheduledFor=at)
    app.clock = lambda: datetime.now(UTC) + timedelta(seconds=app.settings.late_grace + 120)
    async with publisher(app):
        post = await author.until(post_id, "failed")
        assert post["platformPosts"][0]["error"]["code"] == "MISSED_SCHEDULE" and not scripts["facebook"].sent
        assert (await author.retry(post_id))["status"] == "published"


async def test_a_second_send_of_an_attempt_cannot_be_recorded(app: App, author: Author, scripts: Scripts) -> None:
    from sqlalchemy.exc import IntegrityError

    async with publisher(app):
        post = await author.publish(await author.draft())
    row = {"platform_post_id": post["platformPosts"][0]["id"], "attempt": 1, "step": "release", "fence": 9}
    with pytest.raises(IntegrityError):
        await app.db.write(lambda session: session.add(PublishIntent(**row)))


async def test_what_goes_wrong_after_the_send_sends_nothing_again(app: App, author: Author, scripts: Scripts) -> None:
    script = scripts["threads"]

    async def slow(api: PlatformHttp, account: Account, draft: Draft, steps: Steps) -> Receipt:
        await script.publish(api, account, draft, steps)
        raise PlatformError("Still processing.", kind="transient", restart=True, retry_after=0.02)

    app.brokers["threads"] = replace(app.brokers["threads"], publish=slow)
    async with publisher(app):
        answer = await author.publish(await author.draft())
    assert answer["error"] == "PUBLISH_OUTCOME_UNKNOWN" and script.sent == ["hello"]


async def test_a_fault_of_ours_after_the_send_is_no_plain_failure(app: App, author: Author, scripts: Scripts) -> None:
    script = scripts["threads"]

    async def broken(api: PlatformHttp, account: Account, draft: Draft, steps: Steps) -> Receipt:
        await script.publish(api, account, draft, steps)
        raise KeyError("a fault of ours")

    app.brokers["threads"] = replace(app.brokers["threads"], publish=broken)
    async with publisher(app):
        answer = await author.publish(post_id := await author.draft())
        assert answer["error"] == "PUBLISH_OUTCOME_UNKNOWN"
        assert (await author.retry(post_id))["error"] == "INVALID_STATUS_TRANSITION"
    assert script.sent == ["hello"]


@pytest.mark.parametrize(("kind", "code"), [("auth", "PUBLISH_OUTCOME_UNKNOWN"), ("config", "PUBLISH_OUTCOME_UNKNOWN"),
                                            ("unknown", "PUBLISH_OUTCOME_UNKNOWN"), ("content", "BROKER_ERROR"),
                                            ("identity", "BROKER_ERROR")])  # fmt: skip
async def test_only_a_verdict_of_the_platform_makes_a_sent_post_a_failed_one(
    app: App, author: Author, scripts: Scripts, kind: Any, code: str
) -> None:
    """That the platform refuses a question after the send says nothing about the post."""
    script = scripts["threads"]

    async def refused(api: PlatformHttp, account: Account, draft: Draft, steps: Steps) -> Receipt:
        await script.publish(api, account, draft, steps)
        raise PlatformError("No.", kind=kind)

    app.brokers["threads"] = replace(app.brokers["threads"], publish=refused)
    async with publisher(app):
        assert (await author.publish(await author.draft()))["error"] == code
    assert script.sent == ["hello"]


async def test_what_cannot_be_built_again_after_the_send_is_no_verdict(app: App, author: Author, scripts: Scripts) -> None:
    """A broker that runs again from its top, because of a break after the send, may fail before it comes there."""
    script, runs = scripts["threads"], 0

    async def broken(api: PlatformHttp, account: Account, draft: Draft, steps: Steps) -> Receipt:
        nonlocal runs
        runs += 1
        if runs > 1:
            raise PlatformError("The media is gone.", kind="content", code="MEDIA_UPLOAD_FAILED")
        await script.publish(api, account, draft, steps)
        raise PlatformError("Ask again.", kind="transient", retry_after=0.02)

    app.brokers["threads"] = replace(app.brokers["threads"], publish=broken)
    async with publisher(app):
        assert (await author.publish(await author.draft()))["error"] == "PUBLISH_OUTCOME_UNKNOWN"
    assert script.sent == ["hello"] and runs == 2
