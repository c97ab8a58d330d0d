"""Threads: one container for the post, one for each carousel item, then the one request that makes it public.

developers.facebook.com/docs/threads/posts and Meta's Threads Postman collection, read 2026-11-22.
"""

from __future__ import annotations

from brokers import meta_containers
from brokers.base import Account, Attempt, Draft, Media, Receipt, Sighting, Steps
from brokers.meta_containers import Containers
from brokers.platform_http import PlatformHttp
from brokers.platform_settings import settings_of
from brokers.threads.accepts import ACCEPTS, Settings, attaches_link
from brokers.threads.errors import container_error


async def _item_fields(media: Media) -> dict[str, str]:
    return {"is_carousel_item": "true"} | await _media_fields(media)


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


CONTAINERS = Containers(
    base=lambda account: "https://graph.threads.net/v1.0",
    item=_item_fields,
    post=_post_fields,
    edge="threads",
    release="threads_publish",
    status="status",
    said="error_message",
    text="text",
    profile="https://www.threads.com/@{}",
    refusal=container_error,
    poll=5,
    processing=900,
)


async def publish(api: PlatformHttp, account: Account, draft: Draft, steps: Steps) -> Receipt:
    return await meta_containers.publish(CONTAINERS, api, account, draft, steps)


async def find(api: PlatformHttp, account: Account, draft: Draft, attempt: Attempt) -> Sighting:
    return await meta_containers.find(CONTAINERS, api, account, attempt, "threads", ACCEPTS.compose(draft))
