"""Instagram's media containers: which parameters each kind of post needs, and how their fields are named.

developers.facebook.com/docs/instagram-platform/content-publishing and Meta's field specifications, read 2026-11-22.
"""

from __future__ import annotations

from brokers.base import Account, Draft, Media
from brokers.instagram.accepts import ACCEPTS, Settings
from brokers.instagram.errors import container_error
from brokers.meta_containers import Containers
from brokers.meta_graph import VERSION
from brokers.platform_settings import settings_of

#: By how the account was connected (`metadata.login`).
HOSTS = {"instagram": "https://graph.instagram.com", "facebook": "https://graph.facebook.com"}


def _base(account: Account) -> str:
    return f"{HOSTS.get(account.metadata.get('login', ''), HOSTS['instagram'])}/{VERSION}"


async def item_fields(media: Media) -> dict[str, str]:
    """One item of a carousel."""
    return {"is_carousel_item": "true"} | await (_image(media) if media.kind == "image" else _video(media, "VIDEO"))


async def post_fields(draft: Draft, items: list[str]) -> dict[str, str]:
    """The container that is published. A single video is a reel; placement `feed` shows it in the feed too."""
    placement = ACCEPTS.placement(draft)
    if placement == "story":
        return await _story(draft.media[0])
    if items:
        fields = {"media_type": "CAROUSEL", "children": ",".join(items)}
    elif draft.media[0].kind == "image":
        fields = await _image(draft.media[0])
    else:
        fields = await _reel(draft.media[0], settings_of(draft, Settings).share_to_feed, placement)
    caption = ACCEPTS.compose(draft)
    return fields | ({"caption": caption} if caption else {})


async def _image(media: Media) -> dict[str, str]:
    fields = {"image_url": await media.public_url()}
    return fields | ({"alt_text": media.alt_text} if media.alt_text else {})


async def _video(media: Media, media_type: str) -> dict[str, str]:
    fields = {"media_type": media_type, "video_url": await media.public_url()}
    return fields | ({"cover_url": await media.thumbnail.url()} if media.thumbnail and media_type == "REELS" else {})


async def _story(media: Media) -> dict[str, str]:
    """A story has neither caption nor alt text."""
    if media.kind == "video":
        return await _video(media, "STORIES")
    return {"media_type": "STORIES", "image_url": await media.public_url()}


async def _reel(media: Media, share_to_feed: bool | None, placement: str | None) -> dict[str, str]:
    shared = True if placement == "feed" and share_to_feed is None else share_to_feed
    fields = await _video(media, "REELS")
    return fields | ({} if shared is None else {"share_to_feed": str(shared).lower()})


#: The page asks for few looks; a long reel takes its time.
CONTAINERS = Containers(
    base=_base,
    item=item_fields,
    post=post_fields,
    edge="media",
    release="media_publish",
    status="status_code",
    said="status",
    text="caption",
    profile="https://www.instagram.com/{}/",
    refusal=container_error,
    poll=10,
    processing=1800,
)
