"""Creating, reading, editing and discarding posts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from ampost_mcp.context import App, Caller
from storage.queue import PLATFORM_POSTS, POSTS
from tests.clock import Clock
from tests.services.conftest import Ask

JPEG = {"type": "image", "url": "https://cdn.example.com/a.jpg", "mimeType": "image/jpeg", "sizeBytes": 1000}
SOON, LATER = "2026-12-02T09:00:00Z", "2026-12-03T09:00:00Z"


def set_status(app: App, post: dict[str, Any], status: str, **platforms: dict[str, Any]) -> None:
    """Puts a post where the publisher would have brought it."""

    def do(session: Any) -> None:
        session.execute(update(POSTS).where(POSTS.c.id == post["id"]).values(status=status))
        for platform, values in platforms.items():
            mine = (PLATFORM_POSTS.c.post_id == post["id"]) & (PLATFORM_POSTS.c.platform == platform)
            session.execute(update(PLATFORM_POSTS).where(mine).values(**values))

    app.db.write_here(do)


def rows_of(app: App, post: dict[str, Any]) -> dict[str, Any]:
    found = app.db.read_here(
        lambda s: s.execute(PLATFORM_POSTS.select().where(PLATFORM_POSTS.c.post_id == post["id"])).mappings().all()
    )
    return {row["platform"]: dict(row) for row in found}


async def test_line_ends_are_newlines_everywhere(app: App, a_user: Any, an_account: Any, write: Ask) -> None:
    caller = a_user()
    an_account(caller, "threads")
    said = {"description": "a\r\nb", "tags": ["c\r\nd"]}
    post = await write(caller, "a\r\nb", platformOverrides={"threads": {"text": "e\r\nf"}, "youtube": {"settings": said}})
    assert (post["text"], post["platformOverrides"]["threads"]["text"]) == ("a\nb", "e\nf")
    assert post["platformOverrides"]["youtube"]["settings"] == {"description": "a\nb", "tags": ["c\nd"]}


async def test_a_draft_has_every_field(app: App, a_user: Any, an_account: Any, a_set: Any, write: Ask) -> None:
    caller = a_user()
    account_id = an_account(caller, "threads")
    post = await write(caller, "Hello", linkUrl="https://example.com/")
    part = post.pop("platformPosts")[0]
    assert UUID(post.pop("id"))
    assert UUID(part.pop("id"))
    now = "2026-12-01T12:00:00Z"
    assert post == {
        "userId": caller.user_id, "platformSetId": a_set(caller), "text": "Hello", "media": [],
        "linkUrl": "https://example.com/", "platformOverrides": {}, "platforms": ["threads"], "status": "draft",
        "scheduledFor": None, "publishedAt": None, "createdAt": now, "updatedAt": now,
    }  # fmt: skip
    assert part == {
        "platform": "threads", "accountId": account_id, "status": "pending", "platformPostId": None, "url": None,
        "publishedAt": None, "attempts": 0, "updatedAt": now, "error": None,
    }  # fmt: skip


async def test_what_was_created_is_what_is_read(ask: Ask, write: Ask, writer: Caller) -> None:
    post = await write(writer, "Héllo 🎉", platforms=("twitter", "threads", "twitter"), scheduled_for=None)
    assert post["platforms"] == ["twitter", "threads"]
    assert [part["platform"] for part in post["platformPosts"]] == ["twitter", "threads"]
    assert (await ask(writer, "posts_get", postId=post["id"]))["post"] == post


async def test_media_are_stored_as_given(write: Ask, writer: Caller) -> None:
    given = {**JPEG, "fileName": "a.jpg", "altText": "A", "width": None}
    post = await write(writer, media=[given])
    stored = dict(given)
    stored["filename"] = stored.pop("fileName")
    assert post["media"] == [stored]


async def test_bare_urls_become_media_whose_kind_is_guessed(write: Ask, writer: Caller) -> None:
    urls = [f"https://cdn.example.com/{name}" for name in ("a.jpg", "b.png?v=1")]
    post = await write(writer, mediaUrls=urls)
    assert post["media"] == [{"type": "image", "url": url} for url in urls]
    clip = await write(writer, mediaUrls=["https://cdn.example.com/a.MP4"])
    assert clip["media"][0]["type"] == "video"


async def test_a_url_in_both_lists_is_one_item(write: Ask, writer: Caller) -> None:
    post = await write(writer, media=[JPEG], mediaUrls=[JPEG["url"]])
    assert post["media"] == [JPEG]


async def test_bare_urls_are_refused_where_typed_media_are_needed(refused: Ask, writer: Caller, a_set: Any) -> None:
    content = {"text": "Clip", "mediaUrls": ["https://cdn.example.com/a.mp4"]}
    answer = await refused(writer, "posts_create", content=content, platforms=["youtube"], platformSetId=a_set(writer))
    assert answer["code"] == "UNSUPPORTED_MEDIA_CONFIG"


async def test_bare_urls_stay_bare_when_something_else_is_edited(
    app: App, ask: Ask, write: Ask, refused: Ask, writer: Caller
) -> None:
    post = await write(writer, mediaUrls=["https://cdn.example.com/a.mp4"])
    edited = await ask(writer, "posts_update", postId=post["id"], content={"text": "Other"})
    assert edited["post"]["media"] == post["media"]
    assert (await refused(writer, "posts_update", postId=post["id"], platforms=["youtube"]))["faults"] == {
        ("content.media.0", "UNSUPPORTED_MEDIA_CONFIG")
    }


async def test_a_scheduled_post_is_due_at_its_time_and_wakes_the_publisher(app: App, write: Ask, writer: Caller) -> None:
    class Publisher:
        woken = 0

        def wake(self) -> None:
            self.woken += 1

    app.publisher = publisher = Publisher()  # type: ignore[assignment]
    await write(writer, platforms=("facebook",))
    assert publisher.woken == 0
    post = await write(writer, platforms=("facebook",), scheduled_for="2026-12-02T10:00:00.250+01:00")
    assert (post["status"], post["scheduledFor"]) == ("scheduled", "2026-12-02T09:00:00.250Z")
    assert rows_of(app, post)["facebook"]["next_at"].isoformat() == "2026-12-02T09:00:00.250000+00:00"
    assert publisher.woken == 1


# -- edits -----------------------------------------------------------------------------------------------------------


async def test_an_edit_replaces_what_is_given_and_keeps_the_rest(ask: Ask, write: Ask, writer: Caller, clock: Clock) -> None:
    post = await write(writer, "Old", media=[JPEG], linkUrl="https://example.com/",
                       platformOverrides={"threads": {"text": "Own"}})  # fmt: skip
    clock.forward(minutes=1)
    edited = (await ask(writer, "posts_update", postId=post["id"], content={"text": "New"}))["post"]
    changed = {name for name in post if post[name] != edited[name]}
    assert changed == {"text", "updatedAt", "platformPosts"}
    assert edited["platformPosts"][0]["id"] == post["platformPosts"][0]["id"]
    cleared = await ask(
        writer, "posts_update", postId=post["id"], content={"media": [], "linkUrl": None, "platformOverrides": {}}
    )
    assert (cleared["post"]["text"], cleared["post"]["media"], cleared["post"]["linkUrl"]) == ("New", [], None)
    assert cleared["post"]["platformOverrides"] == {}


async def test_scheduling_comes_and_goes(app: App, ask: Ask, write: Ask, writer: Caller) -> None:
    post = await write(writer, platforms=("facebook",))
    scheduled = (await ask(writer, "posts_update", postId=post["id"], scheduledFor=SOON))["post"]
    assert (scheduled["status"], scheduled["scheduledFor"]) == ("scheduled", SOON)
    later = (await ask(writer, "posts_update", postId=post["id"], scheduledFor=LATER))["post"]
    assert later["scheduledFor"] == LATER
    assert rows_of(app, post)["facebook"]["next_at"].isoformat().startswith("2026-12-03T09:00:00")
    same = (await ask(writer, "posts_update", postId=post["id"], content={"text": "Other"}))["post"]
    assert (same["status"], same["scheduledFor"]) == ("scheduled", LATER)
    draft = (await ask(writer, "posts_update", postId=post["id"], scheduledFor=None))["post"]
    assert (draft["status"], draft["scheduledFor"]) == ("draft", None)
    assert rows_of(app, post)["facebook"]["next_at"] is None


async def test_changing_platforms_keeps_what_stays(ask: Ask, write: Ask, writer: Caller) -> None:
    post = await write(writer, platforms=("threads", "twitter"))
    ids = {part["platform"]: part["id"] for part in post["platformPosts"]}
    edited = (await ask(writer, "posts_update", postId=post["id"], platforms=["linkedin", "threads"]))["post"]
    assert edited["platforms"] == ["linkedin", "threads"]
    assert [part["platform"] for part in edited["platformPosts"]] == ["linkedin", "threads"]
    assert edited["platformPosts"][1]["id"] == ids["threads"]
    assert (await ask(writer, "posts_list", platform="twitter"))["posts"] == []


async def test_changing_the_set_changes_the_accounts(ask: Ask, write: Ask, writer: Caller, a_set: Any, an_account: Any) -> None:
    post = await write(writer)
    other = a_set(writer, "Other")
    account_id = an_account(writer, "threads", other)
    edited = (await ask(writer, "posts_update", postId=post["id"], platformSetId=other))["post"]
    assert edited["platformPosts"][0] | {"updatedAt": "", "accountId": account_id} == (
        post["platformPosts"][0] | {"updatedAt": "", "accountId": account_id}
    )
    assert edited["platformPosts"][0]["accountId"] == account_id


@pytest.mark.parametrize("raw", [{}, {"content": {}}])
async def test_an_empty_edit_is_refused(refused: Ask, write: Ask, writer: Caller, raw: dict[str, Any]) -> None:
    post = await write(writer)
    assert (await refused(writer, "posts_update", postId=post["id"], **raw))["code"] == "VALIDATION_FAILED"


async def test_an_edit_that_breaks_a_rule_changes_nothing(ask: Ask, refused: Ask, write: Ask, writer: Caller) -> None:
    post = await write(writer)
    answer = await refused(writer, "posts_update", postId=post["id"], content={"text": "x" * 501}, scheduledFor=SOON)
    assert answer["faults"] == {("content.text", "CONTENT_TOO_LONG"), ("scheduledFor", "VALIDATION_FAILED")}
    assert (await ask(writer, "posts_get", postId=post["id"]))["post"] == post


@pytest.mark.parametrize("status", ["queued", "posting", "published", "partial", "failed", "discarded"])
async def test_later_posts_cannot_be_edited(app: App, refused: Ask, write: Ask, writer: Caller, status: str) -> None:
    post = await write(writer)
    set_status(app, post, status)
    answer = await refused(writer, "posts_update", postId=post["id"], content={"text": "New"})
    assert answer["code"] == "INVALID_STATUS_TRANSITION"


async def test_a_post_that_a_publisher_holds_cannot_be_edited(app: App, refused: Ask, write: Ask, writer: Caller) -> None:
    post = await write(writer, platforms=("facebook",), scheduled_for=SOON)
    set_status(app, post, "scheduled", facebook={"owner": "publisher-1"})
    answer = await refused(writer, "posts_update", postId=post["id"], content={"text": "New"})
    assert answer["code"] == "INVALID_STATUS_TRANSITION"


async def test_an_edit_voids_what_a_publisher_may_have_read(app: App, ask: Ask, write: Ask, writer: Caller) -> None:
    post = await write(writer)
    before = rows_of(app, post)["threads"]["fence"]
    await ask(writer, "posts_update", postId=post["id"], content={"text": "New"})
    assert rows_of(app, post)["threads"]["fence"] > before


# -- discarding ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["draft", "scheduled", "queued", "partial", "failed"])
async def test_discarding_cancels_what_is_not_published(
    app: App, ask: Ask, write: Ask, writer: Caller, status: str, clock: Clock
) -> None:
    post = await write(writer, platforms=("threads", "twitter"))
    set_status(app, post, status, threads={"next_at": clock()}, twitter={"status": "published"})
    answer = (await ask(writer, "posts_delete", postId=post["id"]))["post"]
    assert answer["status"] == "discarded"
    assert [part["status"] for part in answer["platformPosts"]] == ["cancelled", "published"]
    row = rows_of(app, post)["threads"]
    assert (row["next_at"], row["fence"]) == (None, 1)


@pytest.mark.parametrize("status", ["posting", "published", "discarded"])
async def test_other_posts_cannot_be_discarded(app: App, refused: Ask, write: Ask, writer: Caller, status: str) -> None:
    post = await write(writer)
    set_status(app, post, status)
    assert (await refused(writer, "posts_delete", postId=post["id"]))["code"] == "INVALID_STATUS_TRANSITION"


async def test_a_post_that_a_publisher_holds_cannot_be_discarded(app: App, refused: Ask, write: Ask, writer: Caller) -> None:
    post = await write(writer)
    set_status(app, post, "queued", threads={"owner": "publisher-1"})
    assert (await refused(writer, "posts_delete", postId=post["id"]))["code"] == "INVALID_STATUS_TRANSITION"


# -- other people's posts --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "more"), [("posts_get", {}), ("posts_update", {"content": {"text": "Mine"}}), ("posts_delete", {})]
)
async def test_another_users_post_answers_like_none(
    ask: Ask, refused: Ask, write: Ask, writer: Caller, a_user: Callable[..., Caller], operation: str, more: Any
) -> None:
    post, stranger = await write(writer), a_user()
    theirs = await refused(stranger, operation, postId=post["id"], **more)
    none = await refused(stranger, operation, postId="0d0e3a2f-0000-4000-8000-000000000000", **more)
    assert theirs["code"] == "POST_NOT_FOUND"
    assert theirs["error"] == none["error"]
    assert (await ask(writer, "posts_get", postId=post["id"]))["post"] == post


async def test_another_users_set_answers_like_none(
    refused: Ask, writer: Caller, a_user: Callable[..., Caller], a_set: Any, an_account: Any
) -> None:
    stranger = a_user()
    raw = {"content": {"text": "Hi"}, "platforms": ["threads"]}
    theirs = await refused(stranger, "posts_create", **raw, platformSetId=a_set(writer))
    none = await refused(stranger, "posts_create", **raw, platformSetId="0d0e3a2f-0000-4000-8000-000000000000")
    assert theirs["code"] == "PLATFORM_SET_NOT_FOUND"
    assert theirs["error"] == none["error"]
