"""What TikTok takes. https://developers.tiktok.com/doc/content-posting-api-reference-direct-post, read 2026-11-22."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from brokers.accepts import Accepts, Case, Kind, Limits, Problem, TextLimit
from brokers.platform_settings import PlatformSettings, settings_of
from brokers.text import utf16_units

PrivacyLevel = Literal["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "FOLLOWER_OF_CREATOR", "SELF_ONLY"]


class Settings(PlatformSettings):
    """`privacyLevel` must be one of the creator's options, which only TikTok knows: the broker asks before a post."""

    privacy_level: PrivacyLevel | None = None
    disable_comment: bool = False
    disable_duet: bool = False
    disable_stitch: bool = False
    brand_content_toggle: bool = False
    brand_organic_toggle: bool = False
    is_aigc: bool = False
    video_cover_timestamp_ms: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None


def branded_is_visible(case: Case) -> Iterator[Problem]:
    """https://developers.tiktok.com/doc/content-sharing-guidelines"""
    settings = settings_of(case.draft, Settings)
    if settings.brand_content_toggle and settings.privacy_level == "SELF_ONLY":
        yield case.problem(
            "VALIDATION_FAILED",
            case.setting("brandContentToggle"),
            "TikTok does not take branded content that only the creator can see (privacyLevel SELF_ONLY).",
            hint="Choose another settings.privacyLevel, or set settings.brandContentToggle to false.",
        )


def cover_is_within_video(case: Case) -> Iterator[Problem]:
    cover = settings_of(case.draft, Settings).video_cover_timestamp_ms
    if cover is None:
        return
    if case.draft.media and not case.draft.videos:
        yield case.problem(
            "VALIDATION_FAILED",
            case.setting("videoCoverTimestampMs"),
            "videoCoverTimestampMs chooses a frame of a video, and this post has none.",
            hint="Remove settings.videoCoverTimestampMs.",
        )
    for seconds in [item.duration_seconds for item in case.draft.videos if item.duration_seconds is not None]:
        if cover > seconds * 1000:
            yield case.problem(
                "VALIDATION_FAILED",
                case.setting("videoCoverTimestampMs"),
                f"The cover at {cover} ms lies after the end of the video.",
                limit=seconds * 1000,
                actual=cover,
                hint="Choose a moment within the video, in milliseconds.",
            )


ACCEPTS = Accepts(
    platform="tiktok",
    title="TikTok",
    source="https://developers.tiktok.com/doc/content-posting-api-reference-direct-post",
    read=date(2026, 11, 22),
    # A video carries the text as its `title`; photos carry it as their `description` (4,000 there, so it always fits)
    # and have no `title` (90), for which the text would have to be cut.
    texts=(TextLimit("text", 2200, utf16_units, "UTF-16 units"),),
    kinds={
        # https://developers.tiktok.com/doc/content-posting-api-media-transfer-guide
        "image": Kind(("image/jpeg", "image/webp"), 35, Limits(max_bytes=20_000_000)),
        "video": Kind(("video/mp4", "video/quicktime", "video/webm"), 1, Limits(max_bytes=4 * 1024**3, seconds=(0, 600))),
    },
    settings=Settings,
    text_only=False,
    schedules=False,
    explicit_media=frozenset({"image", "gif", "video"}),
    converts={"image/png": "image/jpeg"},
    link=False,
    rules=(branded_is_visible, cover_is_within_video),
)
