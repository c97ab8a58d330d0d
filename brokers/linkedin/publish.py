"""LinkedIn, as a member: media first, then the one request that makes the post public.

learn.microsoft.com/linkedin/marketing/community-management/shares/posts-api, read 2026-11-22.

There is no look-up: reading a member's posts needs `r_member_social`, which LinkedIn gives to nobody new, and to send
the post again and see it refused as a duplicate would be a second publishing request.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from brokers.base import Account, Draft, Media, Receipt, Steps
from brokers.errors import Unclear
from brokers.linkedin import uploads
from brokers.linkedin.accepts import ACCEPTS, Settings, is_article
from brokers.linkedin.little import little
from brokers.linkedin.rest import author, call
from brokers.platform_http import PlatformHttp
from brokers.platform_settings import settings_of


async def publish(api: PlatformHttp, account: Account, draft: Draft, steps: Steps) -> Receipt:
    """Uploads the media in order, posts."""
    content = await _content(api, account, draft, steps)
    post = _post(account, draft, content)
    urn = await steps.publish("post", lambda fresh: _create(fresh, account, post))
    return Receipt(urn, api.link(f"https://www.linkedin.com/feed/update/{urn}/"))


async def _content(api: PlatformHttp, account: Account, draft: Draft, steps: Steps) -> dict[str, Any] | None:
    """What the post shows beside its text: an article, a video, one image or several."""
    if draft.videos:
        return {"media": {"id": await uploads.video(api, account, draft.videos[0], steps)}}
    images = [await _image(api, account, item, f"image-{n}", steps) for n, item in enumerate(draft.images)]
    described = [_image_of(urn, alt) for urn, alt in zip(images, _alt_texts(draft), strict=True)]
    if is_article(draft):
        return {"article": _article(draft, described)}
    if len(described) > 1:
        return {"multiImage": {"images": described}}
    return {"media": described[0]} if described else None


async def _image(api: PlatformHttp, account: Account, media: Media, name: str, steps: Steps) -> str:
    return await steps.upload(name, lambda: uploads.image(api, account, media))


def _alt_texts(draft: Draft) -> list[str | None]:
    """The items' own; the setting is for the first image when that has none."""
    texts = [item.alt_text for item in draft.images]
    return [texts[0] or settings_of(draft, Settings).alt_text, *texts[1:]] if texts else []


def _image_of(urn: str, alt_text: str | None) -> dict[str, str]:
    return {"id": urn} | ({"altText": alt_text} if alt_text else {})


def _article(draft: Draft, images: list[dict[str, str]]) -> dict[str, str]:
    """LinkedIn does not look at the link itself: without a title the article goes by the link's host."""
    settings, thumbnail = settings_of(draft, Settings), images[0] if images else {}
    fields = {
        "source": draft.link_url,
        "title": settings.article_title or urlsplit(draft.link_url or "").hostname,
        "description": settings.article_description,
        "thumbnail": thumbnail.get("id"),
        "thumbnailAltText": thumbnail.get("altText"),  # assumed
    }
    return {name: value for name, value in fields.items() if value}


def _post(account: Account, draft: Draft, content: dict[str, Any] | None) -> dict[str, Any]:
    post = {
        "author": author(account),
        "commentary": little(ACCEPTS.compose(draft)),
        "visibility": settings_of(draft, Settings).visibility,
        "distribution": {"feedDistribution": "MAIN_FEED", "targetEntities": [], "thirdPartyDistributionChannels": []},
        "lifecycleState": "PUBLISHED",
        "isReshareDisabledByAuthor": False,
    }
    return post | ({"content": content} if content else {})


async def _create(fresh: PlatformHttp, account: Account, post: dict[str, Any]) -> str:
    reply = await call(fresh, account, "POST", "/posts", post)
    urn = unquote(reply.headers.get("x-restli-id", ""))
    if not urn.startswith("urn:li:"):
        raise Unclear("a created post without its id")
    return urn
