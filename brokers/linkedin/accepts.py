"""What LinkedIn takes from a member. https://learn.microsoft.com/linkedin/marketing/community-management/shares/posts-api,
read 2026-11-22."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Literal

from brokers.accepts import Accepts, Case, Kind, Limits, Problem, TextLimit
from brokers.base import Draft
from brokers.platform_settings import PlatformSettings, SettingText, settings_of
from brokers.text import with_link


class Settings(PlatformSettings):
    """`altText` is for the first image when that has none of its own. `organizationId` is gated (`ACCEPTS.gated`)."""

    visibility: Literal["PUBLIC", "CONNECTIONS"] = "PUBLIC"
    article_title: SettingText | None = None
    article_description: SettingText | None = None
    alt_text: SettingText | None = None
    organization_id: SettingText | int | None = None


def is_article(draft: Draft) -> bool:
    """Whether the post is an article: a link, alone or with one image as its thumbnail. Beside other media the link is
    appended to the text, since LinkedIn takes one kind of content a post."""
    return bool(draft.link_url) and [item.kind for item in draft.media] in ([], ["image"])


def compose(draft: Draft) -> str:
    return draft.text if is_article(draft) else with_link(draft.text, draft.link_url, "\n\n")


def article_fields(case: Case) -> Iterator[Problem]:
    given = settings_of(case.draft, Settings).model_dump(by_alias=True, exclude_none=True)
    for name in ("articleTitle", "articleDescription"):
        if name in given and not is_article(case.draft):
            yield case.problem(
                "VALIDATION_FAILED",
                case.setting(name),
                f"{name} needs content.linkUrl, with no media or one image as the thumbnail.",
                hint=f"Set content.linkUrl, or remove settings.{name}.",
            )


def alt_text_needs_image(case: Case) -> Iterator[Problem]:
    if settings_of(case.draft, Settings).alt_text is not None and not case.draft.images:
        yield case.problem(
            "VALIDATION_FAILED",
            case.setting("altText"),
            "altText describes an image, and this post has none.",
            hint="Add an image to content.media, or remove settings.altText.",
        )


ALT_TEXT = 4086  # assumed

ACCEPTS = Accepts(
    platform="linkedin",
    title="LinkedIn",
    source="https://learn.microsoft.com/linkedin/marketing/community-management/shares/posts-api",
    read=date(2026, 11, 22),
    texts=(
        TextLimit("text", 3000),  # LinkedIn publishes no number; observed
        TextLimit(
            "article title",
            399,
            of=lambda draft: settings_of(draft, Settings).article_title or "",
            setting="articleTitle",
        ),
        TextLimit(
            "article description",
            4086,  # assumed
            of=lambda draft: settings_of(draft, Settings).article_description or "",
            setting="articleDescription",
        ),
        TextLimit("alt text", ALT_TEXT, of=lambda draft: settings_of(draft, Settings).alt_text or "", setting="altText"),
    ),
    compose=compose,
    kinds={
        # .../shares/images-api, .../shares/multiimage-post-api
        "image": Kind(("image/jpeg", "image/png"), 20, Limits(max_pixels=36_152_320)),
        # .../shares/videos-api
        "video": Kind(("video/mp4",), 1, Limits(max_bytes=500_000_000, seconds=(3, 1800))),
    },
    settings=Settings,
    text_only=True,
    schedules=False,
    explicit_media=frozenset({"video"}),
    converts={"image/webp": "image/jpeg"},
    alt_text=ALT_TEXT,
    alt_text_kinds=frozenset({"image"}),
    gated={"organization_id": "Posts go to LinkedIn as the member; posting as an organization is not open yet."},
    rules=(article_fields, alt_text_needs_image),
)
