"""Refusals that a platform is known to send although the post is out."""

from __future__ import annotations

from typing import Any

import pytest

from ampost_mcp.context import App
from brokers.base import Receipt, Sighting
from brokers.errors import PlatformError
from storage import journal
from tests.publishing.conftest import Author, Script, claimed, publisher, raises

Scripts = dict[str, Script]
SPAM = "We restrict certain activity to protect our community."


def doubtful() -> PlatformError:
    return PlatformError(SPAM, kind="identity", platform_code="4/2207051", may_have_posted=True)


def error_of(post: dict[str, Any]) -> dict[str, Any]:
    return dict(post["platformPosts"][0]["error"])


async def test_a_doubtful_refusal_that_no_look_clears_up_says_what_the_platform_said(
    app: App, author: Author, scripts: Scripts
) -> None:
    scripts["threads"].sends = [raises(doubtful())]
    async with publisher(app):
        post_id = await author.draft()
        assert (await author.publish(post_id))["error"] == "PUBLISH_OUTCOME_UNKNOWN"
        assert (await author.retry(post_id))["error"] == "INVALID_STATUS_TRANSITION"
        error = error_of(await author.get(post_id))
    assert error["code"] == "PUBLISH_OUTCOME_UNKNOWN" and error["retryable"] is False
    assert SPAM in error["message"] and "did not answer" not in error["message"]
    assert scripts["threads"].sent == ["hello"] and scripts["threads"].looks > 1


async def test_a_doubtful_refusal_of_a_post_that_is_out_is_no_failure(app: App, author: Author, scripts: Scripts) -> None:
    scripts["threads"].sends = [raises(doubtful())]
    scripts["threads"].sighting = Sighting("published", Receipt("seen", "https://example.com/seen"))
    async with publisher(app):
        post = await author.publish(await author.draft())
    assert post["status"] == "published" and post["platformPosts"][0]["platformPostId"] == "seen"
    assert scripts["threads"].sent == ["hello"]


@pytest.mark.parametrize("is_closed", [False, True], ids=["before the look", "after the look"])
async def test_what_the_platform_said_outlives_the_publisher(app: App, author: Author, scripts: Scripts, is_closed: bool) -> None:
    post_id, claim = await claimed(app, author)
    await app.db.write(journal.open_intent, claim, "release", app.clock())
    await app.db.write(journal.note_answer, claim, SPAM)
    if is_closed:
        assert await app.db.write(journal.close_unknown, claim, app.clock()) == SPAM
    async with publisher(app):
        error = error_of(await author.until(post_id, "failed"))
    assert error["code"] == "PUBLISH_OUTCOME_UNKNOWN" and SPAM in error["message"] and scripts["threads"].sent == []
