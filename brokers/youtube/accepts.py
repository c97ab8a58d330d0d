"""What YouTube takes. https://developers.google.com/youtube/v3/docs/videos, read 2026-11-22."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from brokers.accepts import Accepts, Case, Kind, Limits, Problem, TextLimit
from brokers.base import Draft
from brokers.platform_settings import PlatformSettings, SettingText, Timestamp, settings_of
from brokers.text import utf8_bytes, with_link


class Settings(PlatformSettings):
    """`title` falls back to the post's text. `publishAt` lets YouTube itself make a private video public."""

    title: SettingText | None = None
    description: SettingText | None = None
    tags: list[SettingText] = Field(default_factory=list)
    category_id: Annotated[str, Field(pattern=r"^[0-9]{1,4}$")] = "22"
    privacy_status: Literal["public", "unlisted", "private"] = "private"
    publish_at: Timestamp | None = None
    notify_subscribers: bool = True
    self_declared_made_for_kids: bool | None = None
    contains_synthetic_media: bool | None = None


def title(draft: Draft) -> str:
    """`settings.title`, else the text."""
    return settings_of(draft, Settings).title or draft.text


def description(draft: Draft) -> str:
    """`settings.description`; else the text where a title of its own leaves it free; then the link."""
    settings = settings_of(draft, Settings)
    rest = draft.text if settings.title else ""
    return with_link(rest if settings.description is None else settings.description, draft.link_url, "\n\n")


def own_description(draft: Draft) -> str:
    return "" if settings_of(draft, Settings).description is None else description(draft)


def text_as_title(draft: Draft) -> str:
    return "" if settings_of(draft, Settings).title else draft.text


def text_as_description(draft: Draft) -> str:
    return description(draft) if settings_of(draft, Settings).description is None else ""


def tag_length(tags: list[str]) -> int:
    """YouTube's counting: commas between tags count, and two quotation marks around a tag with a space."""
    return sum(len(tag) + 2 * (" " in tag) for tag in tags) + max(len(tags) - 1, 0)


def has_title(case: Case) -> Iterator[Problem]:
    if case.draft.media and not title(case.draft).strip():
        yield case.problem(
            "VALIDATION_FAILED",
            case.setting("title"),
            "A YouTube video needs a title.",
            hint="Set platformOverrides.youtube.settings.title or content.text.",
        )


def no_angle_brackets(case: Case) -> Iterator[Problem]:
    settings = settings_of(case.draft, Settings)
    places = (
        (title(case.draft), case.setting("title") if settings.title else case.text_field),
        (
            description(case.draft),
            case.setting("description") if settings.description is not None else case.text_field,
        ),
        *((tag, case.setting(f"tags.{index}")) for index, tag in enumerate(settings.tags)),
    )
    for text, field in places:
        if "<" in text or ">" in text:
            yield case.problem(
                "VALIDATION_FAILED",
                field,
                "YouTube takes neither < nor > in a title, description or tag.",
                hint="Remove < and >, or set platformOverrides.youtube.text.",
            )


def tags_fit(case: Case) -> Iterator[Problem]:
    tags = settings_of(case.draft, Settings).tags
    if (actual := tag_length(tags)) > 500:
        yield case.problem(
            "VALIDATION_FAILED",
            case.setting("tags"),
            f"YouTube takes 500 characters of tags, these have {actual} with commas and quotation marks.",
            limit=500,
            actual=actual,
            hint="Remove some tags.",
        )
    for index, tag in enumerate(tags):
        if not tag.strip():
            yield case.problem(
                "VALIDATION_FAILED", case.setting(f"tags.{index}"), "A tag is empty.", hint="Remove the empty tag."
            )


def publish_at(case: Case) -> Iterator[Problem]:
    settings = settings_of(case.draft, Settings)
    if settings.publish_at is None:
        return
    faults = (
        (settings.publish_at <= case.now, "publishAt is not in the future.", "Choose a later settings.publishAt."),
        (
            settings.privacy_status != "private",
            "publishAt needs privacyStatus private; YouTube makes the video public then.",
            "Set settings.privacyStatus to private, or remove settings.publishAt.",
        ),
        (
            case.draft.scheduled_for is not None,
            "publishAt cannot be combined with scheduledFor.",
            "Keep one: scheduledFor uploads the video then, publishAt uploads it now and shows it then.",
        ),
    )
    for is_fault, message, hint in faults:
        if is_fault:
            yield case.problem("VALIDATION_FAILED", case.setting("publishAt"), message, hint=hint)


ACCEPTS = Accepts(
    platform="youtube",
    title="YouTube",
    source="https://developers.google.com/youtube/v3/docs/videos#resource",
    read=date(2026, 11, 22),
    texts=(
        TextLimit("title", 100, of=lambda draft: settings_of(draft, Settings).title or "", setting="title"),
        TextLimit("title", 100, of=text_as_title, instead="settings.title"),
        TextLimit("description", 5000, utf8_bytes, "bytes", of=own_description, setting="description"),
        TextLimit("description", 5000, utf8_bytes, "bytes", of=text_as_description, instead="settings.description"),
    ),
    compose=title,
    kinds={
        "video": Kind(
            (
                "video/mp4",
                "video/quicktime",
                "video/webm",
                "video/mpeg",
                "video/x-msvideo",
                "video/x-matroska",
                "video/x-flv",
                "video/x-ms-wmv",
                "video/3gpp",
            ),
            1,
            # https://support.google.com/youtube/answer/71673: 256 GB or 12 hours
            Limits(max_bytes=256 * 1024**3, seconds=(0, 43_200)),
        )
    },
    settings=Settings,
    text_only=False,
    schedules=True,
    explicit_media=frozenset({"image", "gif", "video"}),
    rules=(has_title, no_angle_brackets, tags_fit, publish_at),
)
