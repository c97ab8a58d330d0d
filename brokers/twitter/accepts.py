"""What X takes. https://docs.x.com/x-api/posts/create-post, read 2026-11-22."""

from __future__ import annotations

from datetime import date
from typing import Literal

from brokers.accepts import Accepts, Kind, Limits, TextLimit
from brokers.base import Draft
from brokers.platform_settings import PlatformSettings
from brokers.text import with_link, x_weight

MIB = 1024 * 1024


class Settings(PlatformSettings):
    """`replySettings`: who may reply; everyone when left out."""

    reply_settings: Literal["following", "mentionedUsers", "subscribers", "verified"] | None = None


def compose(draft: Draft) -> str:
    """X makes its card from a URL in the text, so the link becomes part of it."""
    return with_link(draft.text, draft.link_url, " ")


ACCEPTS = Accepts(
    platform="twitter",
    title="X",
    source="https://docs.x.com/x-api/posts/create-post",
    read=date(2026, 11, 22),
    # https://docs.x.com/fundamentals/counting-characters
    texts=(TextLimit("text", 280, x_weight, "weighted characters"),),
    compose=compose,
    # https://docs.x.com/x-api/media/quickstart/best-practices; video: the widest tier (Premium, 125 min, 16 GiB),
    # because the account's own tier is unknown here
    kinds={
        "image": Kind(("image/jpeg", "image/png", "image/webp"), 4, Limits(max_bytes=5 * MIB)),
        "gif": Kind(("image/gif",), 1, Limits(max_bytes=15 * MIB)),
        "video": Kind(
            ("video/mp4", "video/quicktime", "video/webm"),
            1,
            Limits(max_bytes=16 * 1024 * MIB, seconds=(0.5, 7500), ratio=(1 / 3, 3)),
        ),
    },
    settings=Settings,
    text_only=True,
    schedules=False,
    alt_text=1000,  # OpenAPI 2.167, MetadataCreateRequest
)
