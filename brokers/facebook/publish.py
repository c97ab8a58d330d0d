"""Publishing on a Facebook Page: one row for each placement and kind of media."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from brokers.base import Account, Attempt, Draft, Receipt, Sighting, Steps
from brokers.facebook.accepts import ACCEPTS
from brokers.facebook.pages import Page
from brokers.facebook.posts import find_photo_story, find_post, publish_photo_story, publish_post
from brokers.facebook.videos import find_video, publish_reel, publish_video, publish_video_story
from brokers.platform_http import PlatformHttp

Way = Callable[[Page, Draft, Steps], Awaitable[Receipt]]
Look = Callable[[Page, Draft, Attempt], Awaitable[Sighting]]

WAYS: dict[tuple[str | None, str], tuple[Way, Look]] = {
    ("feed", "text"): (publish_post, find_post),
    ("feed", "image"): (publish_post, find_post),
    ("feed", "video"): (publish_video, find_video),
    ("reel", "video"): (publish_reel, find_video),
    ("story", "image"): (publish_photo_story, find_photo_story),
    ("story", "video"): (publish_video_story, find_video),
}


async def publish(api: PlatformHttp, account: Account, draft: Draft, steps: Steps) -> Receipt:
    return await _way(draft)[0](Page(api, account), draft, steps)


async def find(api: PlatformHttp, account: Account, draft: Draft, attempt: Attempt) -> Sighting:
    return await _way(draft)[1](Page(api, account), draft, attempt)


def _way(draft: Draft) -> tuple[Way, Look]:
    return WAYS[ACCEPTS.placement(draft), draft.media[0].kind if draft.media else "text"]
