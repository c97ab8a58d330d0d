"""Feed posts and photo stories: photos are brought up unpublished first, then one request makes the post public.

developers.facebook.com/docs/pages-api/posts and Meta's SDK field specifications, read 2026-11-22; the list of stories
and the fields of attachments: assumed. A single photo goes the same way as several: its id is known before the post
is sent, so that a lost answer can be settled.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from brokers.base import NOT_SEEN, Attempt, Draft, Media, Receipt, Sighting, Steps
from brokers.errors import NotSent, PlatformError, Unclear
from brokers.facebook.accepts import ACCEPTS, attaches_link
from brokers.facebook.pages import Page, confirm, unless_seen
from brokers.meta_graph import id_of

FEED_FIELDS = "id,message,created_time,permalink_url"


async def publish_post(page: Page, draft: Draft, steps: Steps) -> Receipt:
    photos = [await steps.upload(f"photo-{n}", _adding(page, item)) for n, item in enumerate(draft.media)]
    noted: dict[str, Any] = {f"photo-{n}": photo for n, photo in enumerate(photos)}
    noted["before"] = await steps.upload("before", lambda: _newest(page))

    async def look() -> Sighting:
        return await find_post(page, draft, Attempt(noted, datetime.now(UTC)))

    post_id = await steps.publish("post", lambda fresh: unless_seen(_send(page.at(fresh), draft, photos), look))
    return Receipt(post_id, await page.link_of(post_id, post_id))


async def publish_photo_story(page: Page, draft: Draft, steps: Steps) -> Receipt:
    photo = await steps.upload("photo-0", _adding(page, draft.media[0]))

    async def look() -> Sighting:
        return await find_photo_story(page, draft, Attempt({"photo-0": photo}, datetime.now(UTC)))

    post_id = await steps.publish("story", lambda fresh: unless_seen(_send_story(page.at(fresh), photo), look))
    return await _story_receipt(page, post_id, photo)


async def find_post(page: Page, draft: Draft, attempt: Attempt) -> Sighting:
    """Looks through the feed, down to the post that was the newest before."""
    asked = FEED_FIELDS if _text(draft) else f"{FEED_FIELDS},attachments{{target,subattachments,unshimmed_url}}"
    rows = _newer(await page.list("feed", asked), attempt)
    photos = {str(id_) for name, id_ in attempt.journal.items() if name.startswith("photo-")}
    found = next((row for row in rows if _is(row, draft, photos)), None)
    if found is None:
        return NOT_SEEN
    post_id = str(found["id"])
    return Sighting("published", Receipt(post_id, page.link(found.get("permalink_url") or post_id)))


async def find_photo_story(page: Page, draft: Draft, attempt: Attempt) -> Sighting:
    story = await story_of(page, attempt.journal.get("photo-0"))
    return Sighting("published", story) if story else NOT_SEEN


async def story_of(page: Page, media_id: object) -> Receipt | None:
    """The story that shows this photo or video, by the Page's list of stories."""
    rows = await page.list("stories", "post_id,media_id,url")
    row = next((row for row in rows if media_id and str(row.get("media_id")) == str(media_id)), None)
    return Receipt(str(row["post_id"]), page.link(row.get("url") or str(row["post_id"]))) if row else None


async def _story_receipt(page: Page, post_id: str, photo: str) -> Receipt:
    try:
        shown = await story_of(page, photo)
    except (NotSent, Unclear, PlatformError):
        shown = None
    return Receipt(post_id, shown.url if shown else page.link(post_id))


def _adding(page: Page, item: Media) -> Callable[[], Awaitable[str]]:
    async def add() -> str:
        form = {"url": await item.public_url(), "published": "false", "alt_text_custom": item.alt_text or None}
        return id_of(await page.send("photos", form))

    return add


def _text(draft: Draft) -> str:
    return ACCEPTS.compose(draft).strip()


async def _send(page: Page, draft: Draft, photos: list[str]) -> str:
    attached = json.dumps([{"media_fbid": photo} for photo in photos]) if photos else None
    form = {
        "message": ACCEPTS.compose(draft) or None,
        "link": draft.link_url if attaches_link(draft) else None,
        "attached_media": attached,
    }
    return id_of(await page.send("feed", form))


async def _send_story(page: Page, photo: str) -> str:
    reply = await page.send("photo_stories", {"photo_id": photo})
    confirm(reply)
    return id_of(reply, "post_id")


async def _newest(page: Page) -> str | None:
    """The id of the Page's newest post, "" when it has none, None when Facebook does not tell."""
    try:
        rows = await page.list("feed", "id", limit=1)
    except (NotSent, Unclear, PlatformError):
        return None
    return str(rows[0].get("id")) if rows else ""


def _newer(rows: list[dict[str, Any]], attempt: Attempt) -> list[dict[str, Any]]:
    """The rows (newest first) that appeared after the noted post, or else since the attempt began, and aren't known."""
    before = attempt.journal.get("before")
    ids = [str(row.get("id")) for row in rows]
    if before in ids:
        rows = rows[: ids.index(before)]
    elif before != "":
        since = attempt.started_at - timedelta(seconds=60)
        rows = [row for row in rows if _is_since(row.get("created_time"), since)]
    return [row for row in rows if row.get("id") and str(row["id"]) not in attempt.taken]


def _is_since(stamp: object, since: datetime) -> bool:
    try:
        found = datetime.fromisoformat(str(stamp))
    except ValueError:
        return False
    return found.tzinfo is not None and found >= since


def _is(row: dict[str, Any], draft: Draft, photos: set[str]) -> bool:
    """By its text; a post without one by its photos or its link."""
    if text := _text(draft):
        return str(row.get("message") or "").strip() == text
    shown = _attachments(row)
    if photos:
        return bool(photos & {str((item.get("target") or {}).get("id")) for item in shown})
    return bool(draft.link_url) and any(item.get("unshimmed_url") == draft.link_url for item in shown)


def _attachments(row: dict[str, Any]) -> list[dict[str, Any]]:
    """A post's attachments and what is inside them (an album's photos), as one list."""
    top = (row.get("attachments") or {}).get("data") or []
    return [*top, *(inner for item in top for inner in (item.get("subattachments") or {}).get("data") or [])]
