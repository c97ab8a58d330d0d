"""What a Facebook Page takes. https://developers.facebook.com/docs/pages-api/posts, read 2026-11-22."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Literal

from brokers.accepts import Accepts, Case, Kind, Limits, Placement, Problem, TextLimit
from brokers.base import Draft
from brokers.platform_settings import PlatformSettings
from brokers.text import with_link

MIB = 1024 * 1024


class Settings(PlatformSettings):
    """`placement`: a feed post when left out."""

    placement: Literal["feed", "story", "reel"] | None = None


def attaches_link(draft: Draft) -> bool:
    """Whether the link goes out as `link`, which only a feed post without media has."""
    return bool(draft.link_url and not draft.media)


def compose(draft: Draft) -> str:
    return draft.text if attaches_link(draft) else with_link(draft.text, draft.link_url, "\n\n")


def story_link(case: Case) -> Iterator[Problem]:
    if case.draft.link_url and case.accepts.placement(case.draft) == "story":
        yield case.problem(
            "VALIDATION_FAILED",
            "content.linkUrl",
            "A Facebook story shows no link.",
            hint="Remove content.linkUrl, or use the placement feed.",
        )


ACCEPTS = Accepts(
    platform="facebook",
    title="Facebook",
    source="https://developers.facebook.com/docs/pages-api/posts",
    read=date(2026, 11, 22),
    texts=(TextLimit("text", 63_206),),  # assumed: no page of Meta's states it
    compose=compose,
    kinds={
        # 10 MB a photo: assumed
        "image": Kind(("image/jpeg", "image/png"), 10, Limits(max_bytes=10 * MIB)),
        # https://developers.facebook.com/docs/video-api/guides/publishing (assumed: 10 GB, 4 h)
        "video": Kind(("video/mp4", "video/quicktime"), 1, Limits(max_bytes=10 * 1024 * MIB, seconds=(0, 14_400))),
    },
    settings=Settings,
    text_only=True,
    schedules=True,
    placements={
        "feed": Placement({"image": Limits(), "video": Limits()}),
        # 9:16 with a tolerance of one percent of the height, 4 to 60 s: https://github.com/fbsamples/reels_publishing_apis
        "reel": Placement({"video": Limits(seconds=(4, 60), ratio=(9 / 16 - 0.01, 9 / 16 + 0.01))}, most=1),
        # https://developers.facebook.com/docs/page-stories-api (assumed: 3 to 90 s)
        "story": Placement({"image": Limits(), "video": Limits(seconds=(3, 90))}, most=1, shows_text=False),
    },
    infer=lambda draft: "feed",
    converts={"image/webp": "image/jpeg"},
    alt_text=1000,  # assumed: `alt_text_custom` has no documented limit, Instagram's is taken
    alt_text_kinds=frozenset({"image"}),
    rules=(story_link,),
)
