"""What Instagram takes. https://developers.facebook.com/docs/instagram-platform/content-publishing, read 2026-11-22."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Literal

import regex

from brokers.accepts import Accepts, Case, Kind, Limits, Placement, Problem, TextLimit
from brokers.base import Draft
from brokers.platform_settings import PlatformSettings

MIB = 1024 * 1024


class Settings(PlatformSettings):
    """`placement`: inferred from the media when left out. `shareToFeed`: whether a reel shows in the feed too."""

    placement: Literal["feed", "story", "reel", "carousel"] | None = None
    share_to_feed: bool | None = None


def infer(draft: Draft) -> str | None:
    """Two or more items are a carousel, one video a reel, one image a feed post."""
    if len(draft.media) > 1:
        return "carousel"
    return "reel" if draft.videos else "feed" if draft.media else None


# 30 hashtags, 20 mentions: https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/error-codes
# (36004/2207010)
TAGS = (
    ("hashtags", regex.compile(r"(?<![\w&])[#＃]\w*\p{L}\w*"), 30),
    ("mentions", regex.compile(r"(?<![\w.@])[@＠]\w[\w.]*"), 20),
)


def tags(case: Case) -> Iterator[Problem]:
    for name, pattern, limit in TAGS:
        found = len(pattern.findall(case.draft.text))
        if found > limit:
            yield case.problem(
                "VALIDATION_FAILED",
                case.text_field,
                f"Instagram takes {limit} {name} in a caption, this one has {found}.",
                limit=limit,
                actual=found,
                hint=f"Remove {found - limit} {name}, or set platformOverrides.instagram.text.",
            )


FEED_IMAGE = Limits(ratio=(4 / 5, 1.91))
REEL = Limits(max_bytes=300 * MIB, seconds=(3, 900))

ACCEPTS = Accepts(
    platform="instagram",
    title="Instagram",
    source="https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-user/media",
    read=date(2026, 11, 22),
    texts=(TextLimit("caption", 2200),),
    kinds={
        "image": Kind(("image/jpeg",), 10, Limits(max_bytes=8 * MIB)),
        "video": Kind(("video/mp4", "video/quicktime"), 10),
    },
    settings=Settings,
    text_only=False,
    schedules=True,
    mixes=True,
    most_media=10,
    # A single video is always a reel on Instagram; "feed" shares it to the feed.
    placements={
        "feed": Placement({"image": FEED_IMAGE, "video": REEL}, most=1),
        "story": Placement({"image": Limits(), "video": Limits(max_bytes=100 * MIB, seconds=(3, 60))}, most=1, shows_text=False),
        "reel": Placement({"video": REEL}, most=1),
        "carousel": Placement({"image": FEED_IMAGE, "video": REEL}, least=2, most=10),
    },
    infer=infer,
    converts={"image/png": "image/jpeg", "image/webp": "image/jpeg"},
    alt_text=1000,
    alt_text_kinds=frozenset({"image"}),
    link=False,
    rules=(tags,),
)
