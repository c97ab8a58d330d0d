"""Threads: one container for the post, one for each carousel item, then the one request that makes it public.

developers.facebook.com/docs/threads/posts and Meta's Threads Postman collection, read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from brokers.base import NOT_SEEN, PENDING, Account, Attempt, Draft, Media, Receipt, Sighting, Steps
from brokers.errors import NotSent, PlatformError, Unclear
from brokers.meta_graph import id_of, rows_in, seen_in
from brokers.platform_http import PlatformHttp
from brokers.platform_settings import settings_of
from brokers.threads.accepts import ACCEPTS, Settings, attaches_link
from brokers.threads.errors import container_error

BASE = "https://graph.threads.net/v1.0"
#: Seconds between looks at a container, and until Threads has had its time (it fetches and transcodes by itself).
POLL, PROCESSING = 5, 900
#: The container is the proof: when no listing has shown its post after this time, its own id stands for the post's.
LISTING_LAG = timedelta(seconds=30)


async def publish(api: PlatformHttp, account: Account, draft: Draft, steps: Steps) -> Receipt:
    """Builds the containers, waits until Threads has fetched the media, makes the post public."""
    items = await _carousel_items(api, account, draft, steps) if len(draft.media) > 1 else []
    container = await steps.upload("container", lambda: _create(api, account, _post_fields(draft, items)))
    await steps.wait("ready", _ready(api, account, container), every=api.every(POLL), limit=PROCESSING)
    post_id = await steps.publish("release", lambda fresh: _release(fresh, account, container))
    return Receipt(post_id, await _permalink(api, account, post_id))


async def find(api: PlatformHttp, account: Account, draft: Draft, attempt: Attempt) -> Sighting:
    """Asks the container: PUBLISHED is proof. The post's own id then comes from the account's listing."""
    container = attempt.journal.get("container")
    if container is None:
        return NOT_SEEN
    status, said = await _status(api, account, container)
    if status == "PUBLISHED":
        return await _published(api, account, draft, attempt, container)
    if status in ("ERROR", "EXPIRED"):
        return Sighting("refused", error=container_error(status, said))
    return NOT_SEEN if status == "FINISHED" else PENDING


async def _carousel_items(api: PlatformHttp, account: Account, draft: Draft, steps: Steps) -> list[str]:
    def create(media: Media) -> Callable[[], Awaitable[str]]:
        return lambda: _create(api, account, _media_fields(media), is_carousel_item="true")

    items = [await steps.upload(f"item-{n}", create(media)) for n, media in enumerate(draft.media)]
    for n, item in enumerate(items):
        await steps.wait(f"item-{n}-ready", _ready(api, account, item), every=api.every(POLL), limit=PROCESSING)
    return items


async def _media_fields(media: Media) -> dict[str, str]:
    kind = "VIDEO" if media.kind == "video" else "IMAGE"
    fields = {"media_type": kind, f"{kind.lower()}_url": await media.public_url()}
    return fields | ({"alt_text": media.alt_text} if media.alt_text else {})


async def _post_fields(draft: Draft, items: list[str]) -> dict[str, str]:
    if items:
        fields = {"media_type": "CAROUSEL", "children": ",".join(items)}
    elif draft.media:
        fields = await _media_fields(draft.media[0])
    else:
        fields = {"media_type": "TEXT"}
    settings = settings_of(draft, Settings)
    wanted = {
        "text": ACCEPTS.compose(draft),
        "link_attachment": draft.link_url if attaches_link(draft) else None,
        "reply_control": settings.reply_control,
        "topic_tag": settings.topic_tag,
    }
    return fields | {name: value for name, value in wanted.items() if value}


async def _create(api: PlatformHttp, account: Account, fields: Awaitable[dict[str, str]], **more: str) -> str:
    url = f"{BASE}/{account.platform_account_id}/threads"
    return id_of(await api.request("POST", url, form=await fields | more, token=account.access_token))


async def _status(api: PlatformHttp, account: Account, container: str) -> tuple[str, str | None]:
    reply = await _read(api, account, container, "status,error_message")
    if not isinstance(reply.get("status"), str):
        raise Unclear("a container without a status")
    return reply["status"], reply.get("error_message")


def _ready(api: PlatformHttp, account: Account, container: str) -> Callable[[], Awaitable[str | None]]:
    async def ask() -> str | None:
        status, said = await _status(api, account, container)
        if status in ("ERROR", "EXPIRED"):
            raise container_error(status, said)
        return None if status == "IN_PROGRESS" else status

    return ask


async def _release(fresh: PlatformHttp, account: Account, container: str) -> str:
    """The one request. A refusal counts only when the container does not say PUBLISHED: a used container is refused
    like a missing one."""
    url = f"{BASE}/{account.platform_account_id}/threads_publish"
    try:
        return id_of(await fresh.request("POST", url, form={"creation_id": container}, token=account.access_token))
    except PlatformError as refusal:
        refusal.may_have_posted = refusal.may_have_posted or await _is_out(fresh, account, container)
        raise


async def _is_out(api: PlatformHttp, account: Account, container: str) -> bool:
    try:
        return (await _status(api, account, container))[0] == "PUBLISHED"
    except (NotSent, Unclear, PlatformError):
        return False


async def _permalink(api: PlatformHttp, account: Account, post_id: str) -> str | None:
    """The post's link; the profile's when Threads does not name one (an id does not tell the link)."""
    try:
        found = (await _read(api, account, post_id, "permalink")).get("permalink")
    except (NotSent, Unclear, PlatformError):
        found = None
    return _link(api, account, found)


def _link(api: PlatformHttp, account: Account, permalink: str | None) -> str | None:
    profile = f"https://www.threads.com/@{account.username}" if account.username else None
    found = permalink or profile
    return api.link(found) if found else None


async def _published(api: PlatformHttp, account: Account, draft: Draft, attempt: Attempt, container: str) -> Sighting:
    url = f"{BASE}/{account.platform_account_id}/threads"
    asked = {"fields": "id,text,timestamp,permalink", "limit": "25"}
    try:
        listing = rows_in(await api.request("GET", url, params=asked, token=account.access_token))
    except (NotSent, Unclear, PlatformError):
        listing = []
    if post := seen_in(listing, "text", ACCEPTS.compose(draft), attempt):
        return Sighting("published", Receipt(str(post["id"]), _link(api, account, post.get("permalink"))))
    if datetime.now(UTC) - attempt.started_at < LISTING_LAG:
        return PENDING
    return Sighting("published", Receipt(container, _link(api, account, None)))


async def _read(api: PlatformHttp, account: Account, node: str, fields: str) -> dict[str, Any]:
    reply = await api.request("GET", f"{BASE}/{node}", params={"fields": fields}, token=account.access_token)
    if not isinstance(reply.body, dict):
        raise Unclear("an answer that is not an object")
    return reply.body
