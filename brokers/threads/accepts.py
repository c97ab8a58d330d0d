"""What Threads takes. https://developers.facebook.com/docs/threads/overview, read 2026-11-22."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Literal

from brokers.accepts import Accepts, Case, Kind, Limits, Problem, TextLimit
from brokers.base import Draft
from brokers.platform_settings import PlatformSettings, SettingText, settings_of
from brokers.text import threads_length, with_link


class Settings(PlatformSettings):
    """`replyControl`: who may reply, everyone when left out. `topicTag`: the post's one topic, without `#`."""

    reply_control: Literal["everyone", "accounts_you_follow", "mentioned_only"] | None = None
    topic_tag: SettingText | None = None


def attaches_link(draft: Draft) -> bool:
    """Whether the link goes out as `link_attachment`, which only a post without media has."""
    return bool(draft.link_url and draft.text.strip() and not draft.media)


def compose(draft: Draft) -> str:
    return draft.text if attaches_link(draft) else with_link(draft.text, draft.link_url, "\n\n")


def topic_tag(case: Case) -> Iterator[Problem]:
    """1 to 50 characters without period or ampersand: https://developers.facebook.com/docs/threads/posts (assumed)."""
    tag = settings_of(case.draft, Settings).topic_tag
    if tag is not None and (not 1 <= len(tag) <= 50 or "." in tag or "&" in tag):
        yield case.problem(
            "VALIDATION_FAILED",
            case.setting("topicTag"),
            "A Threads topic has 1 to 50 characters and neither . nor &.",
            limit=50,
            actual=len(tag),
            hint="Shorten settings.topicTag or leave it out.",
        )


ACCEPTS = Accepts(
    platform="threads",
    title="Threads",
    source="https://developers.facebook.com/docs/threads/overview",
    read=date(2026, 11, 22),
    texts=(TextLimit("text", 500, threads_length, "characters (an emoji counts as its UTF-8 bytes)"),),
    compose=compose,
    kinds={
        "image": Kind(("image/jpeg", "image/png"), 20, Limits(max_bytes=8_388_608, ratio=(1 / 10, 10))),
        "video": Kind(("video/mp4", "video/quicktime"), 20, Limits(max_bytes=1_073_741_824, seconds=(0, 300))),
    },
    settings=Settings,
    text_only=True,
    schedules=False,
    mixes=True,
    most_media=20,
    converts={"image/webp": "image/jpeg"},
    alt_text=1000,
    rules=(topic_tag,),
)
