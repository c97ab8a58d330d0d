"""Instagram: containers for the media, then the one request that makes the post public.

developers.facebook.com/docs/instagram-platform/content-publishing, read 2026-11-22.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from brokers.base import NOT_SEEN, PENDING, Account, Attempt, Draft, Media, Receipt, Sighting, Steps
from brokers.errors import NotSent, PlatformError, Unclear
from brokers.instagram.accepts import ACCEPTS
from brokers.instagram.containers import create, is_ready, item_fields, node, post_fields, status
from brokers.instagram.errors import ROWS, container_error
from brokers.meta_graph import id_of, rows_in, seen_in
from brokers.platform_http import PlatformHttp

#: Seconds between looks at a container (the page asks for few), and until Instagram has had its time for a long reel.
POLL, PROCESSING = 10, 1800
#: The container is the proof: when no listing has shown its post after this time, its own id stands for the post's.
LISTING_LAG = timedelta(seconds=30)


async def publish(api: PlatformHttp, account: Account, draft: Draft, steps: Steps) -> Receipt:
    """Checks the quota, builds the containers, waits until Instagram has fetched the media, makes the post public."""
    await steps.upload("quota", lambda: _check_quota(api, account))
    items = await _carousel_items(api, account, draft, steps) if len(draft.media) > 1 else []
    container = await steps.upload("container", lambda: _create_post(api, account, draft, items))
    await _wait(api, account, steps, "ready", container)
    media_id = await steps.publish("release", lambda fresh: _release(fresh, account, container))
    return Receipt(media_id, await _permalink(api, account, media_id))


async def find(api: PlatformHttp, account: Account, draft: Draft, attempt: Attempt) -> Sighting:
    """Asks the container: PUBLISHED is proof. The post's own id then comes from the account's listing."""
    container = attempt.journal.get("container")
    if container is None:
        return NOT_SEEN
    code, said = await status(api, account, container)
    if code == "PUBLISHED":
        return await _published(api, account, draft, attempt, container)
    if code in ("ERROR", "EXPIRED"):
        return Sighting("refused", error=container_error(code, said))
    return NOT_SEEN if code == "FINISHED" else PENDING


async def _check_quota(api: PlatformHttp, account: Account) -> dict[str, Any] | None:
    """Refuses a post that Instagram would refuse at the end; an account whose quota cannot be read goes on."""
    url = node(account, f"{account.platform_account_id}/content_publishing_limit")
    asked = {"fields": "config,quota_usage"}
    try:
        row = rows_in(await api.request("GET", url, params=asked, token=account.access_token))[0]
        used, total = int(row["quota_usage"]), int(row["config"]["quota_total"])
    except (NotSent, Unclear, PlatformError, LookupError, TypeError, ValueError):
        return None
    if used >= total:
        full = ROWS["9/2207042"]
        raise PlatformError(
            f"Instagram takes {total} posts of this account in 24 hours, and {used} are out.",
            kind=full.kind, hint=full.hint, retry_after=full.retry_after, platform_code="content_publishing_limit",
        )  # fmt: skip
    return {"used": used, "total": total}


async def _carousel_items(api: PlatformHttp, account: Account, draft: Draft, steps: Steps) -> list[str]:
    items = [await steps.upload(f"item-{n}", partial(_create_item, api, account, media)) for n, media in enumerate(draft.media)]
    for n, item in enumerate(items):
        await _wait(api, account, steps, f"item-{n}-ready", item)
    return items


async def _create_item(api: PlatformHttp, account: Account, media: Media) -> str:
    return await create(api, account, await item_fields(media))


async def _create_post(api: PlatformHttp, account: Account, draft: Draft, items: list[str]) -> str:
    return await create(api, account, await post_fields(draft, items))


async def _wait(api: PlatformHttp, account: Account, steps: Steps, name: str, container: str) -> None:
    await steps.wait(name, lambda: is_ready(api, account, container), every=api.every(POLL), limit=PROCESSING)


async def _release(fresh: PlatformHttp, account: Account, container: str) -> str:
    """The one request. A refusal counts only when the container does not say PUBLISHED: some come all the same, and a
    used container is refused like a missing one."""
    url = node(account, f"{account.platform_account_id}/media_publish")
    try:
        return id_of(await fresh.request("POST", url, form={"creation_id": container}, token=account.access_token))
    except PlatformError as refusal:
        refusal.may_have_posted = refusal.may_have_posted or await _is_out(fresh, account, container)
        raise


async def _is_out(api: PlatformHttp, account: Account, container: str) -> bool:
    try:
        return (await status(api, account, container))[0] == "PUBLISHED"
    except (NotSent, Unclear, PlatformError):
        return False


async def _permalink(api: PlatformHttp, account: Account, media_id: str) -> str | None:
    """The post's link; the profile's when Instagram does not name one (an id does not tell the link)."""
    try:
        asked = {"fields": "permalink"}
        reply = await api.request("GET", node(account, media_id), params=asked, token=account.access_token)
        found = reply.body.get("permalink") if isinstance(reply.body, dict) else None
    except (NotSent, Unclear, PlatformError):
        found = None
    return _link(api, account, found)


def _link(api: PlatformHttp, account: Account, permalink: str | None) -> str | None:
    profile = f"https://www.instagram.com/{account.username}/" if account.username else None
    found = permalink or profile
    return api.link(found) if found else None


async def _published(api: PlatformHttp, account: Account, draft: Draft, attempt: Attempt, container: str) -> Sighting:
    is_story = ACCEPTS.placement(draft) == "story"
    url = node(account, f"{account.platform_account_id}/{'stories' if is_story else 'media'}")
    asked = {"fields": "id,caption,timestamp,permalink", "limit": "25"}
    try:
        listing = rows_in(await api.request("GET", url, params=asked, token=account.access_token))
    except (NotSent, Unclear, PlatformError):
        listing = []
    if post := seen_in(listing, "caption", "" if is_story else ACCEPTS.compose(draft), attempt):
        return Sighting("published", Receipt(str(post["id"]), _link(api, account, post.get("permalink"))))
    if datetime.now(UTC) - attempt.started_at < LISTING_LAG:
        return PENDING
    return Sighting("published", Receipt(container, _link(api, account, None)))
